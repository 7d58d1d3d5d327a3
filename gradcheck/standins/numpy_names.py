"""Names that older code takes from NumPy and newer NumPy no longer has, given for the run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradcheck.standins.hints import Hints, by_user

OLD: dict[str, Callable[[], Any]] = {
    "float": lambda: float,
    "int": lambda: int,
    "bool": lambda: bool,
    "complex": lambda: complex,
    "object": lambda: object,
    "str": lambda: str,
    "long": lambda: int,
    "float_": lambda: np.float64,
    "complex_": lambda: np.complex128,
    "unicode_": lambda: np.str_,
    "string_": lambda: np.bytes_,
    "Inf": lambda: np.inf,
    "Infinity": lambda: np.inf,
    "PINF": lambda: np.inf,
    "NINF": lambda: -np.inf,
    "infty": lambda: np.inf,
    "NaN": lambda: np.nan,
    "NAN": lambda: np.nan,
    "PZERO": lambda: 0.0,
    "NZERO": lambda: -0.0,
    "asscalar": lambda: lambda a: a.item(),
    "product": lambda: np.prod,
    "cumproduct": lambda: np.cumprod,
    "sometrue": lambda: np.any,
    "alltrue": lambda: np.all,
    "round_": lambda: np.round,
    "row_stack": lambda: np.vstack,
    "in1d": lambda: lambda a, b, **kwargs: np.isin(np.ravel(a), b, **kwargs),
    "trapz": lambda: np.trapezoid,
    "mat": lambda: np.asmatrix,
    "msort": lambda: lambda a: np.sort(a, axis=0),
    "rank": lambda: np.ndim,
}
"""What each stood for."""


@contextlib.contextmanager
def given(hints: Hints) -> Iterator[None]:
    """While this holds, NumPy answers to the old names that it has no longer."""
    module: Any = np
    answers = module.__getattr__

    def answer(name: str) -> Any:
        try:
            return answers(name)
        except AttributeError:
            if name not in OLD or not by_user():
                raise
        hints.tell(f"np.{name}", f"np.{name} is gone from this NumPy: it was given for the run")
        return OLD[name]()

    module.__getattr__ = answer
    try:
        yield
    finally:
        module.__getattr__ = answers
