"""Which entries of a gradient are wrong, without differentiating by every one: halving along directions."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.errors import UsageError
from gradcheck.numeric.entries import elementwise
from gradcheck.numeric.estimate import along, directions
from gradcheck.numeric.evaluation import Array, Evaluation, Function
from gradcheck.numeric.noise import Noise
from gradcheck.numeric.problem import SIGNED_LEVELS, Problem, prepare

PASSES = 4
"""Fresh directions tried; each finds what the ones before overlooked."""


@dataclass(frozen=True, slots=True)
class Culprits:
    """Entries of an analytic gradient that the function contradicts."""

    indices: tuple[int, ...]
    """Flat indices, ascending; each confirmed by its own numeric derivative."""
    derivative: tuple[float, ...]
    """The numeric derivatives there."""
    complete: bool
    """Whether, with these put right, a fresh direction shows no further discrepancy."""
    evaluations: int
    """How often f was called."""


def locate(
    f: Function,
    x: Array,
    analytic: Array,
    *,
    tolerance: float = 0.0,
    most: int = 64,
    base: Evaluation | None = None,
    noise: Noise | None = None,
    rng: np.random.Generator,
) -> Culprits:
    """Find the wrong entries of `analytic`, the claimed gradient of f at x (of x's shape).

    A random direction shows that something is off; one on half of the entries shows in which half; and so on,
    about 4·log₂(n) evaluations for each wrong entry. tolerance: relative error of an entry that is not minded.
    most: entries to look for at most; `complete` is False if there are more.

    >>> x = np.linspace(0, 1, 1000)
    >>> claimed = np.cos(x)
    >>> claimed[[123, 124]] = claimed[[124, 123]] + 0.1
    >>> found = locate(lambda x: Evaluation(np.sin(x).sum()), x, claimed, rng=np.random.default_rng(0))
    >>> found.indices, found.complete, found.evaluations < 150
    ((123, 124), True, True)
    """
    problem = prepare(f, x, base, noise, None, rng)
    if np.shape(analytic) != problem.x.shape:
        raise UsageError(f"the gradient has shape {np.shape(analytic)}, but x has shape {problem.x.shape}")
    claimed = np.array(analytic, dtype=np.float64).reshape(-1)
    known: dict[int, float] = {}
    calls = Calls(problem.spent)
    complete = False
    quick = replace(problem, levels=SIGNED_LEVELS)
    for v in directions(problem.x, PASSES, rng):
        suspects = sorted(_suspects(quick, claimed, v.reshape(-1), most - len(known) + 1, calls))
        if not suspects:
            complete = True
            break
        e = elementwise(f, problem.x, indices=suspects, base=problem.base, noise=problem.noise)
        calls.made += e.evaluations
        numeric, error = np.ravel(e.derivative)[suspects], np.ravel(e.error)[suspects]
        off = np.abs(numeric - claimed[suspects]) > error + tolerance * np.abs(numeric)
        for i, value, wrong in zip(suspects, numeric.tolist(), off.tolist()):
            if wrong:
                known[i] = value
            claimed[i] = value if np.isfinite(value) else claimed[i]
        if len(known) >= most or not off.any():
            complete = not off.any()
            break
    found = dict(sorted(known.items())[:most])
    return Culprits(tuple(found), tuple(found.values()), complete, calls.made)


@dataclass(slots=True)
class Calls:
    """A running count of evaluations."""

    made: int


def _suspects(problem: Problem, claimed: Array, v: Array, most: int, calls: Calls) -> Iterator[int]:
    """Entries to which the discrepancy along v comes down, the largest part of it first."""

    def discrepancy(some: slice) -> tuple[float, float]:
        part = np.zeros_like(v)
        part[some] = v[some]
        found = along(problem, part.reshape(problem.x.shape))
        calls.made += found.evaluations
        return found.value - float(claimed[some] @ v[some]), found.error

    gap, error = discrepancy(slice(0, v.size))
    heap = [(-abs(gap), 0, v.size, gap, error)]
    while heap and most > 0:
        size, start, stop, gap, error = heapq.heappop(heap)
        if not -size > error:
            continue
        if stop - start == 1:
            most -= 1
            yield start
            continue
        middle = (start + stop) // 2
        left, left_error = discrepancy(slice(start, middle))
        heapq.heappush(heap, (-abs(left), start, middle, left, left_error))
        right, right_error = gap - left, error + left_error
        heapq.heappush(heap, (-abs(right), middle, stop, right, right_error))
