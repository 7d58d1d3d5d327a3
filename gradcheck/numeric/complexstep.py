"""The complex step: a derivative without subtraction, where f can take it.

f(x + ihv) = f(x) + ih f'(x)v − h²… for an analytic f, so Im f(x + ihv) / h is the derivative to full precision
for a tiny h (Martins, Sturdza and Alonso, "The complex-step derivative approximation", ACM TOMS 29, 2003). But
np.abs, a cast or `.real` drops the imaginary part without a word. So no complex step is believed that has not
agreed with central differences, which stay the arbiter.
"""

from __future__ import annotations

import warnings

import numpy as np

from gradcheck.numeric.evaluation import Array, same_side
from gradcheck.numeric.problem import Problem
from gradcheck.numeric.steps import rms, scale

STEP = 2.0**-40
"""Of x's scale: its square is below the rounding unit, yet 1e-300 times it is still a number."""


def complex_slope(problem: Problem, v: Array) -> float | None:
    """d/dt f(x + t v) by one complex evaluation; None if f refuses complex input, or drops to real."""
    h = STEP * scale(problem.x) / rms(v)
    slope = _slope(problem, problem.x + 1j * h * v, h)
    return None if slope is None else slope


def complex_gradient(problem: Problem, indices: list[int]) -> list[float] | None:
    """∂f/∂xᵢ for each flat index, one evaluation each; None as soon as f refuses one."""
    buffer = problem.x.astype(np.complex128)
    flat = buffer.reshape(-1)
    h = STEP * scale(problem.x)
    slopes = []
    for i in indices:
        at = flat[i]
        flat[i] = at + 1j * h
        slope = _slope(problem, buffer, h)
        flat[i] = at
        if slope is None:
            return None
        slopes.append(slope)
    return slopes


def _slope(problem: Problem, z: Array, h: float) -> float | None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            evaluation = problem.f(z)
        except Exception:  # whatever f cannot do with complex numbers, it says in its own way
            return None
    slope = float(evaluation.value.imag) / h
    if not np.isfinite(slope) or not same_side(evaluation.signature, problem.base.signature):
        return None
    return slope
