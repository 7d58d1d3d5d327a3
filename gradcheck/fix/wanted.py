"""What a guilty line should come to, as far as the numeric derivative tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judged import in_layout
from gradcheck.compare import BLUNT, Agreement, Truth, agreement, may_hold

Array = NDArray[Any]

SEEN = 8
"""Numbers that a gradient must be known by before two terms are fitted to it."""
EXACT = 1e-10
"""What two terms may leave of what is lacking, squared and relative to it: they are tried in full then."""
APART = 1e-6
"""How far two terms must be from being multiples of each other."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A gradient's numeric truth, in the scale and layout that the code has it in."""

    truth: Truth
    scale: float
    """The factor that it carries by convention, from upstream."""
    slack: float
    """The relative error of the right inputs that the line is fed."""

    def holds(self, a: Array) -> bool:
        """Whether an array agrees with the truth, within the numeric error bars."""
        return self._agreement(a, 1.0) is not None

    def factor(self, a: Array) -> float | None:
        """The factor by which an array differs from what is wanted; None where that is not all."""
        found = self._agreement(a, None)
        return None if found is None else found.scale

    def _agreement(self, a: Array, scale: float | None) -> Agreement | None:
        """How an array agrees; None where it does not, or where that could not be seen."""
        own, _ = in_layout(a, self.truth.shape)
        if own is None or not _is_sound(own) or not may_hold(self.truth, own / self.scale, scale, slack=self.slack):
            return None
        found = agreement(self.truth, own / self.scale, scale, slack=self.slack)
        return found if found.holds and found.resolution < BLUNT else None

    def coefficient(self, a: Array, x: Array) -> float | None:
        """c such that a + c x is what is wanted; None where there is none."""
        if a.shape != self.truth.shape or x.shape != a.shape or not (_is_sound(a) and _is_sound(x)):
            return None
        with np.errstate(all="ignore"):
            off, along = self._seen(a), self._seen(x, difference=False)
            c = float(np.dot(off, along) / np.dot(along, along)) if np.any(along) else 0.0
        return c if np.isfinite(c) and c != 0 and self.holds(a + c * x) else None

    def pairs(self, a: Array, terms: Sequence[Array]) -> Iterator[tuple[int, int, float, float]]:
        """(i, j, c, d) such that a + c xᵢ + d xⱼ is what is wanted, by least squares of any two."""
        lacking = self._seen(a)
        seen = np.array([self._seen(x, difference=False) for x in terms])
        if len(terms) < 2 or len(lacking) < SEEN or not np.isfinite(seen).all():
            return
        gram, along, size = seen @ seen.T, seen @ lacking, float(lacking @ lacking)
        i, j = np.triu_indices(len(terms), 1)
        apart = gram[i, i] * gram[j, j] - gram[i, j] ** 2
        with np.errstate(all="ignore"):
            c = (along[i] * gram[j, j] - along[j] * gram[i, j]) / apart
            d = (along[j] * gram[i, i] - along[i] * gram[i, j]) / apart
            left = np.abs(size - c * along[i] - d * along[j]) / size
            exact = (left < EXACT) & (apart > APART * gram[i, i] * gram[j, j])
        for k in np.flatnonzero(exact):
            if self.holds(a + c[k] * terms[i[k]] + d[k] * terms[j[k]]):
                yield int(i[k]), int(j[k]), float(c[k]), float(d[k])

    def _seen(self, a: Array, *, difference: bool = True) -> Array:
        """An array, or what it lacks, as far as the truth can be compared with it: by entry or along its directions."""
        if self.truth.map is not None:
            n = np.asarray(self.truth.map.derivative, float)
            found = np.where(np.isfinite(n), n * self.scale - a if difference else a, 0.0)
            return np.asarray(found).reshape(-1)
        rows = []
        for v, estimate in self.truth.along:
            own = float(np.vdot(a, v))
            rows.append(float(np.asarray(estimate.derivative)) * self.scale - own if difference else own)
        return np.asarray(rows)


def _is_sound(a: Array) -> bool:
    return a.dtype.kind in "fiu" and bool(np.isfinite(a).all())
