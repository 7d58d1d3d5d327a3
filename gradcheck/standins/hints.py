"""What a target's own source says of the data that it reads: sizes, names of columns, numbers of rows."""

from __future__ import annotations

import ast
import contextlib
import functools
import linecache
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.cells import Unit, units
from gradcheck.source import is_library, is_own
from gradcheck.standins.columns import Columns, columns

_REPEATS = re.compile("(?i)epoch|iter|step|pass|every|seed|print")
WIDEST = 4096
"""Numbers above this are no number of columns."""
MOST_ROWS = 42_000
FEW_ROWS = 600


class Hints:
    """Read off the sources once, when data is first missing."""

    def __init__(self, sources: tuple[Path, ...]) -> None:
        self._notes: dict[str, str] = {}
        self._sources = sources
        self._read: tuple[list[int], list[str]] | None = None
        self.guess = 0
        """Which of several widths a table of unknown width gets."""
        self.guessed = False
        """Whether one was made of such a width."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was stood in for, once each."""
        return tuple(self._notes.values())

    def tell(self, what: str, text: str) -> None:
        """Note that something was stood in for, and how."""
        self._notes[what] = text

    @property
    def numbers(self) -> list[int]:
        """Whole numbers in the sources, each once, the most frequent first."""
        return self._known()[0]

    @property
    def keys(self) -> list[str]:
        """Texts by which the sources index something: names of columns, among others; in the order of the source."""
        return self._known()[1]

    @functools.cached_property
    def columns(self) -> Columns:
        """Of the tables that the sources read."""
        return columns(self._trees())

    def widths(self) -> list[int]:
        """Numbers of columns that a table of unknown width may have: a label beside as many as a number says."""
        found = [n + 1 for n in self.numbers if 1 < n <= WIDEST]
        return list(dict.fromkeys([*found, *(n for n in self.numbers if 1 < n <= WIDEST), 5]))

    def rows(self) -> int:
        """Enough for every slice that the sources name."""
        named = [n for n in self.numbers if FEW_ROWS // 2 <= n <= MOST_ROWS]
        return min(max(named, default=0) + FEW_ROWS, MOST_ROWS)

    def samples(self, full: int) -> int:
        """Of a data set with `full` samples as many as the sources speak of, and some more; else a few."""
        named = max([FEW_ROWS, *(n for n in self.numbers if n <= full)])
        return min(full, named + 16)  # a number of samples that is also one of features would hide which is which

    def says(self, what: re.Pattern[str]) -> bool:
        """Whether the text of any source does."""
        return any(what.search(str(unit.text)) for path in self._sources for unit in _readable(path))

    def _known(self) -> tuple[list[int], list[str]]:
        if self._read is None:
            numbers: dict[int, int] = {}
            keys: dict[str, None] = {}
            for tree in self._trees():
                repeats = {id(n) for node in ast.walk(tree) for n in _repeats(node)}
                for node in ast.walk(tree):
                    if isinstance(node, ast.Constant) and type(node.value) is int and id(node) not in repeats:
                        numbers[node.value] = numbers.get(node.value, 0) + 1
                    keys.update(dict.fromkeys(_indices(node)))
            self._read = sorted(numbers, key=lambda n: -numbers[n]), list(keys)
        return self._read

    def _trees(self) -> Iterator[ast.Module]:
        for path in self._sources:
            for unit in units(path):
                try:
                    yield ast.parse(unit.text)
                except (SyntaxError, ValueError):
                    continue


def _readable(path: Path) -> Iterator[Unit]:
    """The units of a source; none of a notebook that is damaged, which is told where it is run."""
    with contextlib.suppress(ValueError):
        yield from units(path)


def _indices(node: ast.AST) -> Iterator[str]:
    """Texts in brackets, and those that `drop` is told."""
    inside: Any = None
    if isinstance(node, ast.Subscript):
        inside = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("drop", "pop"):
        inside = ast.Tuple([*node.args, *(k.value for k in node.keywords)], ast.Load())
    if inside is not None:
        yield from (n.value for n in ast.walk(inside) if isinstance(n, ast.Constant) and type(n.value) is str)


def _repeats(node: ast.AST) -> Iterator[ast.AST]:
    """What says how often something is done: it is no size of data."""
    named: list[tuple[str, ast.AST | None]] = []
    if isinstance(node, ast.Assign):
        named = [(ast.unparse(target), node.value) for target in node.targets]
    elif isinstance(node, ast.keyword):
        named = [(node.arg or "", node.value)]
    elif isinstance(node, ast.arguments):
        positional = [*node.posonlyargs, *node.args][-len(node.defaults) :] if node.defaults else []
        named = [(a.arg, d) for a, d in [*zip(positional, node.defaults), *zip(node.kwonlyargs, node.kw_defaults)]]
    elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
        named = [(node.target.id, node.iter)]
    yield from (value for name, value in named if value is not None and _REPEATS.search(name))


def by_user(depth: int = 2) -> bool:
    """Whether the caller of what asks, so many frames up, is the user's own code."""
    file = sys._getframe(depth).f_code.co_filename
    return not is_own(file) and not is_library(file)


def needs_it(depth: int = 2) -> bool:
    """The same, where that code has no answer of its own to what is missing: an `except` that makes or trains it."""
    frame = sys._getframe(depth)
    file, line = frame.f_code.co_filename, frame.f_lineno
    return by_user(depth + 1) and not any(line in lines for lines in _answered(file))


@functools.lru_cache(64)
def _answered(file: str) -> tuple[range, ...]:
    """The lines of bodies of `try` whose handlers go on in another way, rather than to say so and end."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return ()
    tried = [node for node in ast.walk(tree) if isinstance(node, ast.Try)]
    answers = (ast.Assign, ast.AugAssign, ast.For, ast.While)
    going_on = [t for t in tried if any(isinstance(n, answers) for h in t.handlers for n in ast.walk(h))]
    return tuple(range(t.body[0].lineno, (t.body[-1].end_lineno or 0) + 1) for t in going_on)


def random() -> np.random.Generator:
    """The same numbers each time; nobody's global generator is touched."""
    return np.random.default_rng(0)
