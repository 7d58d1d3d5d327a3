"""Where the user's code is: for a time-out, a crash, something refused, or an exception that nobody expected."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import re
import signal
import traceback
from pathlib import Path
from types import FrameType

from gradcheck import cells
from gradcheck.source import is_library, is_own, shown

_ROOT = Path(__file__).resolve().parents[2]
_ENTRY = Path(__file__).with_name("inside.py").resolve()
"""Behind its frames come those of whatever has called gradcheck: its console script, a test runner."""
_FILE = "where"
_FRAME = re.compile(r'  File "(.+)", line (\d+) in (.+)')


def of_frame(frame: FrameType | None) -> str:
    """The innermost place in the user's files from a frame outwards: "net.py:12"; "" where there is none."""
    while frame is not None and not _is_entry(frame.f_code.co_filename):
        if is_users(frame.f_code.co_filename):
            return cells.place(shown(frame.f_code.co_filename), frame.f_lineno)
        frame = frame.f_back
    return ""


def is_users(file: str) -> bool:
    """Whether a frame's file is neither gradcheck's nor Python's nor an installed package's."""
    return not is_own(file) and not is_library(file)


def _is_entry(file: str) -> bool:
    return file.endswith(_ENTRY.name) and Path(file).resolve() == _ENTRY


def raised_by_user(error: BaseException) -> bool:
    """Whether the innermost frame, libraries aside, is the user's and not gradcheck's."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_users(frame.filename):
            return True
        if is_own(frame.filename):
            return False
    return False


def own_frames(error: BaseException) -> str:
    """The error with gradcheck's own frames, for whoever repairs it."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if is_own(f.filename) and f.filename[0] != "<"]
    lines = [f"  {Path(f.filename).resolve().relative_to(_ROOT)}:{f.lineno}, in {f.name}\n    {f.line}" for f in frames]
    return "\n".join([*lines, f"  {type(error).__name__}: {error}"])


# -- for the parent: written down by the interpreter itself, even where no Python code runs any more


def write_down_into(private: Path) -> None:
    """Have the stack written into the folder on a crash, and when the parent says that time is up."""
    file = os.open(private / _FILE, os.O_WRONLY | os.O_CREAT)
    faulthandler.enable(file, all_threads=False)
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGTERM, file, all_threads=False)


def read(private: Path) -> str:
    """What was written down: "net.py:12, in train"; "" where nothing was."""
    with contextlib.suppress(OSError):
        for file, line, name in _FRAME.findall((private / _FILE).read_text(errors="replace")):
            if _is_entry(file):
                return ""
            if is_users(file):
                return f"{cells.place(shown(file), int(line))}{'' if name == '<module>' else f', in {name}'}"
    return ""
