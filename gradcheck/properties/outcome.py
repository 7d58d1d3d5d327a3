"""What a property saw on one network, and how its findings are worded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import cells
from gradcheck.capture.record import Value
from gradcheck.properties.drawing import Array

CLOSE = 1e-9
"""Relative difference up to which two ways of computing the same numbers agree: sums in another order."""
SINGLE = 1e-4
"""The same where the forward computes in single precision."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one network; all empty when the property held."""

    failure: str = ""
    """What went wrong, in one sentence."""
    lines: tuple[str, ...] = ()
    """What the code computed, where, and what is right."""
    nothing: str = ""
    """Why nothing could be seen on this network."""
    missing: str = ""
    """The precondition that the target doesn't meet."""
    minor: bool = False
    """Whether a failure is worth no more than a warning, whatever the property."""

    @property
    def held(self) -> bool:
        """Whether the property was tried and held."""
        return not (self.failure or self.nothing or self.missing)


HELD = Outcome()


def nothing(reason: str) -> Outcome:
    """This network could not show it."""
    return Outcome(nothing=reason)


def missing(reason: str) -> Outcome:
    """The target doesn't meet the precondition."""
    return Outcome(missing=reason)


def place(value: Value) -> str:
    """original.py:47"""
    return cells.place(Path(value.site.file).name, value.site.line)


def difference(a: Any, b: Any, size: float = 0.0, *, close: float = CLOSE) -> bool:
    """Whether two arrays of one shape differ by more than rounding, measured by their largest entry or `size`."""
    a, b = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(b, dtype=float))
    same = np.isfinite(a) == np.isfinite(b)
    if not same.all():
        return True
    finite = np.isfinite(a)
    a, b = a[finite], b[finite]
    largest = max(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0)), size)
    return bool((np.abs(a - b) > close * largest).any())


def number(value: float) -> str:
    """A figure of a message."""
    return f"{value:.6g}"


def shape(array: Array) -> str:
    """(3,), (2, 3) or ()."""
    return f"({array.shape[0]},)" if array.ndim == 1 else str(array.shape)
