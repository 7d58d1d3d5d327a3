"""Down and up a ladder of steps along one line: past kinks, to where truncation and noise balance."""

from __future__ import annotations

import math

from gradcheck.numeric.onesided import astride
from gradcheck.numeric.steps import power_of_two
from gradcheck.numeric.table import NOISE_SAFETY, Entry
from gradcheck.numeric.walk import RATIO, Found, Line, Point, Search, Walk

ROUNDS = 8
"""Of steps tried while truncation and noise are out of balance."""
GROW = 8.0
"""Where the noise hides the truncation altogether."""
UNDERRATED = 1e5
"""Times the noise given: more noise than that is taken for a function that varies faster than the steps."""


def search_along(line: Line, base: Point, search: Search) -> Found:
    """d/dt f(x + t v) at t = 0 with its error bound, from a handful of evaluations along the line.

    base: the point at t = 0. The step shrinks while a kink or a value that is not finite lies within it; then
    it follows the balance of truncation and noise, until the bound is `enough` or gets no better.
    """
    walk = Walk(line, base, search)
    h, ceiling = search.start, math.inf
    best: Entry | None = None
    larger: tuple[float, Entry] | None = None  # the round before, if this one steps down from it
    tried: list[float] = []
    contradicted = False
    for _ in range(ROUNDS):
        entry = walk.clear_entry(h)
        while entry is None:
            ceiling = h
            if best is not None and best.noise >= best.truncation:
                return _settled(walk, best)  # it was by growing that a kink was met
            lower = walk.below(h)
            if lower is None:
                return astride(walk, search.start)
            h = lower
            entry = walk.clear_entry(h)
        if larger is not None and _noise_seen(walk, larger, h, entry):
            best, entry = walk.entry(larger[0]), walk.entry(h)
        refuted = best is not None and abs(entry.value - best.value) > entry.bound + best.bound
        if refuted and larger is None:
            break  # at the larger step the table only seemed to converge: f varies faster than it sees
        tried.append(h)
        contradicted = contradicted or refuted
        better = best is None or refuted or entry.bound < best.bound
        best = entry if better or best is None else best
        if _enough(search, best):
            break
        if entry.truncation > 4 * entry.noise:
            ceiling, larger = h, (h, entry)
            balance = (entry.noise / entry.truncation) ** (1 / (2 * search.levels + 1))
            h = power_of_two(h * min(max(balance, 1 / 64), 0.5))
        elif search.climb and better and h * GROW < min(ceiling, search.largest):
            larger = None
            h *= GROW
        else:
            break
        if h < search.smallest:
            break
    assert best is not None
    if _in_steps(walk, best, tried, contradicted):
        return _settled(walk, _as_noise(walk, tried))
    if best.truncation > 8 * best.noise and not _enough(search, best):
        # no step was small enough: is there a kink that nothing tells of?
        apart = astride(walk, min(search.start, 64 * h))
        if apart.sides is not None:
            return apart
    return _settled(walk, best)


def _noise_seen(walk: Walk, larger: tuple[float, Entry], h: float, entry: Entry) -> bool:
    """Whether what looks like truncation grows as h falls: then it is noise, more than was thought."""
    if entry.truncation <= larger[1].truncation * math.sqrt(larger[0] / h):
        return False
    seen = entry.truncation * h / NOISE_SAFETY
    if seen > UNDERRATED * walk.sigma:
        return False
    walk.noise_seen = seen
    return True


def _enough(search: Search, best: Entry) -> bool:
    return best.bound <= search.enough * max(abs(best.value), search.reference)


def _in_steps(walk: Walk, best: Entry, tried: list[float], contradicted: bool) -> bool:
    """Whether f only jumps where it seemed to vary: rounding, as of 1 - p with p next to 1, has such stairs.

    On one stair a small step sees a smooth function, which is not the one that is meant.
    """
    before = [h for h in tried if h > 2 * best.h]
    varied = [h for h in before if walk.entry(h).truncation * h > walk.change(best.h)]
    suspicious = varied or (before if contradicted else [])
    return bool(suspicious) and walk.jumps(best.h, min(suspicious), best.value)


def _as_noise(walk: Walk, tried: list[float]) -> Entry:
    """The best entry, with all that looked like truncation taken for noise."""
    walk.noise_seen = max(walk.entry(h).truncation * h for h in tried) / NOISE_SAFETY
    return min((walk.entry(h) for h in tried), key=lambda entry: entry.bound)


def _settled(walk: Walk, best: Entry) -> Found:
    found = walk.found
    if not math.isfinite(best.bound):
        found.reason = "not finite"
        return found
    found.reason = ""
    found.value, found.error, found.step, found.order = best.value, best.bound, best.h, best.order
    if best.h < RATIO**walk.search.levels * walk.search.start:
        found.drift = -1
    elif best.truncation <= best.noise:
        found.drift = 1
    return found
