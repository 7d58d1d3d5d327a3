"""The signature of a run: every kink that it passed, in order, and on which side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradcheck.capture import kinks
from gradcheck.capture.kinks import Pattern
from gradcheck.capture.probes import Probes, stop

MOST = 1_000_000
"""Kinks after which a run is given up: it goes round in circles."""


class Kinks:
    """The probes that note kinks."""

    def __init__(self) -> None:
        self.signature: list[tuple[int, Pattern]] = []
        """Site number and pattern of each."""
        self._floats: set[int] = set()
        self._watched: dict[int, tuple[object, Callable[..., Any]]] = {}
        """By site, the function that was called there and what was called in its place: it is mostly the same again."""

    def begin(self) -> None:
        """Forget the last run."""
        self.signature = []
        self._floats.clear()

    def probes(self) -> Probes:
        return {"operand": self.operand, "compared": self.compared, "kink": self.kink}

    def operand(self, site: int, value: Any) -> Any:
        if issubclass(type(value), float):
            self._floats.add(site)
        return value

    def compared(self, site: int, result: Any, *operands: Any) -> Any:
        floats = site in self._floats or any(issubclass(type(o), float) for o in operands)
        pattern = kinks.of_comparison(result, floats)
        if pattern is not None:
            self._note(site, pattern)
        return result

    def kink(self, site: int, function: Any) -> Any:
        known = self._watched.get(site)
        if known is not None and known[0] is function:
            return known[1]
        sides = kinks.sides_of(function)
        if sides is None:
            return function
        watched = self._watching(site, function, sides)
        if not kinks.is_method(function):
            self._watched[site] = function, watched
        return watched

    def _watching(self, site: int, function: Callable[..., Any], sides: kinks.Sides) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            args = kinks.spread(args)
            pattern = kinks.pattern(sides, args, kwargs)
            if pattern is not None:
                self._note(site, pattern)
            return function(*args, **kwargs)

        return called

    def _note(self, site: int, pattern: Pattern) -> None:
        self.signature.append((site, pattern))
        if len(self.signature) > MOST:
            stop()
