"""One analytic gradient against its numeric derivative: the verdict and everything it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.evaluation import Evaluation
from gradcheck.numeric import Estimate, Noise, directional, directions, elementwise, noise_floor

Array = NDArray[Any]


class Verdict(StrEnum):
    """What a comparison or a whole run comes to; an inconclusive one never counts as a pass."""

    PASS = "pass"
    FAIL = "fail"
    INHERITED = "inherited"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Worst:
    """The entry where analytic and numeric differ most."""

    index: tuple[int, ...]
    """Its index in the value's own layout."""
    analytic: float
    """The code's gradient there, divided by the comparison's scale."""
    numeric: float
    """The numeric derivative there."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One gradient held against its numeric derivative."""

    name: str
    """The gradient's name in the code, e.g. dW2."""
    of: str
    """What it is the gradient of, e.g. W2."""
    kind: str
    """parameter, intermediate or input."""
    file: str
    """Where it is computed, as the user would write the path."""
    line: int
    """1-based line of the assignment."""
    shape: tuple[int, ...]
    """The gradient's shape."""
    expected_shape: tuple[int, ...]
    """The shape of what it is the gradient of."""
    verdict: Verdict
    """pass, fail, inherited, inconclusive or skipped."""
    reason: str = ""
    """A few words after the verdict: "times m", "NaN at (0, 3)", "a kink lies within every step"."""
    scale: float | None = None
    """Factor by which the gradient differs from its numeric derivative, 1 where there is none."""
    scale_name: str = ""
    """The factor in the code's own terms where it is known, e.g. "m"."""
    cosine: float | None = None
    """Cosine between analytic and numeric gradient; None for a directional verdict or a wrong shape."""
    max_abs_error: float | None = None
    """Largest absolute discrepancy, after the scale is taken out where it is a convention."""
    max_rel_error: float | None = None
    """The discrepancy over the tensor's scale."""
    error_estimate: float | None = None
    """The numeric derivative's own error, relative to the tensor's scale."""
    resolution: float | None = None
    """Smallest error, relative to the tensor's scale, that this check catches with probability 0.999 or more."""
    resolution_kind: str = ""
    """"norm" for a directional verdict, "entry" for an elementwise one."""
    worst: Worst | None = None
    """The worst entry; None for a directional verdict or a wrong shape."""
    layout: str | None = None
    """None, or "transposed": the axis permutation by which the gradient differs from its value."""
    method: str = "central"
    """How the numeric derivative was had."""
    evaluations: int = 0
    """Forward evaluations spent on it."""
    paired: str = ""
    """From which evidence it is taken for the gradient of that: its name, its key, its place in a list, an update."""


MISSED = 0.001
"""An error at the resolution goes unseen with at most this probability."""
STEP = 2.0**-14
"""Of a rough derivative, relative to the largest entry: its truncation and its round-off are alike there."""
BLUNT = 1e-2
"""A check that would not see an error of this size, relative to the tensor's scale, has not seen enough to pass."""
CARE = 3.0
"""Discrepancies up to this many error bars are agreement: the bars cover nearly always, this makes it always."""
ROUNDING = 256.0
"""Units of round-off, of the gradient's own type, that its own arithmetic may cost relative to the tensor's scale."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The numeric derivative of the loss by one value, entry by entry or along random directions."""

    map: Estimate | None
    """Every entry's derivative; None for a directional truth."""
    along: tuple[tuple[Array, Estimate], ...]
    """Gaussian directions and the derivative along each; empty for a map."""
    shape: tuple[int, ...]
    """The value's shape."""
    evaluations: int
    """Forward evaluations spent."""
    floor: float = 0.0
    """Summed magnitude of the contributions where the gradient itself cancels; 0 where it is not known."""

    @property
    def array(self) -> Array | None:
        """The whole derivative, where it is known."""
        return None if self.map is None else np.asarray(self.map.derivative)

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def method(self) -> str:
        """How it was had."""
        if self.map is not None:
            return self.map.method
        return self.along[0][1].method if self.along else "none"

    @property
    def vanishes(self) -> bool:
        """Whether it is zero as far as its own error bars tell."""
        if self.map is not None:
            pairs = [(np.asarray(self.map.derivative), np.asarray(self.map.error))]
        else:
            pairs = [(np.asarray(e.derivative), np.asarray(e.error)) for _, e in self.along]
        with np.errstate(invalid="ignore"):
            return bool(pairs) and all(bool((np.abs(n) <= CARE * bar).all()) for n, bar in pairs)

    @property
    def reason(self) -> str:
        """Why it can't be trusted; "" where it can, at least in part."""
        if self.map is not None:
            trusted = np.isfinite(self.map.error)
            return "" if np.any(trusted) or trusted.size == 0 else self.map.reason or "not finite"
        if not self.along:
            return "not measured"
        bad = [e for _, e in self.along if not math.isfinite(float(np.asarray(e.error)))]
        return (bad[0].reason or "not finite") if bad else ""


def estimates(truth: Truth) -> tuple[Estimate, ...]:
    """What a truth is made of."""
    return (truth.map,) if truth.map is not None else tuple(e for _, e in truth.along)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a gradient and a truth agree, for one assumed factor between them."""

    holds: bool
    """Every discrepancy lies within the error bars."""
    scale: float
    """The factor that was taken out."""
    abs_error: float
    """Largest absolute discrepancy (entry), or the norm of the error (directional)."""
    rel_error: float
    """The same over the tensor's scale; nan where that is zero."""
    bar: float
    """The numeric error relative to the tensor's scale."""
    resolution: float
    """Smallest relative error that would have been seen."""
    cosine: float | None
    worst: Worst | None
    size: float
    """The tensor's scale: the largest entry (map), or the norm (directional)."""
    unseen: int = 0
    """Entries on a kink whose one-sided derivatives say nothing for the gradient either."""


def measure(
    f: Callable[[Array], Evaluation],
    x: Array,
    *,
    rng: np.random.Generator,
    full: bool,
    count: int = 3,
    method: str = "auto",
    floor: float = 0.0,
) -> Truth:
    """The numeric derivative of f at x: a map where `full`, else along `count` fresh Gaussian directions."""
    x = np.asarray(x)
    base = f(x)
    noise: Noise = noise_floor(f, x, rng=rng, base=base)
    spent = 1 + noise.evaluations
    if full:
        found = elementwise(f, x, base=base, noise=noise, method=method, rng=rng)  # type: ignore[arg-type]
        return Truth(found, (), x.shape, spent + found.evaluations, floor)
    lines = []
    for v in directions(x, count, rng):
        found = directional(f, x, v, base=base, noise=noise, method=method, rng=rng)  # type: ignore[arg-type]
        lines.append((v, found))
        spent += found.evaluations
    return Truth(None, tuple(lines), x.shape, spent, floor)


def rough(f: Callable[[Array], Evaluation], x: Array) -> Array:
    """The derivative of f at x entry by entry from two evaluations each, of which nobody knows how good they are."""
    x = np.asarray(x, dtype=float)
    h = STEP * (float(np.abs(x).max(initial=0.0)) or 1.0)
    found = np.empty(x.size)
    for i in range(x.size):
        ahead, behind = x.copy(), x.copy()
        ahead.flat[i] += h
        behind.flat[i] -= h
        found[i] = float(np.real(f(ahead).value) - np.real(f(behind).value)) / (2 * h)
    return found.reshape(x.shape)


def agreement(truth: Truth, analytic: Array, scale: float | None = 1.0, *, slack: float = 0.0) -> Agreement:
    """Hold a gradient of the value's own shape against the truth; `scale` None fits the factor between them.

    `slack`, relative to the tensor's scale, is allowed on top: the error of what the gradient was computed from.
    """
    analytic = np.asarray(analytic)
    by = _by_entry if truth.map is not None else _by_direction
    return by(truth, analytic.astype(float), scale, _round_off(analytic) + slack)


def may_hold(truth: Truth, analytic: Array, scale: float | None = 1.0, *, slack: float = 0.0) -> bool:
    """False only where `agreement` does not hold, at a fraction of its cost: for many arrays in a row."""
    if truth.map is None:
        return True
    unit = _round_off(analytic) + slack
    _, _, off, allowed, *_ = _off_by_entry(truth, truth.map, analytic.astype(float), scale, unit)
    return bool((off <= allowed).all())


def _round_off(analytic: Array) -> float:
    unit = float(np.finfo(analytic.dtype).eps) if analytic.dtype.kind == "f" else 2.0**-52
    return ROUNDING * unit


def _off_by_entry(
    truth: Truth, found: Estimate, a: Array, scale: float | None, unit: float
) -> tuple[float, Array, Array, Array, Array, float]:
    """The factor, the array without it, by how much that is off and may be, which entries are seen, the largest one."""
    n, bar = np.asarray(found.derivative, float), np.asarray(found.error, float)
    seen = np.isfinite(bar)
    size = float(np.abs(n[seen]).max(initial=0.0))
    s = _fitted(a[seen], n[seen]) if scale is None else scale
    scaled = a / s
    off = np.where(seen, np.abs(scaled - np.where(seen, n, 0)), 0.0)
    allowed = np.where(seen, CARE * bar, 0.0) + unit * max(size, truth.floor)
    return s, scaled, off, allowed, seen, size


def _by_entry(truth: Truth, a: Array, scale: float | None, unit: float) -> Agreement:
    assert truth.map is not None
    n, bar = np.asarray(truth.map.derivative, float), np.asarray(truth.map.error, float)
    s, scaled, off, allowed, seen, size = _off_by_entry(truth, truth.map, a, scale, unit)
    cosine = _cosine(a[seen], n[seen])
    holds = bool((off <= allowed).all()) and bool(np.isfinite(a).all()) and bool(seen.any() or a.size == 0)
    reference = max(size, truth.floor) or math.nan
    excess = np.where(seen, off - allowed, -np.inf)
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(excess)), a.shape)) if a.size else ()
    worst = Worst(at, float(scaled[at]), float(n[at])) if a.size else None
    largest = float(off.max(initial=0.0))
    # the numeric derivative may itself be off by its bar, towards the error
    blunt = float((allowed + bar)[seen].max(initial=0.0)) if seen.any() else math.inf
    errors = float(bar[seen].max(initial=0.0)) if seen.any() else math.inf
    unseen = _unseen(truth.map, scaled, seen, allowed)
    return Agreement(
        holds, s, largest, largest / reference, errors / reference, blunt / reference, cosine, worst, size, unseen
    )


def _unseen(found: Estimate, a: Array, seen: Array, allowed: Array) -> int:
    """How many entries could not be held against anything.

    On one kink, any value between the one-sided derivatives is a subgradient. Where an entry's step passes several, the
    right one may lie outside, so that an entry outside is not wrong but unseen.
    """
    if found.one_sided is None:
        return int((~seen).sum())
    left, right = (np.asarray(side, float) for side in found.one_sided)
    with np.errstate(invalid="ignore"):
        inside = (a >= np.fmin(left, right) - allowed) & (a <= np.fmax(left, right) + allowed)
    return int((~seen & ~inside).sum())


def _by_direction(truth: Truth, a: Array, scale: float | None, unit: float) -> Agreement:
    d = np.array([float(np.asarray(e.derivative)) for _, e in truth.along])
    bar = np.array([float(np.asarray(e.error)) for _, e in truth.along])
    spread = float(np.mean([np.sqrt(np.mean(v * v)) for v, _ in truth.along])) or 1.0
    with np.errstate(all="ignore"):
        p = np.array([float(np.vdot(a, v)) for v, _ in truth.along])
        s = _fitted(p, d) if scale is None else scale
        norm = float(np.linalg.norm(a)) / abs(s)
        # a sum of n products of rounded entries is off by about the round-off of its norm
        rounding = unit * max(norm, truth.floor) * spread
        off, allowed = np.abs(p / s - d), CARE * bar + rounding
        size = float(np.sqrt(np.mean(d * d))) / spread
        reference = max(size, truth.floor) or math.nan
        error = float(np.sqrt(np.mean(off * off))) / spread
        holds = bool((off <= allowed).all()) and bool(np.isfinite(a).all())
        least = math.sqrt(2 / math.pi) / MISSED ** (1 / len(d))
        resolution = float((allowed + bar).max()) / spread * least / reference
        return Agreement(
            holds, s, error, error / reference, float(bar.max()) / spread / reference, resolution, None, None, size
        )


def _fitted(a: Array, n: Array) -> float:
    """The factor s that brings a closest to s n; 1 where there is none to be had."""
    with np.errstate(all="ignore"):
        size = float(np.abs(n).max(initial=0.0))
        if not size:
            return 1.0
        n = n / size
        s = float(np.sum(a * n) / np.sum(n * n)) / size
    return s if math.isfinite(s) and s != 0 else 1.0


def _cosine(a: Array, n: Array) -> float | None:
    with np.errstate(all="ignore"):
        size = float(np.abs(a).max(initial=0.0)), float(np.abs(n).max(initial=0.0))
        if not all(size) or not all(map(math.isfinite, size)):
            return None
        a, n = a / size[0], n / size[1]
        return float(np.sum(a * n) / (np.linalg.norm(a) * np.linalg.norm(n)))
