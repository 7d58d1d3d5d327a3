"""On which side of its kinks a function was evaluated: the pattern of each max, abs, comparison or argmax it passed.

Two evaluations with the same patterns lie on one smooth piece, so a difference between them is a derivative. The
patterns come from the operands that the code hands to these functions, not from every value that crosses zero.
Functions are known by identity, whatever they are called by; those of the user's own are not NumPy's.
"""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Pattern = np.ndarray[Any, Any]
Sides = Callable[..., Pattern | None]
"""From a call's arguments to its pattern; None where it has no kink."""

_ARRAY, _NUMBERS = np.ndarray, (int, float)
TRUE, FALSE = np.asarray(True), np.asarray(False)
ZEROS = {np.dtype(code): np.zeros((), code) for code in "efdg"}
"""What most is compared with, by the other's type: NumPy takes half the time for an array as for a Python number."""


def of_comparison(result: object, floats: bool) -> Pattern | None:
    """The pattern of a comparison is its result; one of Python ints or strings has none that matters."""
    kind = type(result)
    if kind is bool:
        return (TRUE if result else FALSE) if floats else None
    if kind is np.bool_:
        return TRUE if result else FALSE
    if issubclass(kind, np.ndarray) and result.dtype == bool:  # type: ignore[attr-defined]
        return np.array(result)
    return None


def sides_of(function: object) -> Sides | None:
    """What tells the side for calls of a function; None where it is no kink of NumPy's or Python's own."""
    known = _FUNCTIONS.get(id(function))
    if known is not None:
        return known[1]
    if not is_method(function):
        return None
    owner: Any = function.__self__  # type: ignore[attr-defined]
    if type(owner) is np.ufunc:
        return _REDUCTIONS.get((owner.__name__, function.__name__))  # type: ignore[attr-defined]
    if not issubclass(type(owner), (np.ndarray, np.floating, list)):
        return None
    sides = OF_ARRAYS.get(function.__name__)  # type: ignore[attr-defined]
    return None if sides is None else functools.partial(sides, owner)


def is_method(function: object) -> bool:
    """Whether it is bound to something, Z.max or np.maximum.reduce, and so made anew for every call."""
    return type(function) in _METHODS


def is_method_of_array(function: Any) -> bool:
    """Whether it is bound to a plain array, as Z.max is."""
    return type(function) is _METHOD and type(function.__self__) is np.ndarray  # type: ignore[attr-defined,unused-ignore]


def along(function: Any, axis: int) -> Pattern | None:
    """The pattern of a method of an array that is about to be called with this axis, Z.max(axis=1).

    None where it isn't the maximum or minimum of several numbers. It is the quickest way to tell.
    """
    find = _FINDS.get(function.__name__) if type(function) is _METHOD else None
    if find is None:
        return None
    a = function.__self__
    if type(a) is not _ARRAY or a.dtype.kind != "f" or not -a.ndim <= axis < a.ndim or a.ndim < 2 or not a.shape[axis]:
        return None
    return find(a, axis)


def spread(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with an iterator of `max(z for z in zs)` made a list, so that it can be looked at and then used."""
    if len(args) == 1 and not issubclass(type(args[0]), (np.ndarray, np.generic, list, tuple, float, int)):
        return (list(args[0]),) if hasattr(type(args[0]), "__next__") else args
    return args


def _real(values: Any) -> Pattern | None:
    """Floating numbers as an array, complex ones by their real parts; None for anything else."""
    if type(values) is not np.ndarray:
        if not issubclass(type(values), (np.ndarray, np.generic, float, complex, list, tuple)):
            return None
        values = np.asarray(values)
    kind = values.dtype.kind
    return values if kind == "f" else values.real if kind == "c" else None


def _greater(a: Any, b: Any = 0, /, *_: Any, **__: Any) -> Pattern | None:
    if type(b) in _NUMBERS and type(a) is _ARRAY and a.ndim and a.dtype.kind == "f":
        found: Pattern = np.greater(a, b or ZEROS.get(a.dtype, b))
        return found
    if _real(a) is None and _real(b) is None:
        return None
    result: Pattern = np.asarray(np.greater(np.real(a), np.real(b)))
    return result


def _positive(a: Any, /, *_: Any, **__: Any) -> Pattern | None:
    x = _real(a)
    return None if x is None else np.asarray(x > 0)


def _sign_of_second(_: Any, b: Any, /, *__: Any, **___: Any) -> Pattern | None:
    return _positive(b)


def _extreme(*finds: Callable[..., Any]) -> Sides:
    single = finds[0] if len(finds) == 1 else None

    def where(a: Any, /, axis: Any = None, *_: Any, **__: Any) -> Pattern | None:
        if single is not None and type(axis) is int and type(a) is _ARRAY and a.ndim > 1 and a.dtype.kind == "f":
            found: Pattern = single(a, axis)  # much the most frequent, and in the innermost loop of every check
            return found
        x = _real(a)
        if x is None or x.ndim == 0:
            return None
        if isinstance(axis, tuple):
            kept = [i for i in range(x.ndim) if i not in {k % x.ndim for k in axis}]
            x = x.transpose(*kept, *(k % x.ndim for k in axis))
            x, axis = x.reshape(*x.shape[: len(kept)], -1), -1
        if single is not None:
            return np.asarray(single(x, axis))
        return np.asarray([find(x, axis) for find in finds])

    return where


def _accumulated(accumulate: Callable[..., Any]) -> Sides:
    def where(a: Any, axis: int = 0, /, *_: Any, **kwargs: Any) -> Pattern | None:
        x = _real(a)
        return None if x is None else np.asarray(x == accumulate(x, axis=kwargs.get("axis", axis)))

    return where


def _first_axis(extreme: Sides) -> Sides:
    return lambda a, /, axis=0, *_, **__: extreme(a, axis)


def _of_several(find: Callable[..., Any], sort: bool = False) -> Sides:
    def where(*values: Any, key: Any = None, default: Any = None, reverse: bool = False) -> Pattern | None:
        several = list(values[0] if len(values) == 1 else values)
        if key is not None or not all(issubclass(type(v), (int, float, np.number, np.ndarray)) for v in several):
            return None
        x = _real(several)
        return None if x is None or x.ndim != 1 else np.asarray(find(x))

    return where


def _clipped(a: Any, low: Any = None, high: Any = None, /, *_: Any, **kwargs: Any) -> Pattern | None:
    low = kwargs.get("a_min", kwargs.get("min", low))
    high = kwargs.get("a_max", kwargs.get("max", high))
    x = _real(a)
    if x is None:
        return None
    sides = np.zeros(x.shape, dtype=np.int8)
    for bound in (low, high):
        if bound is not None:
            sides = sides + (x > np.real(bound))
    return sides


def _order(default: int | None, position: int) -> Sides:
    def order(a: Any, /, *rest: Any, **kwargs: Any) -> Pattern | None:
        axis = kwargs.get("axis", rest[position] if len(rest) > position else default)
        x = _real(a)
        if x is None or x.ndim == 0:
            return None
        if axis is None or isinstance(axis, tuple):
            x, axis = x.reshape(-1), -1
        return np.argsort(x, axis=axis, kind="stable")

    return order


def _stepped(to: Callable[[Any], Any]) -> Sides:
    def steps(a: Any, digits: Any = 0, /, *_: Any, **kwargs: Any) -> Pattern | None:
        x = _real(a)
        digits = kwargs.get("decimals", kwargs.get("ndigits", digits))
        scale = 10.0**digits if to is np.rint and type(digits) is int else 1.0
        return None if x is None else np.asarray(to(x * scale))

    return steps


def _quotient(a: Any, b: Any, /, *_: Any, **__: Any) -> Pattern | None:
    x, y = _real(a), _real(b)
    return None if x is None and y is None else np.asarray(np.floor(np.real(a) / np.real(b)))


def _bin(x: Any, bins: Any, /, *_: Any, **__: Any) -> Pattern | None:
    return None if _real(x) is None else np.asarray(np.searchsorted(np.asarray(bins), np.real(x)))


def _inserted(bins: Any, x: Any, /, *_: Any, **__: Any) -> Pattern | None:
    return _bin(x, bins)


_MAX, _MIN = _extreme(np.ndarray.argmax), _extreme(np.ndarray.argmin)
OF_ARRAYS: dict[str, Sides] = {
    **dict.fromkeys(("max", "amax", "nanmax", "argmax", "nanargmax"), _MAX),
    **dict.fromkeys(("min", "amin", "nanmin", "argmin", "nanargmin"), _MIN),
    "ptp": _extreme(np.ndarray.argmax, np.ndarray.argmin),
    "clip": _clipped,
    "sort": _order(-1, 0),
    "argsort": _order(-1, 0),
    "partition": _order(-1, 1),
    "argpartition": _order(-1, 1),
    "round": _stepped(np.rint),
    "searchsorted": _inserted,
}
"""Methods of arrays, and NumPy's functions of the same names."""
_FINDS: dict[str, Callable[..., Pattern]] = {
    **dict.fromkeys(("max", "argmax"), np.ndarray.argmax),
    **dict.fromkeys(("min", "argmin"), np.ndarray.argmin),
}
_OF_NUMPY: dict[str, Sides] = {
    **OF_ARRAYS,
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin"), _greater),
    **dict.fromkeys(("greater", "greater_equal", "less", "less_equal"), _greater),
    **dict.fromkeys(("abs", "absolute", "fabs", "sign", "signbit", "heaviside"), _positive),
    "copysign": _sign_of_second,
    **dict.fromkeys(("median", "nanmedian"), _order(None, 0)),
    **dict.fromkeys(("percentile", "quantile", "nanpercentile", "nanquantile"), _order(None, 1)),
    **dict.fromkeys(("around", "rint"), _stepped(np.rint)),
    **dict.fromkeys(("trunc", "fix", "modf"), _stepped(np.trunc)),
    "floor": _stepped(np.floor),
    "ceil": _stepped(np.ceil),
    **dict.fromkeys(("mod", "remainder", "fmod", "floor_divide", "divmod"), _quotient),
    "digitize": _bin,
    "interp": _bin,
}
_OF_PYTHON: dict[str, Sides] = {
    "abs": _positive,
    "max": _of_several(np.argmax),
    "min": _of_several(np.argmin),
    "sorted": _of_several(lambda x: np.argsort(x, kind="stable")),
    "round": _stepped(np.rint),
    "divmod": _quotient,
}
_OF_MATH: dict[str, Sides] = {
    "fabs": _positive,
    "copysign": _sign_of_second,
    "floor": _stepped(np.floor),
    "ceil": _stepped(np.ceil),
    "trunc": _stepped(np.trunc),
    "fmod": _quotient,
}
_REDUCTIONS: dict[tuple[str, str], Sides] = {
    **{(name, "reduce"): _first_axis(_MAX) for name in ("maximum", "fmax")},
    **{(name, "reduce"): _first_axis(_MIN) for name in ("minimum", "fmin")},
    ("maximum", "accumulate"): _accumulated(np.maximum.accumulate),
    ("minimum", "accumulate"): _accumulated(np.minimum.accumulate),
}


def _functions() -> Iterable[tuple[object, Sides]]:
    for home, table in ((np, _OF_NUMPY), (builtins, _OF_PYTHON), (math, _OF_MATH)):
        for name, sides in table.items():
            function = getattr(home, name, None)
            if function is not None:
                yield function, sides


_FUNCTIONS = {id(function): (function, sides) for function, sides in _functions()}
"""By id, since a user's own callable may have any idea of equality; the functions themselves keep their ids theirs."""
_METHOD = type(np.zeros(0).max)
_METHODS = (_METHOD, type(np.ma.zeros(0).max))
NAMES = frozenset({*_OF_NUMPY, *_OF_PYTHON, *_OF_MATH})
"""Last names by which these functions mostly go."""
