"""Numbers that a person can work by hand: at most two decimals, of the kind that the target's own setup makes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_BLOCK = 8
"""Arrays up to this long along each axis are cut from one draw."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What kind of numbers an array holds."""

    kind: Literal["one-hot", "binary", "real", "given"]
    """`given` is left to the target's own setup: class numbers, rows that sum to one."""
    low: float = 0.0
    """Smallest, of real ones."""
    high: float = 1.0
    """Largest, of real ones."""
    axis: int = -1
    """Along which exactly one entry is 1, of one-hot ones."""
    whole: bool = False
    """True of integers: class numbers, tokens."""


def numbers_of(array: Array, *, parameter: bool) -> Numbers:
    """The kind of numbers in an array that the target's setup made.

    >>> numbers_of(np.eye(3), parameter=False)
    Numbers(kind='one-hot', low=0.0, high=1.0, axis=1, whole=False)
    >>> numbers_of(np.array([0.2, 0.7]), parameter=False)
    Numbers(kind='real', low=0.0, high=1.0, axis=-1, whole=False)
    >>> numbers_of(np.array([2, 0, 1]), parameter=False).kind
    'given'
    """
    if array.dtype.kind in "iu":
        return Numbers("given", whole=True)
    if array.size == 0 or array.dtype.kind != "f" or not np.isfinite(array).all():
        return Numbers("given")
    low, high = float(array.min()), float(array.max())
    if parameter:
        # a scale or a variance has to stay positive; all zeros is how biases begin, which hides one that is dropped
        return Numbers("real", 0.5, 1.5) if low > 0 and (array.ndim < 2 or low == high) else Numbers("real", -1.5, 1.5)
    if low == high:
        return Numbers("given")  # a buffer, a constant
    if ((array == 0) | (array == 1)).all():
        axes = [k for k in reversed(range(array.ndim)) if array.ndim > 1 and (array.sum(axis=k) == 1).all()]
        return Numbers("one-hot", axis=axes[0]) if axes else Numbers("binary")
    if array.ndim > 1 and any(np.allclose(array.sum(axis=k), 1) for k in range(array.ndim)):
        return Numbers("given")
    if low >= 0 and high <= 1:
        return Numbers("real", 0.0, 1.0)
    return Numbers("real", low, high)


def draw(numbers: Numbers, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """An array of that kind; real numbers have two decimals and are never zero.

    A smaller array from the same state is a corner of a larger one, so that a network that shrinks keeps its numbers.
    """
    chance = rng.random(tuple(max(_BLOCK, 1 << (n - 1).bit_length()) for n in shape))
    chance = chance[tuple(slice(n) for n in shape)]
    if numbers.kind == "binary":
        return np.round(chance)
    if numbers.kind == "one-hot":
        count = shape[numbers.axis]
        hot = (chance.take(0, numbers.axis) * count).astype(int)
        return np.moveaxis(np.eye(count)[hot], -1, numbers.axis)
    low, high = round(numbers.low * 100), round(numbers.high * 100)
    if high <= low:
        low, high = low - 100, high + 100
    hundredths = low + np.floor(chance * (high - low + 1))
    return np.where(hundredths == 0, 1 if high > 0 else -1, hundredths) / 100


def written(array: Any, *, most: int = 24) -> str:
    """An array as nested lists, four digits an entry; a large one by its shape only.

    >>> written(np.array([[0.31, -1.2], [1.0, 1e-17]]))
    '[[0.31, -1.2], [1, 0]]'
    """
    array = np.asarray(array)
    if array.size > most:
        return f"an array of shape {array.shape}"
    finite = np.abs(array[np.isfinite(array)]) if array.dtype.kind == "f" else np.zeros(0)
    least = 1e-12 * max(1.0, float(finite.max(initial=0.0)))
    return _nested(array.tolist(), least)


def _nested(value: Any, least: float) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_nested(v, least) for v in value)}]"
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if math.isfinite(value) and value == int(value) and abs(value) < 1e6:
        return str(int(value))
    # rounding noise reads as the zero that it stands for, and so does -0
    return f"{0.0 if abs(value) <= least else value:.4g}"
