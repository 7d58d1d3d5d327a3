"""How a rule declares itself, and how all of them are found: each is a function in a module of this package.

    @of_gradient(rank=20)
    def transposed(evidence: Evidence) -> Finding | None: ...

The rank is the rule's place among those of its kind, the lowest first. No two are the same, and there is room between.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gradcheck.rules.evidence import Evidence, Run
from gradcheck.rules.finding import Finding


@dataclass(frozen=True, slots=True)
class OfGradient:
    """A rule of one wrong gradient: of those that fire on every probe the first names the cause."""

    find: Callable[[Evidence], Finding | None]
    rank: int
    searches: bool
    """Whether it runs the code again: then it is asked only where no other rule fires."""

    def __call__(self, evidence: Evidence) -> Finding | None:
        return self.find(evidence)


@dataclass(frozen=True, slots=True)
class OfRun:
    """A rule of a run as a whole, whether or not a gradient is wrong: all that it says is told, in order of rank."""

    find: Callable[[Run], Iterable[Finding]]
    rank: int

    def __call__(self, run: Run) -> Iterable[Finding]:
        return self.find(run)


_Rule = TypeVar("_Rule", OfGradient, OfRun)


def of_gradient(rank: int, *, searches: bool = False) -> Callable[[Callable[[Evidence], Finding | None]], OfGradient]:
    """Declares a rule of one wrong gradient; the likeliest and most specific causes have the lowest ranks."""
    return lambda find: OfGradient(find, rank, searches)


def of_run(rank: int) -> Callable[[Callable[[Run], Iterable[Finding]]], OfRun]:
    """Declares a rule of a whole run."""
    return lambda find: OfRun(find, rank)


def declared(kind: type[_Rule], package: str, folders: Sequence[str]) -> tuple[_Rule, ...]:
    """All rules of a kind that the modules of a package declare, in order."""
    return tuple(sorted((r for r in _all(package, tuple(folders)) if isinstance(r, kind)), key=lambda r: r.rank))


@functools.cache
def _all(package: str, folders: tuple[str, ...]) -> tuple[Any, ...]:
    modules = [importlib.import_module(f"{package}.{m.name}") for m in pkgutil.iter_modules(folders)]
    values = ((module.__name__, value) for module in modules for value in vars(module).values())
    return tuple(v for home, v in values if isinstance(v, (OfGradient, OfRun)) and v.find.__module__ == home)
