"""What a numeric derivative is, and the one along a direction."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from gradcheck.errors import UsageError
from gradcheck.numeric.complexstep import complex_slope
from gradcheck.numeric.evaluation import Array, Crossing, Evaluation, Function
from gradcheck.numeric.ladder import search_along
from gradcheck.numeric.noise import Noise
from gradcheck.numeric.problem import Problem, prepare
from gradcheck.numeric.steps import rms, scale
from gradcheck.numeric.walk import Found, Point

Method: TypeAlias = Literal["auto", "central", "complex"]
"""How to differentiate: "auto" and "central" mean extrapolated central differences, which suppose nothing of f.
"complex" tries the complex step and falls back on them where f fails its probe; the Estimate says which it was."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A numeric derivative with its own error bar."""

    derivative: float | Array
    """df/dt along a direction (a float), or ∂f/∂x of x's shape with nan where an entry was not asked for."""
    error: float | Array
    """What the derivative may be off by: truncation, round-off and noise; inf where it can't be trusted."""
    step: float
    """The step used (the median one of a map), in units of t or of x."""
    evaluations: int
    """How often f was called, the base and the noise floor included where they were not given."""
    method: Literal["central", "richardson", "complex"]
    """How the value was had; of a map, how most of its entries were."""
    kinks: tuple[Crossing, ...] = ()
    """Kinks seen within a step; stepped around, unless `reason` says otherwise."""
    reason: str = ""
    """Why the error is inf, or empty: "not finite", "kink within every usable step at relu[3]"."""
    one_sided: tuple[float, float] | tuple[Array, Array] | None = None
    """(left, right) derivatives where they differ; a map has nan in the other entries."""


def directions(x: Array, count: int, rng: np.random.Generator) -> list[Array]:
    """`count` fresh Gaussian directions of x's shape (float64), each as large as x itself."""
    return [rng.standard_normal(np.shape(x)) * scale(np.asarray(x)) for _ in range(count)]


def directional(
    f: Function,
    x: Array,
    v: Array,
    *,
    base: Evaluation | None = None,
    noise: Noise | None = None,
    method: Method = "auto",
    levels: int | None = None,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """d/dt f(x + t v) at t = 0 with its error bar, from 4 to 8 evaluations besides base and noise.

    x, v: of one shape; f gets arrays of x's dtype, and must neither keep nor change them. base: f(x), and noise:
    `noise_floor(f, x)`, where they are known. levels: pairs of evaluations in a table, from 2; by default 2
    where f's signature tells of kinks, and 3 where it has none. rng: for the noise floor, if it isn't given.

    >>> x, v = np.array([0.5, 2.0]), np.array([1.0, -1.0])
    >>> e = directional(lambda x: Evaluation(np.sin(x).sum()), x, v)
    >>> round(e.derivative, 9), e.error < 1e-9, bool(abs(e.derivative - np.cos(x) @ v) < e.error)
    (1.293729398, True, True)
    """
    problem = prepare(f, x, base, noise, levels, rng)
    v = np.asarray(v, dtype=np.float64)
    if v.shape != problem.x.shape:
        raise UsageError(f"the direction has shape {v.shape}, but x has shape {problem.x.shape}")
    if not (problem.usable and np.isfinite(v).all()):
        return Estimate(math.nan, math.inf, 0.0, problem.spent, "central", reason="not finite")
    found = along(problem, v)
    spent = problem.spent + found.evaluations
    if method == "complex" and not found.reason:
        slope = complex_slope(problem, v)
        if slope is not None and abs(slope - found.value) <= found.error:
            return Estimate(slope, found.error, 0.0, spent + 1, "complex", tuple(found.kinks))
        spent += 1
    name: Literal["central", "richardson"] = "richardson" if found.order else "central"
    kinks = tuple(found.kinks)
    return Estimate(found.value, found.error, found.step, spent, name, kinks, found.reason, found.sides)


def along(problem: Problem, v: Array) -> Found:
    """The search along x + t v, with the rounding of x + t v itself among the noise."""
    x, noise = problem.x, problem.noise
    moved = v[v != 0]
    if not moved.size:
        return Found(value=0.0, error=0.0)
    length, share = rms(moved), math.sqrt(moved.size / v.size)
    buffer = np.empty_like(x)

    def line(t: float) -> Point:
        np.copyto(buffer, x + t * v, casting="same_kind")
        return problem.run(buffer, t)

    level = max(noise.level, problem.eps * noise.slope * share / 2)
    noisier = replace(problem, noise=replace(noise, level=level))
    unit = scale(x) / length
    with np.errstate(all="ignore"):
        return search_along(line, problem.origin, noisier.search(unit, noise.slope * share, rms(x) / length))
