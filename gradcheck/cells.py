"""Scripts and notebooks as units of source: a script is one, a notebook's code cells are one each, in order."""

from __future__ import annotations

import ast
import json
import linecache
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CELL = re.compile(r"^(?P<notebook>.+\.ipynb), cell (?P<number>\d+)$")
_FOLDER = re.compile(r"(?m)^cd [~/.][\w/.~-]*$")
"""Reads like a quotient."""
_SHELL = r"(?:cd|ls|pwd|pip3?|conda|mkdir|rm|cp|mv|cat|wget|unzip|git)\b(?!\s*[=(.\[,:]).*"
_MAGIC = re.compile(rf"^(\s*)(%{{1,2}}[A-Za-z].*|[!?].*|[\w.]+\?\??\s*|{_SHELL})$")
_ASSIGNED = re.compile(r"^(\s*)([\w\s,]+=\s*)[%!].*$")


@dataclass(frozen=True, slots=True)
class Unit:
    """What is compiled as one."""

    file: str
    """What its places are told by: net.py, or "net.ipynb, cell 3"; with the folder before it."""
    text: str | bytes
    """Its source; of a script the bytes, which say themselves how they are encoded."""


def units(path: Path) -> list[Unit]:
    """A script's source, or a notebook's code cells. Raises ValueError for a file that is no notebook."""
    if path.suffix != ".ipynb":
        return [Unit(str(path), path.read_bytes())]
    found = [Unit(f"{path}, cell {number}", text) for number, text in _code(path).items()]
    for unit in found:
        lines = str(unit.text).splitlines(keepends=True)
        linecache.cache[unit.file] = (len(unit.text), None, lines, unit.file)
    return found


def cell_line(file: str, line: int) -> str | None:
    """A line of a notebook's cell, "" where there is none; None for a file that is no cell."""
    if not is_cell(file):
        return None
    lines = (text_of(file) or "").splitlines()
    return lines[line - 1] if 0 < line <= len(lines) else ""


def text_of(file: str) -> str | None:
    """The source of a notebook's cell; None for a file that is none, or is not there any more."""
    match = _CELL.match(file)
    try:
        return None if match is None else _code(Path(match["notebook"])).get(int(match["number"]))
    except (OSError, ValueError):
        return None


def is_cell(file: str) -> bool:
    """Whether a file's name is that of a notebook's cell."""
    return _CELL.match(file) is not None


def cell_number(file: str) -> int:
    """Of a file's name that is that of a notebook's cell, which one; 0 of any other."""
    match = _CELL.match(file)
    return int(match["number"]) if match else 0


def place(file: str, line: int) -> str:
    """A place as the reader looks it up: "net.py:12", "net.ipynb, cell 3, line 5"."""
    return f"{file}, line {line}" if is_cell(file) else f"{file}:{line}"


def _code(path: Path) -> dict[int, str]:
    """Code cells by their number, counted from 1 among all cells that hold code."""
    notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    cells: Any = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict):  # the format before 4
        cells = [cell for sheet in notebook.get("worksheets", ()) for cell in sheet.get("cells", ())]
    if not isinstance(cells, list):
        raise ValueError("it has no cells")
    code = [c for c in cells if isinstance(c, dict) and c.get("cell_type") == "code"]
    return {i: _plain(c.get("source") or c.get("input") or "") for i, c in enumerate(code, 1)}


def _plain(source: str | list[str]) -> str:
    """A cell as Python: what is said to the notebook, not to Python, is left out, and lines keep their numbers."""
    text = source if isinstance(source, str) else "".join(source)
    if re.match(r"\s*%%", text):  # a cell of another language, or one that is timed, which is Python behind its first
        first, _, rest = text.partition("\n")
        timed = re.match(r"\s*%%(time|timeit|capture|prun)\b", first)
        return f"\n{_plain(rest)}" if timed else ""
    if _parses(text) and not _FOLDER.search(text):
        return text
    return "\n".join(_line(line) for line in text.split("\n"))


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _line(line: str) -> str:
    if match := _MAGIC.match(line):
        return f"{match[1]}pass"
    if match := _ASSIGNED.match(line):
        return f"{match[1]}{match[2]}None"
    return line
