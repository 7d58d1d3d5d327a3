"""Richardson's table over central differences, and how far each of its entries can be off.

With b₁, b₂, … the terms of Taylor's series of f(x + t) at t = h, and s a fraction of the step h,

    rise(s)  = (f(x + sh) − f(x − sh)) / 2s           = b₁ + b₃s² + b₅s⁴ + …
    curve(s) = (f(x + sh) + f(x − sh) − 2f(x)) / 2s²  = b₂ + b₄s² + b₆s⁴ + …

Extrapolating the rise to s = 0 (Richardson 1911; Ridders 1982) removes b₃, then b₅, …, and leaves h f'(x).
The curve costs nothing more and says how fast the terms fall, also where the odd ones happen to be small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NOISE_SAFETY = 5.0
"""Standard deviations of noise allowed to each evaluation, all of them conspiring."""
TRUNCATION_SAFETY = 4.0
"""On a truncation that is predicted; one measured by the next column needs none."""
KINK_SAFETY = 8.0
"""On the highest term, as the error that a kink may have left in the whole table."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What the two evaluations at x + h and x − h say."""

    h: float
    slope: float
    """(f(x + h) − f(x − h)) / 2h."""
    bend: float
    """(f(x + h) + f(x − h) − 2f(x)) / 2."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the table: a derivative, with the two parts of its error bound."""

    value: float
    truncation: float
    noise: float
    h: float
    """The largest step that went into it."""
    order: int
    """Its column: 0 for a plain central difference."""

    @property
    def bound(self) -> float:
        return self.truncation + self.noise


def least_bound(pairs: Sequence[Pair], sigma: float, *, blind: bool = False) -> Entry:
    """The entry of the table with the least total bound.

    pairs: one or more, by falling h; sigma: the noise of one evaluation of f, in units of f. blind: whether a
    kink may lie within h unseen. It leaves about as much in every term, where a smooth function's terms fall.
    """
    h = pairs[0].h
    squares = [(pair.h / h) ** 2 for pair in pairs]
    column = [(pair.slope, NOISE_SAFETY * sigma / pair.h) for pair in pairs]
    odd = [pair.slope * h for pair in pairs]
    even = [pair.bend / square for pair, square in zip(pairs, squares)]
    before, terms = 0.0, max(abs(odd[0]), abs(even[0]))
    columns = [column]
    for order in range(len(pairs) - 1):
        columns.append(extrapolate(columns[-1], squares, order))
        odd, even = _divided(odd, squares, order), _divided(even, squares, order)
        before, terms = terms, max(abs(odd[0]), abs(even[0]))
    following = max(abs(even[0]), terms * min(1.0, terms / before) if before > 0 else terms)
    predicted = TRUNCATION_SAFETY * following / h
    for square in squares[1:]:
        predicted *= square
    if blind:
        beyond_noise = abs(even[0]) - sigma * _amplification(squares)
        predicted = max(predicted, KINK_SAFETY * beyond_noise / h)
    best: Entry | None = None
    for order, column in enumerate(columns):
        for j, (value, noise) in enumerate(column):
            truncation = predicted
            if order + 1 < len(columns):
                truncation += abs(value - columns[order + 1][min(j, len(columns[order + 1]) - 1)][0])
            if best is None or truncation + noise < best.bound:
                best = Entry(value, truncation, noise, pairs[j].h, order)
    assert best is not None
    return best


def extrapolate(column: list[tuple[float, float]], squares: list[float], order: int) -> list[tuple[float, float]]:
    """Neville's next column in the given abscissae (s² here), with the noise that its weights amplify."""
    following = []
    for j in range(len(column) - 1):
        far, near = squares[j], squares[j + order + 1]
        (d1, n1), (d2, n2) = column[j], column[j + 1]
        following.append((d2 + near * (d2 - d1) / (far - near), (far * n2 + near * n1) / (far - near)))
    return following


def _amplification(squares: list[float]) -> float:
    """How much of one evaluation's noise the highest even term contains: 2σ in each curve, all conspiring."""
    noises = [2 / square for square in squares]
    for order in range(len(squares) - 1):
        spans = zip(squares, squares[order + 1 :])
        noises = [(n1 + n2) / (s1 - s2) for n1, n2, (s1, s2) in zip(noises, noises[1:], spans)]
    return noises[0]


def _divided(values: list[float], squares: list[float], order: int) -> list[float]:
    """Newton's next divided differences in s²: the coefficient of s² taken out of each neighbouring two."""
    return [(values[j] - values[j + 1]) / (squares[j] - squares[j + order + 1]) for j in range(len(values) - 1)]
