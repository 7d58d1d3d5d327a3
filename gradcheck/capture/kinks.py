"""On which side of its kinks a function was evaluated: the pattern of each max, abs, comparison or argmax it passed.

Two evaluations with the same patterns lie on one smooth piece, so a difference between them is a derivative. The
patterns come from the operands that the code hands to these functions, not from every value that crosses zero.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

Pattern = np.ndarray[Any, Any]

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def of_comparison(result: object) -> Pattern | None:
    """The pattern of a comparison is its result; one of Python ints or strings has none that matters."""
    if isinstance(result, np.ndarray):
        return result.copy() if result.dtype == bool else None
    return np.asarray(result) if isinstance(result, (bool, np.bool_)) else None


def of_call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Pattern | None:
    """The pattern of `function(*args, **kwargs)`, or None where it is no kink of NumPy's or Python's own."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, (np.ndarray, np.generic)):
        args = (owner, *args)
    elif (
        not isinstance(function, np.ufunc) and (getattr(function, "__module__", None) or "").split(".")[0] not in _HOMES
    ):
        return None
    pattern = _PATTERNS.get(getattr(function, "__name__", ""))
    if pattern is None or not args:
        return None
    try:
        return pattern(*args, **kwargs)
    except (TypeError, ValueError, IndexError):  # an unusual signature: the call itself will say what is wrong with it
        return None


_HOMES = ("numpy", "builtins")


def _side(a: Any, b: Any, /, *_: Any, **__: Any) -> Pattern:
    return np.asarray(np.greater(a, b))


def _extreme(find: Callable[..., Any]) -> Callable[..., Pattern | None]:
    def where(a: Any, /, *rest: Any, axis: Any = None, **_: Any) -> Pattern | None:
        if (rest and not (len(rest) == 1 and (rest[0] is None or isinstance(rest[0], (int, tuple))))) or np.ndim(
            a
        ) == 0:
            # Python's max(a, b, ...): which of them it is
            return np.asarray(find(np.asarray([a, *rest], dtype=float), axis=0)) if np.ndim(a) == 0 and rest else None
        axis = rest[0] if rest else axis
        if isinstance(axis, tuple):
            values = np.asarray(a)
            kept = [i for i in range(values.ndim) if i not in {k % values.ndim for k in axis}]
            values = values.transpose(*kept, *(k % values.ndim for k in axis))
            return np.asarray(find(values.reshape(*values.shape[: len(kept)], -1), axis=-1))
        return np.asarray(find(a, axis=axis))

    return where


def _clip(a: Any, low: Any = None, high: Any = None, /, **kwargs: Any) -> Pattern:
    low = kwargs.get("a_min", kwargs.get("min", low))
    high = kwargs.get("a_max", kwargs.get("max", high))
    values = np.asarray(a)
    pattern = np.zeros(values.shape, dtype=np.int8)
    if low is not None:
        pattern = pattern + (values > low)
    if high is not None:
        pattern = pattern + (values > high)
    return pattern


def _sign(a: Any, /, *_: Any, **__: Any) -> Pattern:
    return np.asarray(np.greater(a, 0))


def _order(a: Any, /, *rest: Any, axis: Any = -1, **_: Any) -> Pattern:
    return np.argsort(a, axis=axis, kind="stable")


def _rounded(to: Callable[[Any], Any]) -> Callable[..., Pattern]:
    return lambda a, /, *_, **__: np.asarray(to(a))


_PATTERNS: dict[str, Callable[..., Pattern | None]] = {
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin"), _side),
    **dict.fromkeys(("abs", "absolute", "fabs", "sign", "heaviside"), _sign),
    **dict.fromkeys(("max", "amax", "nanmax", "argmax"), _extreme(np.argmax)),
    **dict.fromkeys(("min", "amin", "nanmin", "argmin"), _extreme(np.argmin)),
    "clip": _clip,
    **dict.fromkeys(("sort", "argsort", "partition", "median"), _order),
    **dict.fromkeys(("round", "around", "rint"), _rounded(np.rint)),
    "floor": _rounded(np.floor),
    "ceil": _rounded(np.ceil),
    "trunc": _rounded(np.trunc),
}
