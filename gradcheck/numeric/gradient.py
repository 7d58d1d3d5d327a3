"""The numeric gradient of a plain function: the engine without signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gradcheck.errors import UsageError
from gradcheck.numeric.entries import elementwise
from gradcheck.numeric.estimate import Estimate, Method
from gradcheck.numeric.evaluation import Array, Evaluation


def numeric_gradient(
    f: Callable[[Any], Any],
    x: Any,
    *,
    method: Method = "auto",
    indices: Iterable[int] | None = None,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """The gradient of f at x by finite differences, with an error bar on each entry.

    f: a function of one array that returns a number. x: a float32 or float64 array of any shape (integers are
    taken as float64); f must neither keep nor change what it is given. indices: flat indices, if only some
    entries are wanted. method: "complex" tries the complex step first. Raises UsageError if f(x) is no scalar.

    >>> W = np.array([[1.0, 2.0], [3.0, 4.0]])                      # (2, 2)
    >>> e = numeric_gradient(lambda W: (W**3).sum(), W)
    >>> e.derivative.round(8)                                       # 3W², of W's shape
    array([[ 3., 12.],
           [27., 48.]])
    >>> bool((np.abs(e.derivative - 3 * W**2) <= e.error).all())    # the bar covers what is off
    True
    >>> bool((e.error < 1e-9 * 48).all())                           # and is narrow
    True

    A kink at x has no derivative. The error is inf then, and both sides are given:

    >>> e = numeric_gradient(lambda x: np.maximum(x, 0).sum(), np.array([0.0, 1.0]))
    >>> e.error.round(6), e.reason
    (array([inf,  0.]), 'kink within every usable step')
    >>> [float(side[0].round(3)) for side in e.one_sided]
    [0.0, 1.0]

    A kink near x is stepped around, at the price of a wider bar:

    >>> e = numeric_gradient(lambda x: np.maximum(x, 0).sum(), np.array([1e-7, 1.0]))
    >>> e.derivative.round(6), bool((np.abs(e.derivative - 1) <= e.error).all())
    (array([1., 1.]), True)

    Where f takes complex numbers, the complex step loses nothing to subtraction:

    >>> e = numeric_gradient(lambda x: np.exp(x).sum(), np.array([0.0, 1.0]), method="complex")
    >>> e.method, bool((np.abs(e.derivative - np.exp([0, 1])) < 1e-15).all())
    ('complex', True)
    """

    def evaluate(x: Array) -> Evaluation:
        value = f(x)
        if np.ndim(value) != 0:
            raise UsageError(f"f must return a number, got an array of shape {np.shape(value)}")
        return Evaluation(value)

    return elementwise(evaluate, x, indices=indices, method=method, rng=rng)
