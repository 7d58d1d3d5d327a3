"""The little of scipy that from-scratch networks use: minimisers, functions like a sigmoid, two-dimensional filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.standins.hints import Hints
from gradcheck.standins.sklearn_like import Bunch

Array = NDArray[Any]
STEPS = 3
"""That a minimiser makes: the backward pass is seen at the first."""


def contents(_: Hints) -> Mapping[str, Mapping[str, Any]]:
    """What the modules hold."""
    special = {"expit": expit, "logit": lambda p: np.log(p / (1 - p)), "logsumexp": logsumexp, "softmax": softmax}
    filters = {"convolve2d": convolve2d, "correlate2d": correlate2d}
    minimisers = dict.fromkeys(("fmin", "fmin_cg", "fmin_bfgs", "fmin_ncg"), fmin)
    bounded = dict.fromkeys(("fmin_tnc", "fmin_l_bfgs_b"), fmin_bounded)
    return {
        "scipy": {},
        "scipy.special": special,
        "scipy.misc": {"logsumexp": logsumexp},
        "scipy.signal": filters,
        "scipy.optimize": {"minimize": minimize, **minimisers, **bounded},
        "scipy.io": {"loadmat": _loadmat},
        "scipy.stats": {},
    }


def _loadmat(path: Any, *_: Any, **__: Any) -> Any:
    open(path, "rb").close()
    raise NotImplementedError("scipy is not installed, which reads .mat files")


def expit(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def logsumexp(a: Any, axis: Any = None, keepdims: bool = False, **_: Any) -> Any:
    """log(sum(exp(a))), less the maximum inside."""
    top = np.max(a, axis=axis, keepdims=True)
    summed = np.log(np.sum(np.exp(a - top), axis=axis, keepdims=True)) + top
    return summed if keepdims else np.squeeze(summed, axis=axis)


def softmax(x: Any, axis: Any = None) -> Any:
    """exp(x) / sum(exp(x))."""
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def correlate2d(in1: Any, in2: Any, mode: str = "full", *_: Any, **__: Any) -> Array:
    """out[i, j] = sum of in1[i + k, j + l] in2[k, l]."""
    m, n = np.shape(in2)
    return _correlated(in1, np.asarray(in2), mode, (m // 2, n // 2))


def convolve2d(in1: Any, in2: Any, mode: str = "full", *_: Any, **__: Any) -> Array:
    """The same with the second one turned round."""
    m, n = np.shape(in2)
    return _correlated(in1, np.asarray(in2)[::-1, ::-1], mode, ((m - 1) // 2, (n - 1) // 2))


def _correlated(image: Any, kernel: Array, mode: str, middle: tuple[int, int]) -> Array:
    (h, w), (m, n), (i, j) = np.shape(image), kernel.shape, middle
    padded = np.pad(image, ((m - 1, m - 1), (n - 1, n - 1)))
    full: Array = np.einsum("ijkl,kl->ij", np.lib.stride_tricks.sliding_window_view(padded, (m, n)), kernel)
    if mode == "valid":
        return full[m - 1 : h, n - 1 : w]
    return full if mode == "full" else full[i : i + h, j : j + w]


def minimize(fun: Callable[..., Any], x0: Any, args: Any = (), jac: Any = None, **given: Any) -> Bunch:
    """A few short steps down the gradient that is handed over."""
    more = args if isinstance(args, tuple) else (args,)
    x, value = np.array(x0, dtype=float), np.nan
    for _ in range(STEPS):
        value, gradient = fun(x, *more), np.zeros_like(x)
        if jac is True:
            value, gradient = value
        elif callable(jac):
            gradient = jac(x, *more)
        x = x - 1e-3 * np.reshape(gradient, x.shape)
        if given.get("callback"):
            given["callback"](x)
    return Bunch(x=x, fun=value, success=True, message="", nit=STEPS, nfev=STEPS, jac=gradient, status=0)


def fmin(f: Callable[..., Any], x0: Any, fprime: Any = None, args: Any = (), **given: Any) -> Any:
    """Of the older functions, with a value and a gradient that are functions of their own."""
    found = minimize(f, x0, args, fprime, callback=given.get("callback"))
    return (found.x, found.fun, 0, 0, 0) if given.get("full_output") else found.x


def fmin_bounded(func: Callable[..., Any], x0: Any, fprime: Any = None, args: Any = (), **_: Any) -> Any:
    """Of those that take both from one function where they are handed no other."""
    found = minimize(func, x0, args, fprime or True)
    return found.x, found.nfev, 0
