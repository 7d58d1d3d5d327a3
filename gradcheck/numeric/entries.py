"""The numeric gradient, entry by entry."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from gradcheck.errors import UsageError
from gradcheck.numeric.complexstep import complex_gradient, complex_slope
from gradcheck.numeric.estimate import Estimate, Method, along, directions
from gradcheck.numeric.evaluation import Array, Evaluation, Function
from gradcheck.numeric.ladder import search_along
from gradcheck.numeric.noise import Noise
from gradcheck.numeric.problem import Problem, prepare
from gradcheck.numeric.steps import entry_scales, scale
from gradcheck.numeric.walk import Found, Point

LONGEST_STRIDE = 64.0
"""How far the first step of an entry may grow over the cautious one, learned from the entries before it."""
CLIMBERS = 4
"""Entries that may climb for themselves; what they find is the others' first step."""
PROBES = 2
"""Directions along which the complex step must agree with central differences to be believed."""


def elementwise(
    f: Function,
    x: Array,
    *,
    indices: Iterable[int] | None = None,
    base: Evaluation | None = None,
    noise: Noise | None = None,
    method: Method = "auto",
    levels: int | None = None,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """∂f/∂xᵢ with an error bar for every entry, or for the flat `indices` only.

    x: any shape; derivative and error have it too, with nan where an entry was not asked for. About 4
    evaluations per entry where f's signature tells of kinks and 6 where it has none, more around kinks and for
    entries that bend sharply. f gets one array over and over, and must neither keep nor change it. Options are
    those of `directional`.

    >>> e = elementwise(lambda x: Evaluation((x**3).sum()), np.array([1.0, 2.0, 3.0]), indices=[0, 2])
    >>> e.derivative.round(9), bool((np.abs(e.derivative - [3, 12, 27]) <= e.error)[[0, 2]].all())
    (array([ 3., nan, 27.]), True)
    """
    problem = prepare(f, x, base, noise, levels, rng)
    x = problem.x
    wanted = list(range(x.size) if indices is None else indices)
    if wanted and not (-x.size <= min(wanted) and max(wanted) < x.size):
        raise UsageError(f"indices run from {min(wanted)} to {max(wanted)}, but x has {x.size} entries")
    if not problem.usable:
        error = _scatter(x, wanted, [math.inf] * len(wanted))
        return Estimate(np.full(x.shape, math.nan), error, 0.0, problem.spent, "central", reason="not finite")
    probed = 0
    if method == "complex":
        estimate, probed = _by_complex_step(problem, wanted, rng or np.random.default_rng(0))
        if estimate is not None:
            return estimate
    founds = _entries(problem, wanted)
    return Estimate(
        _scatter(x, wanted, [found.value for found in founds]),
        _scatter(x, wanted, [found.error for found in founds]),
        float(np.median([found.step for found in founds])) if founds else 0.0,
        problem.spent + probed + sum(found.evaluations for found in founds),
        "richardson" if 2 * sum(found.order > 0 for found in founds) > len(founds) else "central",
        tuple(dict.fromkeys(kink for found in founds for kink in found.kinks)),
        _reasons(founds),
        _sides(x, wanted, founds),
    )


def _entries(problem: Problem, wanted: Sequence[int]) -> list[Found]:
    """One search per entry; each starts where the entries before it would have liked to."""
    x = problem.x
    buffer = x.copy()
    flat = buffer.reshape(-1)
    scales = entry_scales(x).reshape(-1).tolist()
    slope = problem.noise.slope / math.sqrt(max(x.size, 1))
    reference, origin, run = slope / scale(x), problem.origin, problem.run
    stride, longest = 1.0, LONGEST_STRIDE
    founds: list[Found] = []
    with np.errstate(all="ignore"):
        for i in wanted:
            at = flat[i]
            here = float(at)

            def line(t: float, i: int = i, here: float = here) -> Point:
                flat[i] = here + t
                return run(buffer, float(flat[i]) - here)

            search = problem.search(
                scales[i], slope, abs(here), stride=stride, climb=len(founds) < CLIMBERS, reference=reference
            )
            found = search_along(line, origin, search)
            flat[i] = at
            founds.append(found)
            if found.kinks or found.drift < 0:
                stride = max(stride / 2, 1.0)
                longest = max(longest / 2, 1.0) if found.drift < 0 and not found.kinks else longest
            elif found.drift > 0:
                stride = min(stride * 2, longest)
            if math.isfinite(found.error):
                reference = max(reference, abs(found.value))
    if not np.array_equal(buffer, x):
        raise UsageError("f changed the array it was given; gradcheck needs a function that leaves it alone")
    return founds


def _by_complex_step(problem: Problem, wanted: list[int], rng: np.random.Generator) -> tuple[Estimate | None, int]:
    """The gradient by complex steps, if they pass the probes; and the evaluations that took."""
    x, spent, certain = problem.x, 0, 0.0
    for v in directions(x, PROBES, rng):
        found, slope = along(problem, v), complex_slope(problem, v)
        spent += found.evaluations + 1
        if slope is None or not abs(slope - found.value) <= found.error < math.inf:
            return None, spent
        certain = max(certain, found.error / scale(x))
    slopes = complex_gradient(problem, wanted)
    spent += len(wanted)
    if slopes is None:
        return None, spent
    error = _scatter(x, wanted, [certain] * len(wanted))
    total = problem.spent + spent
    return Estimate(_scatter(x, wanted, slopes), error, 0.0, total, "complex"), spent


def _scatter(x: Array, wanted: Sequence[int], values: Sequence[float]) -> Array:
    out = np.full(x.size, math.nan)
    out[wanted] = values
    return out.reshape(x.shape)


def _reasons(founds: Sequence[Found]) -> str:
    reasons = [found.reason for found in founds if found.reason]
    if not reasons:
        return ""
    others = f" (and {len(reasons) - 1} more of {len(founds)} entries)" if len(reasons) > 1 else ""
    return reasons[0] + others


def _sides(x: Array, wanted: Sequence[int], founds: Sequence[Found]) -> tuple[Array, Array] | None:
    sides = [found.sides or (math.nan, math.nan) for found in founds]
    if not any(found.sides for found in founds):
        return None
    return _scatter(x, wanted, [left for left, _ in sides]), _scatter(x, wanted, [right for _, right in sides])
