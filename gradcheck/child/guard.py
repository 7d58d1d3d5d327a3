"""An audit hook that refuses what a target must not do while it is checked: write, connect, start programs.

No prison: it stops what a training script does in passing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from gradcheck.child import place
from gradcheck.errors import Refused, RefusedProgram

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
HARMLESS = {os.devnull, "/dev/stdout", "/dev/stderr", "/dev/tty"}
"""What may be written to: nowhere, and what leads to the child's own streams."""
REMOVES = "os.remove os.rmdir"
CHANGES_FIRST = (
    "os.mkdir os.truncate os.chmod os.chown os.utime os.setxattr os.removexattr shutil.rmtree"
    " shutil.chown shutil.make_archive sqlite3.connect"
)
CHANGES_SECOND = (
    "os.link os.symlink shutil.copyfile shutil.copytree shutil.copymode shutil.copystat shutil.unpack_archive"
)
CHANGES_BOTH = "os.rename shutil.move"
CONNECTS = (
    "socket.connect socket.bind socket.getaddrinfo socket.gethostbyname socket.gethostbyaddr socket.getnameinfo"
    " socket.sendto socket.sendmsg urllib.Request webbrowser.open ftplib.connect smtplib.connect"
)
STARTS = (
    "subprocess.Popen os.system os.exec os.posix_spawn os.spawn os.fork os.forkpty os.startfile os.startfile/2"
    " pty.spawn"
)
SIGNALS = "os.kill os.killpg"
MOST = 5
"""How many of the things that were not written are named."""
Check = Callable[[str, tuple[Any, ...]], None]


class Guard:
    """Stands between the target and the world; remembers what it refused, and what else the reader should know."""

    def __init__(self, private: Path) -> None:
        """`private` is the folder in which everything is allowed."""
        self._private = f"{os.path.realpath(private)}{os.sep}"
        self._notes: dict[str, None] = {}
        self._left_out: dict[str, None] = {}

    def stand(self) -> None:
        """From now on, until the process ends: an audit hook can't be taken off."""
        checks: dict[str, Check] = {"open": self._opens}
        for events, check in (
            (REMOVES, lambda event, args: self._changes(event, (within(args[1], args[0]),))),
            (CHANGES_FIRST, lambda event, args: self._changes(event, args[:1])),
            (CHANGES_SECOND, lambda event, args: self._changes(event, args[1:2])),
            (CHANGES_BOTH, lambda event, args: self._changes(event, args[:2])),
            (CONNECTS, self._connects),
            (STARTS, self._starts),
            (SIGNALS, self._kills),
        ):
            checks |= dict.fromkeys(events.split(), check)

        def hook(event: str, args: tuple[Any, ...]) -> None:
            check = checks.get(event)
            if check is not None:
                check(event, args)

        sys.addaudithook(hook)

    def note(self, text: str) -> None:
        """For the report."""
        self._notes.setdefault(text)

    def left_out(self, what: str, frame: FrameType) -> None:
        """Something that would have been left behind; `frame` is where."""
        where = place.of_frame(frame)
        self._left_out.setdefault(f"{what} ({where})" if where else what)

    def notes(self) -> tuple[str, ...]:
        """What the reader should know, once each."""
        if not self._left_out:
            return tuple(self._notes)
        first, more = list(self._left_out)[:MOST], len(self._left_out) - MOST
        rest = f" and {more} more" if more > 0 else ""
        return (*self._notes, f"a check leaves nothing behind; not written: {', '.join(first)}{rest}")

    def allows(self, path: Any) -> bool:
        """Whether a path may be written: in the private folder, or where it does no harm; a descriptor is its own."""
        if path is None or isinstance(path, int):
            return isinstance(path, int)
        return text(path) in HARMLESS or f"{os.path.realpath(text(path))}{os.sep}".startswith(self._private)

    def _opens(self, _: str, args: tuple[Any, ...]) -> None:
        path, mode, flags = args
        writes = any(c in mode for c in "wax+") if isinstance(mode, str) else bool((flags or 0) & WRITING)
        if writes and not self.allows(path):
            self._refuse(f"writing {text(path)}")

    def _changes(self, event: str, paths: tuple[Any, ...]) -> None:
        if event == "os.mkdir" and os.path.isdir(text(paths[0])):
            return  # raises FileExistsError by itself
        if event == "sqlite3.connect" and text(paths[0]) == ":memory:":
            return
        if not all(self.allows(path) for path in paths):
            self._refuse(f"{event}({', '.join(map(text, paths))})")

    def _connects(self, event: str, args: tuple[Any, ...]) -> None:
        to = next((a for a in args if isinstance(a, (str, bytes, tuple))), "")
        self._refuse(f"{event} {to if isinstance(to, tuple) else text(to)}".rstrip())

    def _starts(self, event: str, args: tuple[Any, ...]) -> None:
        what = args[1] if event == "subprocess.Popen" and isinstance(args[1], (list, tuple)) else args[:1]
        self._refuse(" ".join([event, *map(text, what)]), RefusedProgram)

    def _kills(self, event: str, args: tuple[Any, ...]) -> None:
        if args[0] not in (0, os.getpid()):
            self._refuse(f"{event}({args[0]})")

    def _refuse(self, what: str, kind: type[Refused] = Refused) -> None:
        where = place.of_frame(sys._getframe(2))
        self.note(f"refused: {what:.200}{f' at {where}' if where else ''}")
        raise kind(f"gradcheck does not let a target do this while it is checked: {what:.200}")


def within(folder: int, path: Any) -> Any:
    """A path that is relative to an open folder, as shutil.rmtree has them, made absolute where that can be told."""
    if folder < 0 or os.path.isabs(text(path)):
        return path
    try:
        return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), text(path))
    except OSError:
        import fcntl

        name = fcntl.fcntl(folder, fcntl.F_GETPATH, bytes(1024)) if hasattr(fcntl, "F_GETPATH") else b""
        return os.path.join(os.fsdecode(name.rstrip(b"\0")), text(path))


def text(path: Any) -> str:
    """A path as text, whatever it is."""
    try:
        return os.fsdecode(path)
    except TypeError:
        return str(path)
