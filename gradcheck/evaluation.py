"""What a scalar function hands back for one input: its value, and on which side of every kink it passed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

Signature: TypeAlias = tuple[tuple[Hashable, Array], ...]
"""One `(label, pattern)` per kink site passed, in order; a pattern is a small int or bool array."""


class Evaluation(NamedTuple):
    """One run of a scalar function."""

    value: complex | float
    """f(x); may be nan or inf."""
    signature: Signature = ()
    """The side taken at each kink site: `z > 0` of a ReLU, the argmax of a maximum."""


Function: TypeAlias = Callable[[Array], Evaluation]
"""f(x) for x of dtype float64, float32 or complex128. The engine owns x: f neither keeps nor changes it."""
