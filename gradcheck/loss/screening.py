"""Which standard loss explains the gradients.

A gradient's directional derivatives, measured once with every output and label kept, tell all standard losses apart:
each is only a function of those. The one that fits up to a factor settles the form; the parameters' gradients settle
the factor, and what they have beyond it in proportion to the parameters themselves is an L2 term. What the screening
finds is measured properly afterwards, as every gradient is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.pairing import CALLED
from gradcheck.capture.program import Program, Ref, Variable
from gradcheck.capture.record import LARGE
from gradcheck.gradients import Gradient, laid_out
from gradcheck.loss.forms import Reading
from gradcheck.loss.standard import Candidate, Penalty, candidates, distinct, outputs_of, touched

Array = NDArray[Any]

CLOSE = 1e-4
"""To which central differences of one step size must agree with a gradient."""
WEAK = 1e-3
"""How much of the rest a penalty may leave where a loss fits without it: by chance one column takes half of it."""
DIRECTIONS = 6
"""Along which a gradient is screened: enough to fit a factor and a penalty, and still to say no."""
STEP = 1e-5
"""Relative to the value's scale."""


@dataclass(frozen=True, slots=True)
class Slopes:
    """One gradient along a few directions, and the forward's values at both ends of each."""

    analytic: Array
    """What the gradient says of each direction."""
    own: Array
    """The value's own component along each, for a penalty on what the gradient touches."""
    ends: tuple[tuple[Mapping[Ref, Any], Mapping[Ref, Any]], ...]
    step: float


@dataclass(frozen=True, slots=True)
class Fit:
    """analytic = factor * slope of the loss (+ strength * the value itself)"""

    factor: float
    strength: float = 0.0


@dataclass(frozen=True, slots=True)
class Explanation:
    """A standard loss, and the gradient that speaks for it."""

    candidate: Candidate
    reading: Reading
    factor: float
    """By which every parameter's gradient differs from the reading's; 1 for a loss as it is usually written."""
    anchor: Gradient
    """The first gradient that it explains."""
    ratio: float
    """By which the anchor differs from its gradient, the factor included."""
    penalty: Penalty | None
    told: bool
    """Whether the parameters' gradients settled the reading."""


class Screening:
    """The gradients of a program, measured as far as telling losses apart needs it."""

    def __init__(self, program: Program, gradients: Sequence[Gradient]) -> None:
        self.program = program
        self.gradients = [g for g in gradients if laid_out(g) is not None and g.of.array.size]
        self._rng = np.random.default_rng(0)
        self._slopes: dict[str, Slopes | None] = {}

    @functools.cached_property
    def candidates(self) -> list[Candidate]:
        """Every standard loss that fits, likeliest first: labels are what stays when the parameters move."""
        before = self._values({})
        moved = self._values({g.of.ref: nudged(g.of.array, self._rng) for g in self.gradients})
        gradients = {g.name for g in self.gradients}
        parameters = {g.of.last or g.of.name for g in self.gradients if g.kind == "parameter"}

        def fixed(v: Variable) -> bool:
            # velocity['b2'] is no label but the optimizer's, and the zeros that db begins with are none either
            others = (v.order < 0 and (v.last or v.name) in parameters) or (v.last or v.name) in gradients
            own = not self._is_moved(v) and not others
            return own and v.ref in moved and np.array_equal(before[v.ref], moved[v.ref])

        return list(candidates(self.program, fixed))

    def _is_moved(self, v: Variable) -> bool:
        return any(g.of.ref == v.ref for g in self.gradients)

    @functools.cached_property
    def _wanted(self) -> dict[str, Variable]:
        rounds = (v for r in self.program.rounds for v in r.values())
        # a whole data set that the step draws from is no output and no label, and takes long to copy
        held = (v for v in self.program.variables.values() if v.array.size <= LARGE)
        reachable = distinct((*held, *rounds))
        return {f"v{i}": v for i, v in enumerate(sorted(reachable, key=lambda v: v.order))}

    def _values(self, replace: Mapping[Ref, Array]) -> Mapping[Ref, Any]:
        return self.program.seen(self._wanted.values(), replace)

    # -- the code's own loss

    def supports(self, own: Variable) -> bool:
        """Whether any gradient is that of the code's own loss, up to a factor."""
        return any((s := self.slopes(g)) is not None and _fit(s, own_slopes(s, own), g) for g in self.gradients)

    def beside(self, own: Variable) -> Explanation | None:
        """What explains the gradients where the code's own loss is that of other data: the whole set's, to be printed.

        Nothing that the output rests on moves it, nor any value with a gradient that is no parameter.
        """
        found = None if self.supports(own) else self.explained()
        made = {v.identity for g in self.gradients for v in g.versions}
        if found is None or any(o.identity in made for o in found.candidate.outputs):
            return None  # what a backward hands back is no output
        outputs = (*found.candidate.outputs, *(g.of for g in self.gradients if g.kind != "parameter"))
        for v in {o.ref: o for o in (*outputs, *outputs_of(self.program))}.values():
            now = self.program.seen([own, *outputs], {v.ref: nudged(v.array, self._rng)})
            if not now:
                return None
            moved = any(v.ref == o.ref or not np.array_equal(now[o.ref], o.array) for o in outputs)
            if moved and not np.array_equal(now[own.ref], own.array, equal_nan=True):
                return None
        return found

    def is_of(self, own: Variable) -> bool:
        """Whether a gradient of three entries or more is a scalar's, without any factor."""
        asked = ((g, s) for g in self.gradients if g.of.array.size >= 3 and (s := self.slopes(g)) is not None)
        return any((f := _fit(s, own_slopes(s, own), g)) is not None and _close(f.factor, 1) for g, s in asked)

    def of_square(self, own: Variable) -> tuple[float, Gradient] | None:
        """1 or 2, and a gradient of three entries or more that is so many times a scalar times its slope, but for its
        sign."""
        value = abs(float(np.real(own.array.reshape(-1)[0])))
        for g in self.gradients:
            s = self.slopes(g) if g.of.array.size >= 3 and value else None
            fit = _fit(s, own_slopes(s, own), g) if s is not None else None
            times = next((n for n in (1.0, 2.0) if fit is not None and _close(abs(fit.factor), n * value)), None)
            if times is not None:
                return times, g
        return None

    def steps_by(self, own: Variable) -> float | None:
        """The factor, other than 1, that every update has beyond its rate: a constant which the rate takes up."""
        moved = [g for g in self.gradients if g.kind == "parameter"]
        if not moved or any(g.rate is None for g in moved):
            return None  # a gradient that has a name has its factor itself
        found = [(s, own_slopes(s, own)) for g in moved if (s := self.slopes(g)) is not None]
        fits = [fitted(s, slope, slope[:, None]) for s, slope in found]
        factors = [float(f[0]) for f in fits if f is not None]
        if any(map(self._is_called_one, moved)):
            return None  # what the rate is multiplied by is called a gradient: a factor there is none of the rate's
        same = len(factors) == len(moved) and all(_close(f, factors[0]) for f in factors)
        enough = sum(g.of.array.size for g in moved) > 1
        if not same or not enough or _close(abs(factors[0]), 1):
            return None
        return as_written(abs(factors[0]), sizes_in(self.program))

    def _is_called_one(self, moved: Gradient) -> bool:
        """Whether an update's gradient is what the code computes under a gradient's name: p.grad, dw for weights."""
        own = (v for v in self.program.trace.values if CALLED.match(v.name) or self.program.base_of(v.name))
        named = (v for v in own if v.array.shape == moved.array.shape)
        return any(np.allclose(v.array, moved.array, rtol=CLOSE, atol=moved.rounding) for v in named)

    # -- standard losses

    def explained(self) -> Explanation | None:
        """The standard loss that explains the first gradient that any explains."""
        for penalised in (False, True):
            for gradient in self.gradients:
                slopes = self.slopes(gradient)
                for candidate in self.candidates if slopes is not None else ():
                    assert slopes is not None
                    if not penalised and not self._may_explain(candidate, slopes):
                        continue
                    fit = _fit(slopes, self.slope(candidate, slopes), gradient, candidate, penalised)
                    if fit is not None and self._is_credible(candidate, fit):
                        return self._added_up(candidate, gradient, fit)
        return None

    def _is_credible(self, candidate: Candidate, fit: Fit) -> bool:
        """Whether the loss depends on most parameters, and the factor is a round one where any label would fit.

        A single output's gradient is proportional to that of its loss with any label.
        """
        asked = [s for g in self.gradients if g.kind == "parameter" and (s := self.slopes(g)) is not None]
        felt = [np.nan_to_num(self.slope(candidate, replace(s, ends=s.ends[:2]))).any() for s in asked]
        if 2 * sum(felt) < len(felt):
            return False
        if not candidate.is_single or _is_own(fit, candidate):
            return True
        sizes = sizes_in(self.program)
        ratios = [fit.factor / r.weight for r in candidate.readings]
        return any(as_written(ratio, sizes) != ratio for ratio in ratios)

    def _may_explain(self, candidate: Candidate, slopes: Slopes) -> bool:
        """Whether the first two directions agree: most losses are told apart by that."""
        first, second = self.slope(candidate, replace(slopes, ends=slopes.ends[:2]))
        a, b = first * slopes.analytic[1], second * slopes.analytic[0]
        return bool(abs(a - b) <= 100 * CLOSE * (abs(a) + abs(b)))

    def slope(self, candidate: Candidate, slopes: Slopes) -> Array:
        """The slope of the summed loss along each direction."""
        found = [_at(candidate, high) - _at(candidate, low) for high, low in slopes.ends]
        return np.array(found) / (2 * slopes.step)

    def _added_up(self, candidate: Candidate, anchor: Gradient, fit: Fit) -> Explanation:
        """Mean or sum, as most parameters' gradients have it; the penalty that some of them have beyond that."""
        fits = {g.name: f for g in self.gradients if g.kind == "parameter" and (f := self._fit_of(candidate, g))}
        factors = [abs(f.factor) for f in fits.values()]
        reading = max(candidate.readings, key=lambda r: sum(_close(f, r.weight) for f in factors))
        told = any(_close(f, reading.weight) for f in factors)
        factor = 1.0
        stepped = any(g.rate is not None for g in self.gradients)  # a rate that can't be read off is in all of them
        if not told and len(factors) > (0 if stepped else 1) and all(_close(f, factors[0]) for f in factors):
            factor = as_written(factors[0] / reading.weight, sizes_in(self.program))
        weight = reading.weight * factor
        penalised = [g for g in self.gradients if g.name in fits and fits[g.name].strength]
        penalty = _penalty(self.program, penalised, [fits[g.name].strength for g in penalised])
        if penalty is not None:
            rest = (g for g in self.gradients if g.kind == "parameter" and g.of not in penalty.of)
            penalty = penalty.also_of([g for g in rest if self._has_too(g, candidate, weight, penalty.strength)])
        return Explanation(candidate, reading, factor, anchor, fit.factor / weight, penalty, told)

    def _has_too(self, gradient: Gradient, candidate: Candidate, weight: float, strength: float) -> bool:
        """Whether a gradient of one or two entries has the others' penalty as well: too few to fit a strength to."""
        slopes = self.slopes(gradient)
        if slopes is None:
            return False
        beyond = slopes.analytic - weight * self.slope(candidate, slopes)
        left = np.abs(beyond - strength * slopes.own).max()
        return bool(left <= 0.1 * np.abs(beyond).max() and left <= CLOSE**1.5 * np.abs(slopes.analytic).max())

    def _fit_of(self, candidate: Candidate, gradient: Gradient) -> Fit | None:
        slopes = self.slopes(gradient)
        if slopes is None:
            return None
        slope = self.slope(candidate, slopes)
        plain = _fit(slopes, slope, gradient, candidate)
        more = _fit(slopes, slope, gradient, candidate, True)
        if plain is None or more is None:
            return plain or more
        # a weak penalty leaves less than CLOSE tells, and is there all the same
        return more if _left(slopes, slope, more) < WEAK * _left(slopes, slope, plain) else plain

    def changes(
        self, candidate: Candidate, own: Variable, moved: Mapping[Ref, Any] | None = None
    ) -> tuple[float, float]:
        """By how much the code's own loss and a summed standard one change with other parameters, or with these."""
        of = [g.of for g in self.gradients if g.kind == "parameter"]
        others = moved or {v.ref: v.array + self._rng.standard_normal(v.array.shape) for v in of}
        then, now = self._values(others), self._values({})
        mine = float(np.real(then.get(own.ref, math.nan)) - np.real(now.get(own.ref, math.nan)))
        return mine, _at(candidate, then) - _at(candidate, now)

    # -- measuring

    def slopes(self, gradient: Gradient) -> Slopes | None:
        """The gradient along a few directions, measured once; None where it says nothing."""
        if gradient.name not in self._slopes:
            self._slopes[gradient.name] = self._measured(gradient)
        return self._slopes[gradient.name]

    def _measured(self, gradient: Gradient) -> Slopes | None:
        analytic, x = laid_out(gradient), np.asarray(gradient.of.array, float)
        assert analytic is not None
        if not np.isfinite(analytic).all() or not analytic.any():
            return None
        step = STEP * (float(np.sqrt(np.mean(x * x))) or 1.0)
        lines = self._rng.standard_normal((DIRECTIONS, *x.shape))
        ends = tuple(
            (self._values({gradient.of.ref: x + step * v}), self._values({gradient.of.ref: x - step * v}))
            for v in lines
        )
        flat = lines.reshape(DIRECTIONS, -1)
        penalised = x * touched(analytic)
        return Slopes(flat @ analytic.ravel().astype(float), flat @ penalised.ravel(), ends, step)


def nudged(array: Array, rng: np.random.Generator) -> Array:
    return array + 1e-3 * (1 + np.abs(array)) * rng.standard_normal(array.shape)


def _at(candidate: Candidate, values: Mapping[Ref, Any]) -> float:
    try:
        return float(np.real(candidate.summed(lambda v: np.asarray(values[v.ref]))))
    except (KeyError, IndexError, ValueError, TypeError):  # the step took another way there
        return math.nan


def own_slopes(slopes: Slopes, own: Variable) -> Array:
    """The slope of the code's own loss along each direction."""

    def at(values: Mapping[Ref, Any]) -> float:
        return float(np.real(np.asarray(values.get(own.ref, math.nan)).reshape(-1)[0]))

    return np.array([at(high) - at(low) for high, low in slopes.ends]) / (2 * slopes.step)


def _fit(
    slopes: Slopes, slope: Array, gradient: Gradient, candidate: Candidate | None = None, penalised: bool = False
) -> Fit | None:
    """How the gradient comes from the slope of a loss; None where it does not.

    A gradient of one or two entries is proportional to anything: it speaks only for a factor that is a loss's own.
    """
    size = gradient.of.array.size
    if penalised and (size < 3 or gradient.kind == "intermediate"):
        return None
    found = fitted(slopes, slope, np.stack([slope, slopes.own] if penalised else [slope], axis=1))
    if found is None:
        return None
    fit = Fit(float(found[0]), float(found[1]) if penalised else 0.0)
    return fit if size >= 3 or _is_own(fit, candidate) else None


def _is_own(fit: Fit, candidate: Candidate | None) -> bool:
    """Whether the factor is one that the loss has if it is averaged or summed."""
    weights = [r.weight for r in candidate.readings] if candidate is not None else [1.0]
    return any(_close(abs(fit.factor), w) for w in weights)


def _left(slopes: Slopes, slope: Array, fit: Fit) -> float:
    """What a fit leaves of a gradient's slopes."""
    return float(np.abs(fit.factor * slope + fit.strength * slopes.own - slopes.analytic).max())


def fitted(slopes: Slopes, slope: Array, columns: Array) -> Array | None:
    """What the gradient is made of; None where it is not made of these."""
    a = slopes.analytic
    if not np.isfinite(slope).all() or np.abs(slope).max() <= CLOSE * CLOSE * np.abs(a).max():
        return None
    found = np.linalg.lstsq(columns, a, rcond=None)[0]
    fits = np.abs(columns @ found - a).max() <= CLOSE * np.abs(a).max()
    return np.asarray(found) if fits and found[0] else None


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=CLOSE)


def _penalty(program: Program, gradients: Sequence[Gradient], strengths: Sequence[float]) -> Penalty | None:
    """An L2 term of the strength that most gradients show, as exactly as the code has it."""
    if not gradients:
        return None
    strength = max(strengths, key=lambda s: sum(_close(s, other) for other in strengths))
    alike = [g for g, s in zip(gradients, strengths) if math.isclose(s, strength, rel_tol=1e-2)]
    called, exact = _as_the_code_has_it(program, strength)
    if exact <= 0 or (not called and exact == strength):
        return None  # a number that nobody wrote is an error of measuring, of a kink for one
    return Penalty(exact, called).also_of(alike)


def _as_the_code_has_it(program: Program, strength: float) -> tuple[str, float]:
    """A number of the code's that the measured strength is, over the number of samples or doubled; its name."""
    numbers = {v.last or v.name: float(v.array) for v in program.variables.values() if _is_number(v)}
    sizes = sizes_in(program)
    for name, number in numbers.items():
        for times, shown in ((1.0, name), (2.0, f"2 {name}")):
            for n in sizes:
                if number > 0 and math.isclose(strength, times * number / n, rel_tol=1e-3):
                    return shown if n == 1 else f"({shown}/{n})", times * number / n
    return "", as_written(strength, sizes)


def sizes_in(program: Program) -> list[int]:
    return sorted({1, *(n for v in program.variables.values() for n in v.array.shape[:2] if n)})


def as_written(number: float, sizes: Sequence[int]) -> float:
    """The short number that a measured one must be, or that over a size: measured digits are not the code's."""
    for n in sizes:
        short = float(f"{number * n:.3g}")
        if math.isclose(short, number * n, rel_tol=1e-6):
            return short / n
    return number


def _is_number(v: Variable) -> bool:
    return v.array.ndim == 0 and v.array.dtype.kind == "f"
