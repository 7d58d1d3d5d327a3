"""The signature of a run: every kink that it passed, in order, and on which side."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

from gradcheck.capture import kinks
from gradcheck.capture.kinks import Pattern
from gradcheck.capture.probes import Probes, stop

MOST = 1_000_000
"""Kinks after which a run is given up: it goes round in circles."""


class Kinks:
    """The probes that note kinks."""

    def __init__(self, label: Callable[[int], Any] = int) -> None:
        self.signature: list[tuple[Any, Pattern]] = []
        """Label and pattern of each that this run has passed; the site's number, if it has no other label."""
        self._label = label
        self._floats: set[int] = set()
        self._watched: dict[int, tuple[object, Callable[..., Any]]] = {}
        """By site, the function or the name of the array's method that was called there, and what is called instead.

        It is mostly the same again.
        """

    def begin(self) -> None:
        """Forget the last run."""
        self.signature.clear()
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
            self._note(self._label(site), pattern)
        return result

    def kink(self, site: int, function: Any, axis: int | None = None) -> Any:
        if axis is not None:
            pattern = kinks.along(function, axis)
            if pattern is not None:
                self.signature.append((self._label(site), pattern))
                return function
        known = self._watched.get(site)
        if known is not None:
            before, watched = known
            if before is function:
                return watched
            if kinks.is_method_of_array(function) and function.__name__ == before:
                return MethodType(watched, function)  # half the time of a partial
        return self._watching(site, function)

    def _watching(self, site: int, function: Any) -> Any:
        """What is called in the place of a function that has kinks; the function itself if it has none."""
        sides = kinks.sides_of(function)
        if sides is None:
            return function
        if kinks.is_method_of_array(function):
            watched = self._watching_method(site, kinks.OF_ARRAYS[function.__name__])
            self._watched[site] = function.__name__, watched
            return MethodType(watched, function)

        def called(*args: Any, **kwargs: Any) -> Any:
            if len(args) == 1:
                args = kinks.spread(args)
            try:
                # in the innermost loop of every check: what is left out costs a tenth of it
                pattern = sides(*args, **kwargs) if kwargs else sides(*args)
            except Exception:  # an unusual signature: the call itself will say what is wrong with it
                pattern = None
            if pattern is not None:  # as _note does, less a call
                append((label, pattern))
                if len(signature) > MOST:
                    stop()
            return function(*args, **kwargs) if kwargs else function(*args)

        signature, append, label = self.signature, self.signature.append, self._label(site)
        if not kinks.is_method(function):
            self._watched[site] = function, called
        return called

    def _watching_method(self, site: int, sides: kinks.Sides) -> Callable[..., Any]:
        def called(method: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                pattern = sides(method.__self__, *args, **kwargs)
            except Exception:
                pattern = None
            if pattern is not None:
                append((label, pattern))
                if len(signature) > MOST:
                    stop()
            return method(*args, **kwargs)

        signature, append, label = self.signature, self.signature.append, self._label(site)
        return called

    def _note(self, label: Any, pattern: Pattern) -> None:
        self.signature.append((label, pattern))
        if len(self.signature) > MOST:
            stop()
