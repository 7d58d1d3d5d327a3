"""Places in the user's files: how a path is shown, what a line says, and which frames of a traceback are theirs."""

from __future__ import annotations

import ast
import linecache
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gradcheck.cells import cell_line, is_cell, place

_WHOLE = re.compile(
    r"'float' object cannot be interpreted as an integer|integers? or slices?, not float|slice indices must be integers"
    r"|only integers, slices"
)
_DIVISION = re.compile(r"[\w)\]]\s*/\s*[\w(]")
_OWN = Path(__file__).resolve().parent
_START = Path.cwd()
_PYTHON = Path(linecache.__file__).resolve().parent


def shown(file: str) -> str:
    """The path as the user would write it: relative to the current folder, or the first one, where it is below it."""
    try:
        path = Path(file).resolve()
        base = next(f for f in (Path.cwd(), _START) if path.is_relative_to(f.resolve()))
        return str(path.relative_to(base.resolve()))
    except (StopIteration, OSError):
        parts = Path(file).parts
        at = max((i for i, part in enumerate(parts) if part == "site-packages"), default=-1)
        return str(Path(*parts[at + 1 :])) if at >= 0 else file


@contextmanager
def overlaid(overlay: Mapping[str, str]) -> Iterator[None]:
    """While this holds, lines are those of the texts given for some files, {absolute path: source}."""
    before = {file: linecache.cache.get(file) for file in overlay}
    for file, text in overlay.items():
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    try:
        yield
    finally:
        for file, kept in before.items():
            linecache.cache.pop(file, None)
            if kept is not None:
                linecache.cache[file] = kept


def line_of(file: str, line: int) -> str:
    """The source line without its newline, "" where there is none."""
    text = cell_line(file, line)
    return linecache.getline(file, line).rstrip("\r\n") if text is None else text


def in_one_loop(file: str, lines: Iterable[int]) -> bool:
    """Whether one loop of a file goes through all of some lines."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return False
    loops = [n for n in ast.walk(tree) if isinstance(n, (ast.For, ast.While))]
    lines = tuple(lines)
    return any(all(n.lineno < line <= (n.end_lineno or n.lineno) for line in lines) for n in loops)


def characters(text: str, column: int) -> int:
    """A column in UTF-8 bytes, as ast counts, in characters."""
    return len(text.encode()[:column].decode(errors="ignore"))


def frames_of(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of the error's traceback in the user's files, outermost first; where there is none, in libraries."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not is_own(f.filename)]
    return [f for f in frames if not is_library(f.filename)] or frames


def told(error: BaseException) -> str:
    """The error in one line with the user's innermost place: "ValueError: ... (net.py:31, in train)"."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = [f for f in frames_of(error) if f.filename.endswith(".py") or is_cell(f.filename)]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({place(shown(error.filename), error.lineno or 0)})"
    if not frames:
        return text
    last = frames[-1]
    return (
        f"{text} ({place(shown(last.filename), last.lineno or 0)}, in {last.name}){_of_python_2(error, last.filename)}"
    )


def _of_python_2(error: BaseException, file: str) -> str:
    """What to say of a size that is no whole number, in code that divides by / as if it gave one."""
    asked = isinstance(error, (TypeError, IndexError)) and _WHOLE.search(str(error))
    divides = asked and any(_DIVISION.search(line) for line in linecache.getlines(file))
    return "; / gives a float in Python 3, // a whole number" if divides else ""


def traced(error: BaseException) -> str:
    """The user's own frames, as Python would print them."""
    lines = [f'  File "{shown(f.filename)}", line {f.lineno}, in {f.name}\n    {f.line}' for f in frames_of(error)]
    return "\n".join(lines)


def is_own(file: str) -> bool:
    """Whether a frame's file is gradcheck's, or none at all: "<string>"."""
    return file.startswith("<") or _OWN in Path(file).resolve().parents


def is_library(file: str) -> bool:
    """Whether a frame's file is Python's own or an installed package's."""
    return "site-packages" in Path(file).parts or _PYTHON in Path(file).resolve().parents
