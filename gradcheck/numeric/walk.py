"""One search along a line: the evaluations made so far, and the kinks that stood in the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from gradcheck.numeric.evaluation import Crossing, Signature, crossings, same_side
from gradcheck.numeric.table import Entry, Pair, least_bound

Point: TypeAlias = tuple[float, float, Signature]
"""(t, f(x + t v), signature), with t as it came out in x's precision."""
Line: TypeAlias = Callable[[float], Point]

RATIO = (math.sqrt(5) - 1) / 2
"""Of one step in a table to the one before. Commensurate steps (h, h/2, h/4) all see a fast oscillation
stand still as soon as the last one does, and their table converges to nonsense; the golden ratio seldom does."""
SHRINK = 1 / 8
"""Per kink met on the way down."""
HALVINGS = 12
"""Of an interval, to see whether f changes less and less over it, as it does unless it jumps."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a search along a line is given."""

    start: float
    """The first step."""
    smallest: float
    """Below it, steps are lost in x's precision."""
    largest: float
    """Above it, f is no longer looked at near x."""
    sigma: float
    """The noise of one evaluation, in units of f."""
    unit: float
    """The rounding of f's value, relative to it."""
    rounding: float
    """The rounding of x, in units of t: f's first operation on x adds that much times the slope to its noise."""
    levels: int
    """Pairs per table: 2 where signatures tell of every kink, 3 where the table itself must notice."""
    enough: float
    """The relative bound at which to stop."""
    climb: bool = True
    """Whether to try larger steps where the noise limits the error."""
    reference: float = 0.0
    """A derivative of which `enough` is a fraction, if that is larger than the derivative found."""


@dataclass(slots=True)
class Found:
    """What a search along a line came to."""

    value: float = math.nan
    error: float = math.inf
    step: float = 0.0
    order: int = 0
    drift: int = 0
    """Where a better first step would have lain: 1 above (the noise limits the error), -1 below, 0 here."""
    evaluations: int = 0
    kinks: dict[Crossing, None] = field(default_factory=dict)
    reason: str = ""
    sides: tuple[float, float] | None = None
    """The derivatives to the left and to the right, where they differ."""


class Walk:
    """Evaluations along a line by step, each made once."""

    def __init__(self, line: Line, base: Point, search: Search) -> None:
        self.line, self.base, self.search = line, base, search
        self.points: dict[float, Point] = {}
        self.largest = abs(base[1])
        self.noise_seen = 0.0
        self.blind = not base[2]
        self.found = Found()

    def at(self, t: float) -> Point:
        point = self.points.get(t)
        if point is None:
            point = self.points[t] = self.line(t)
            self.found.evaluations += 1
            if self.largest < abs(point[1]) < math.inf:
                self.largest = abs(point[1])
        return point

    def clear(self, h: float) -> bool:
        """Whether f is finite at ±h and no kink lies between; if one does, it is noted."""
        for t in (h, -h):
            _, value, signature = self.at(t)
            if not math.isfinite(value):
                return False
            if signature is not self.base[2] and not same_side(signature, self.base[2]):
                self.found.kinks.update(dict.fromkeys(crossings(self.base[2], signature)))
                return False
        return True

    def change(self, h: float) -> float:
        """How far f moves over a step, to either side."""
        return max(abs(self.at(t)[1] - self.base[1]) for t in (h, -h))

    def jumps(self, near: float, far: float, slope: float) -> bool:
        """Whether f leaves its straight line between two steps by a jump; looked for on the side where it does so most.

        Of an interval a fraction q wide, a smooth f keeps about q of the change, one that jumps keeps the whole jump.
        """

        def off(t: float) -> float:
            return self.at(t)[1] - self.base[1] - slope * t

        side = max((1, -1), key=lambda side: abs(off(side * far) - off(side * near)))
        a, b = side * near, side * far
        whole = abs(off(b) - off(a))
        for _ in range(HALVINGS):
            if abs(b - a) < 2 * self.search.smallest:
                break
            middle = (a + b) / 2
            a, b = max(((a, middle), (middle, b)), key=lambda ends: abs(off(ends[1]) - off(ends[0])))
        share = abs(b - a) / (far - near)
        return abs(off(b) - off(a)) > max(math.sqrt(share) * whole, 8 * self.search.sigma)

    def pair(self, h: float) -> Pair:
        tp, fp, _ = self.at(h)
        tm, fm, _ = self.at(-h)
        f0, width = self.base[1], tp - tm
        slope = (fp - fm) / width
        return Pair(width / 2, slope, ((fp - f0) + (fm - f0) - slope * (tp + tm)) / 2)

    @property
    def sigma(self) -> float:
        return max(self.search.sigma, self.search.unit * self.largest, self.noise_seen)

    def entry(self, h: float) -> Entry:
        """The best entry of the table over h, h/2, …, kinks or no kinks."""
        pairs = [self.pair(h * RATIO**k) for k in range(self.search.levels)]
        return least_bound(pairs, max(self.sigma, self.search.rounding * abs(pairs[0].slope)), blind=self.blind)

    def clear_entry(self, h: float) -> Entry | None:
        """The same; None if a kink or a value that is not finite turns up on the way."""
        return self.entry(h) if all(self.clear(h * RATIO**k) for k in range(self.search.levels)) else None

    def below(self, h: float) -> float | None:
        """A step below h that is clear of every kink; None if x itself sits on one."""
        smallest = self.search.smallest
        for _ in range(2):
            h *= SHRINK
            if h > smallest and self.clear(h):
                return h
        if not self.clear(smallest):
            return None
        lower, upper = smallest, max(h, smallest)
        while upper > 64 * lower:
            middle = lower * 2.0 ** round(math.log2(upper / lower) / 2)
            lower, upper = (middle, upper) if self.clear(middle) else (lower, middle)
        return lower
