"""The derivatives to the left and to the right of x: whether a kink on which x sits matters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from gradcheck.numeric.evaluation import same_side
from gradcheck.numeric.table import NOISE_SAFETY, extrapolate
from gradcheck.numeric.walk import RATIO, SHRINK, Found, Walk

LEVELS = 3
ROUNDS = 5
"""Of steps tried while the truncation of a one-sided derivative outweighs its noise."""


@dataclass(frozen=True, slots=True)
class Slope:
    """A one-sided derivative and the parts of its bound."""

    value: float
    truncation: float
    noise: float

    @property
    def bound(self) -> float:
        return self.truncation + self.noise


def astride(walk: Walk, h: float) -> Found:
    """The derivative at an x that sits on a kink, if there is one; h: the step to begin with.

    Where the extrapolated derivatives from both sides agree within their bounds (an argmax tie inside a
    stable softmax) the central estimate stands, and the bounds of the comparison are added to its own. Where
    they don't, the error is inf, `sides` holds both, and `reason` names the kink.
    """
    found, best = walk.found, None
    for _ in range(ROUNDS):
        while not all(_unbroken(walk, h, side) for side in (1, -1)):
            h *= SHRINK
            if h < 4 * walk.search.smallest:
                break
        if h < 4 * walk.search.smallest:
            break
        left, right = _slope(walk, -h), _slope(walk, h)
        if best is None or left.bound + right.bound < best[1].bound + best[2].bound:
            best = h, left, right
        if left.truncation + right.truncation <= 4 * (left.noise + right.noise):
            break
        h *= SHRINK
    if best is None:
        finite = all(math.isfinite(walk.at(t)[1]) for t in (walk.search.smallest, -walk.search.smallest))
        found.reason = _kink(walk) if finite else "not finite"
        return found
    h, left, right = best
    entry, gap = walk.entry(h), abs(right.value - left.value)
    found.value, found.step, found.order = entry.value, entry.h, entry.order
    if gap <= left.bound + right.bound:
        found.error = entry.bound + (gap + left.bound + right.bound) / 2
    else:
        found.sides, found.reason = (left.value, right.value), _kink(walk)
    return found


def _unbroken(walk: Walk, h: float, side: int) -> bool:
    """Whether no further kink lies between the smallest step and h on this side."""
    nearest = walk.at(side * walk.search.smallest)[2]
    points = [walk.at(side * h * RATIO**k) for k in range(LEVELS)]
    return all(math.isfinite(value) and same_side(signature, nearest) for _, value, signature in points)


def _slope(walk: Walk, h: float) -> Slope:
    """The one-sided derivative extrapolated from three steps: of all orders the one with the least bound."""
    points = [walk.at(h * RATIO**k) for k in range(LEVELS)]
    steps = [abs(t) for t, _, _ in points]
    column = [((f - walk.base[1]) / t, 2 * NOISE_SAFETY * walk.sigma / abs(t)) for t, f, _ in points]
    columns = [column]
    for order in range(LEVELS - 1):
        columns.append(extrapolate(columns[-1], steps, order))
    rest = abs(columns[-1][-1][0] - columns[-2][-1][0])
    slopes = [
        Slope(value, rest + abs(value - before[-1][0]), noise)
        for before, following in pairwise(columns)
        for value, noise in following
    ]
    return min(slopes, key=lambda slope: slope.bound)


def _kink(walk: Walk) -> str:
    sites = ", ".join(map(str, list(walk.found.kinks)[:3]))
    return "kink within every usable step" + (f" at {sites}" if sites else "")
