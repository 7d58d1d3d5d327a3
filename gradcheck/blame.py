"""Which lines are at fault, and which only inherit an error, by feeding each line right inputs."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.program import Program, Ref, Trace, Variable
from gradcheck.capture.rates import statement_at
from gradcheck.capture.record import Key, Value
from gradcheck.compare import BLUNT, Agreement, Truth, Verdict, agreement
from gradcheck.dot import Handed, local_truth
from gradcheck.gradients import Gradient, updated
from gradcheck.source import frames_of, line_of

Array = NDArray[Any]


AMPLIFIED = 1e3
"""How many times a line may enlarge the relative error of the numeric truth that it is fed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A gradient, its truth, and what came of holding one against the other."""

    gradient: Gradient
    truth: Truth
    verdict: Verdict
    reason: str = ""
    """Why, in a few words; "" where the verdict says it all."""
    agreement: Agreement | None = None
    """None for a wrong shape or a gradient that is not finite."""
    layout: str | None = None
    """transposed or reshaped, where the gradient's axes are not those of its value."""
    put_right: Value | None = None
    """The update that puts the layout or the sign right."""
    inherited_from: str = ""
    """The gradient at fault, for an inherited error."""
    reused_at: Value | None = None
    """Where the name takes on another meaning after the version that was judged."""
    fed: Array | None = None
    """What the line computes from right inputs, where it was fed some."""
    inputs: Mapping[Key, Array] = field(default_factory=dict)
    """Those right inputs."""
    convention: float | None = None
    """The factor that a wrong gradient should carry, where more is known of it than what the ones before it show."""
    slack: float = 0.0
    """What their own error may come to in what the line makes of them, relative to the tensor's scale."""

    @property
    def scale(self) -> float:
        return self.agreement.scale if self.agreement is not None else 1.0

    @property
    def right(self) -> bool:
        return self.verdict is Verdict.PASS


def judge(
    program: Program,
    gradient: Gradient,
    truth: Truth,
    analytic: Array | None = None,
    *,
    slack: float = 0.0,
    trace: Trace | None = None,
) -> Judged:
    """Hold one gradient against its truth. `analytic`, of the run `trace`, replaces what the first run computed."""
    a = gradient.array if analytic is None else analytic
    slack += gradient.rounding
    if not np.isfinite(a).all():
        return Judged(gradient, truth, Verdict.FAIL, _not_finite(a))
    if _unfinished(program, gradient):
        return Judged(gradient, truth, Verdict.INCONCLUSIVE, "the code raised before it was complete")
    own, layout = in_layout(a, truth.shape)
    if own is None:
        return Judged(gradient, truth, Verdict.FAIL, f"shape {_shape(a.shape)}, expected {_shape(truth.shape)}")
    if truth.reason:
        return Judged(gradient, truth, Verdict.INCONCLUSIVE, truth.reason, layout=layout)
    exact = agreement(truth, own, slack=slack)
    if exact.holds:
        return _unless_blind(Judged(gradient, truth, Verdict.PASS, "", exact, layout), program, trace)
    fitted = agreement(truth, own, scale=None, slack=slack)
    if fitted.holds and not math.isclose(fitted.scale, 1, rel_tol=1e-9):
        verdict = Verdict.PASS if gradient.kind == "intermediate" else Verdict.FAIL
        # where the factor is a fault, the error shown is that of the gradient as it stands
        shown = fitted if verdict is Verdict.PASS else replace(exact, scale=fitted.scale, holds=True)
        return _unless_blind(Judged(gradient, truth, verdict, "", shown, layout), program, trace)
    return Judged(gradient, truth, Verdict.FAIL, "", replace(exact, scale=fitted.scale), layout)


def _unfinished(program: Program, gradient: Gradient) -> bool:
    """Whether the code raised before the gradient was more than what a sum begins with, or while it was added to."""
    error = program.trace.raised
    frames = frames_of(error) if error is not None else []
    if not frames:
        return False
    line = (frames[-1].line or "").strip()
    adds = line.startswith((f"{gradient.name} += ", f"{gradient.name} -= ", f"np.add.at({gradient.name},"))
    fits = gradient.array.shape == gradient.of.array.shape
    return fits and (adds or not np.any(gradient.array))


def judge_versions(program: Program, gradient: Gradient, truth: Truth) -> Judged:
    """Judge a gradient at its last version, or, for a name that is used again, at an earlier one that is right.

    After `dh[h <= 0] = 0` the name dh stands for the gradient of what went into the activation, which has no name.
    """
    last = judge(program, gradient, truth)
    if last.verdict is not Verdict.FAIL:
        return last
    if gradient.kind != "intermediate":
        return _before_clipping(program, gradient, truth) or last
    for version in gradient.versions[:-1]:
        earlier = judge(program, replace(gradient, value=version), truth)
        if earlier.right:
            return replace(earlier, reused_at=gradient.value)
    return _before_activation(program, gradient, truth) or last


def _before_clipping(program: Program, gradient: Gradient, truth: Truth) -> Judged | None:
    """A parameter's gradient that is right, and that a later line then clips: the clipping is no fault of it."""
    clipped = gradient.versions[-1]
    if not re.search("clip|min|max", line_of(clipped.site.file, clipped.site.line)):
        return None  # one entry made smaller looks like clipping, too
    for version in reversed(gradient.versions[:-1]):
        a = version.array
        if a.shape == clipped.array.shape and a.size:
            within = np.clip(a, clipped.array.min(), clipped.array.max())
            judged = judge(program, replace(gradient, value=version), truth)
            if np.array_equal(within, clipped.array) and judged.right:
                return replace(judged, reason=f"before it is clipped at line {clipped.site.line}")
    return None


_DERIVATIVES: tuple[Callable[[Array], Array], ...] = (
    lambda h: 1 - h * h,
    lambda h: h * (1 - h),
    lambda h: (h > 0).astype(float),
)
"""Of tanh, sigmoid and relu, by what they come to."""


_ACTIVATION = re.compile(r"(?i)tanh|sig|relu|maximum|expit|exp$|logistic|activ|nonlin|^(act|f|g)$")


def _activates(h: Variable) -> bool:
    """Whether its line calls an activation on something that it gives no name."""
    statement = None if h.site is None or h.site.kind != "assign" else statement_at(h.site.file, h.site.line)
    calls = (n for n in ast.walk(statement or ast.Pass()) if isinstance(n, ast.Call) and n.args)
    named = (c for c in calls if _ACTIVATION.search(getattr(c.func, "attr", getattr(c.func, "id", ""))))
    return any(not all(isinstance(a, (ast.Name, ast.Attribute, ast.Constant)) for a in c.args) for c in named)


def _before_activation(program: Program, gradient: Gradient, truth: Truth) -> Judged | None:
    """A gradient that is right for what goes into an activation, where that has no name: many write dh for it."""
    h = gradient.of
    named = (g.of for g in program.gradients if g.of.array.shape == h.array.shape)
    if truth.map is None or any(0 <= of.order < h.order for of in named) or not _activates(h):
        return None
    for derivative in _DERIVATIVES:
        f = derivative(h.array)
        derived, error = np.asarray(truth.map.derivative) * f, np.asarray(truth.map.error) * np.abs(f)
        inside = replace(truth, map=replace(truth.map, derivative=derived, error=error, one_sided=None))
        judged = judge(program, gradient, inside)
        if judged.right:
            return replace(judged, reason=f"of what goes into {h.name}")
    return None


def in_layout(a: Array, shape: tuple[int, ...]) -> tuple[Array | None, str | None]:
    """The gradient in its value's layout and how it differs from it; (None, None) where no layout fits."""
    if a.shape == shape:
        return a, None
    if a.ndim == 2 and a.T.shape == shape:
        return a.T, "transposed"
    if a.size == math.prod(shape) and [n for n in a.shape if n != 1] == [n for n in shape if n != 1]:
        return a.reshape(shape), "reshaped"
    return None, None


def _unless_blind(judged: Judged, program: Program, trace: Trace | None) -> Judged:
    """A check that could not see, a layout or a sign that nothing puts right: none of them is a pass."""
    found = judged.agreement
    assert found is not None
    if not math.isfinite(found.resolution):
        return replace(judged, verdict=Verdict.INCONCLUSIVE, reason="the gradient is zero at this probe")
    if found.unseen:
        entries = "1 entry sits" if found.unseen == 1 else f"{found.unseen} entries sit"
        return replace(judged, verdict=Verdict.INCONCLUSIVE, reason=f"{entries} on a kink")
    if found.resolution > BLUNT:
        reason = f"would have missed errors up to {found.resolution:.1g}"
        return replace(judged, verdict=Verdict.INCONCLUSIVE, reason=reason)
    mirrored = math.isclose(found.scale, -1, rel_tol=1e-6) and judged.gradient.kind == "parameter"
    if judged.layout is not None or mirrored:
        update = _puts_right(program, judged, found.scale, trace or program.trace)
        if update is None:
            reason = f"{judged.layout}, and no update puts it right" if judged.layout and judged.right else ""
            return replace(judged, verdict=Verdict.FAIL, reason=reason)
        return replace(judged, verdict=Verdict.PASS, put_right=update)
    return judged


def _puts_right(program: Program, judged: Judged, scale: float, trace: Trace) -> Value | None:
    """The update that moves the parameter straight down its numeric gradient, whatever the layout or sign."""
    if judged.gradient.kind == "intermediate" and judged.layout is not None:
        return None
    seen = updated(program, trace, judged.gradient)
    if seen is None or seen[1].shape != judged.truth.shape:
        return None
    moved = agreement(judged.truth, seen[1], scale=None)
    # an update is rounded to the parameter's own digits, so its direction is known less well than the gradient
    descends = moved.scale < 0 and moved.rel_error < 1e-6 * max(1.0, abs(moved.scale))
    return seen[0] if descends and moved.rel_error < BLUNT else None


def _not_finite(a: Array) -> str:
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
    value = "NaN" if np.isnan(a[at]) else "infinite"
    count = int((~np.isfinite(a)).sum())
    return f"{value} at {at}" + (f" and {count - 1} more" if count > 1 else "") if a.ndim else value


def _shape(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else str(shape)


def assign_blame(program: Program, judged: Sequence[Judged], rng: np.random.Generator | None = None) -> list[Judged]:
    """Tell the gradients whose own line is at fault from those that inherit an error.

    One backward run gives every line right inputs: each wrong intermediate is replaced by its numeric truth, in the
    scale that it inherits, at the last version before another line reads it. What is right then had inherited. Where
    the truth is not known entry by entry, a dot test of the line's own step decides.
    """
    rng = rng or np.random.default_rng(0)
    judged = _passed_down(_seen_at_other_turns(judged))
    judged = result = _named_otherwise(program, _spoiled(program, judged))
    wrong = [j for j in judged if j.verdict is Verdict.FAIL]
    feeding = right_inputs(judged)
    if feeding:
        result = _inherited(program, result, feeding)
    unfed = [j for j in wrong if j.gradient.kind == "intermediate" and j.gradient.name not in feeding]
    if unfed:
        result = _by_own_step(program, result, unfed, rng)
    result = _own_factors(program, result)
    result = [_confirmed(program, j, result, rng) for j in result]
    if any(j.verdict is Verdict.INHERITED for j in result) and not any(j.verdict is Verdict.FAIL for j in result):
        return list(judged)  # an error comes from somewhere: where blame finds nobody, each stands as it was judged
    return result


def _passed_down(judged: Sequence[Judged]) -> list[Judged]:
    """The input's gradient at the end of a chain carries the chain's factor, which the parameters' lines take out."""
    if not any(j.right and j.gradient.kind == "parameter" for j in judged):
        return list(judged)
    result = []
    for j in judged:
        own = in_layout(j.gradient.array, j.truth.shape)[0] if j.gradient.kind == "input" and _is_scaled(j) else None
        if own is not None and j.scale > 0 and math.isclose(j.scale, upstream_scale(j, judged), rel_tol=1e-6):
            j = replace(j, verdict=Verdict.PASS, agreement=agreement(j.truth, own, None))
        result.append(j)
    return result


def _spoiled(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """A gradient that was right before a later line changed it, and whose former self heals what rests on it, is wrong.

    Where that line has only given the name to another gradient, as a mask in place does, nothing is healed.
    """
    result = list(judged)
    for i, j in enumerate(judged):
        if j.reused_at is None or all(p.verdict is not Verdict.FAIL for p in judged):
            continue
        again = rejudged(program, judged, {j.gradient.key: j.gradient.array})
        others = [(p, after) for p, after in zip(judged, again) if p is not j]
        healed = any(p.verdict is Verdict.FAIL and _right(after) for p, after in others)
        if healed and all(_right(after) for p, after in others if p.right):
            result[i] = judge(program, replace(j.gradient, value=j.gradient.versions[-1]), j.truth)
    return result


def right_inputs(judged: Sequence[Judged]) -> dict[str, Array]:
    """What stands in for each wrong intermediate: the truth, by the gradient's name."""
    wrong = [j for j in judged if j.verdict in (Verdict.FAIL, Verdict.INHERITED)]
    return {j.gradient.name: t for j in wrong if (t := _substitute(j, judged)) is not None}


def slack_of(judged: Sequence[Judged], feeding: Mapping[str, Array]) -> float:
    """What is fed has an error of its own, which each line may enlarge: that much is allowed on top."""
    bars = [j.agreement.bar for j in judged if j.gradient.name in feeding and j.agreement is not None]
    return AMPLIFIED * max(bars, default=1e-9)


def _seen_at_other_turns(judged: Sequence[Judged]) -> list[Judged]:
    """A loop's first state is often zero, and with it a gradient at one turn of the loop: its line shows at others."""

    def is_zero(j: Judged) -> bool:
        return j.agreement is not None and j.agreement.size == 0 and not np.any(j.gradient.array)

    seen = {j.gradient.value.site.number for j in judged if j.verdict in (Verdict.PASS, Verdict.FAIL)}
    return [
        replace(j, verdict=Verdict.SKIPPED, reason="zero at this turn of the loop, and seen at others")
        if j.verdict is Verdict.INCONCLUSIVE and is_zero(j) and j.gradient.value.site.number in seen
        else j
        for j in judged
    ]


def _named_otherwise(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """An intermediate on which right gradients rest is not wrong: it belongs to something else than its name says.

    Many write dh for the gradient of what goes into h's activation. At every turn of a loop the name says the same.
    """
    suspects = [j for j in judged if j.verdict is Verdict.FAIL and j.gradient.kind == "intermediate" and j.agreement]
    lines = {j.gradient.value.site.number for j in suspects if _harms(program, j, judged)}
    result = list(judged)
    for i, j in enumerate(judged):
        if any(j is s for s in suspects) and j.gradient.value.site.number in lines:
            reason = f"not {j.gradient.of.name}'s own gradient, but what rests on it is right"
            result[i] = replace(j, verdict=Verdict.SKIPPED, reason=reason)
    return result


def _harms(program: Program, suspect: Judged, judged: Sequence[Judged]) -> bool:
    """Whether right gradients of parameters would be wrong if the suspect were what its name says, and none be healed.

    Where the derivative that it would then be is not known in full, doubling shows what rests on it.
    """
    truth = _substitute(suspect, judged)
    fed = 2 * suspect.gradient.versions[-1].array if truth is None else truth
    again = rejudged(program, judged, {suspect.gradient.key: fed})
    resting = [(p, after) for p, after in zip(judged, again) if _rests(p, after)]
    harmed = any(p.right and not _right(after) for p, after in resting)
    return harmed and not any(not p.right and (truth is None or _right(after)) for p, after in resting)


def _rests(judged: Judged, after: Judged | None) -> bool:
    """Whether a parameter's gradient is another one when something above it is."""
    if judged.gradient.kind == "intermediate" or after is None or after.fed is None:
        return False
    return not np.array_equal(after.fed, judged.gradient.array)


def _substitute(judged: Judged, all_judged: Sequence[Judged]) -> Array | None:
    """The truth in the scale and layout that the gradient would have inherited; None where it isn't known in full."""
    truth, found = judged.truth.array, judged.agreement
    if judged.gradient.kind != "intermediate":
        return None
    if truth is None and found is not None and found.holds and judged.layout is None:
        return judged.gradient.versions[-1].array / found.scale  # nothing but a factor of its own is wrong with it
    if truth is None or not np.isfinite(truth).all():
        return None
    scale = upstream_scale(judged, all_judged)
    return (truth * scale).T if judged.layout == "transposed" else truth * scale


def upstream_scale(judged: Judged, all_judged: Sequence[Judged]) -> float:
    """The factor that the intermediates computed before this one carry by convention; 1 for the first of them."""
    if judged.convention is not None:
        return judged.convention
    scale = 1.0
    for other in all_judged:
        if other is judged or other.gradient.name == judged.gradient.name:
            break
        if other.gradient.kind == "intermediate" and other.right:
            scale = other.scale
    return scale


def _inherited(program: Program, judged: list[Judged], feeding: Mapping[str, Array]) -> list[Judged]:
    replaced: Mapping[Key, Array] = {
        j.gradient.key: feeding[j.gradient.name] for j in judged if j.gradient.name in feeding
    }
    slack = slack_of(judged, feeding)
    replaced, again, convention = _in_the_scale_of_the_rest(program, judged, replaced, slack)
    if convention != 1:
        fed = [j for j in judged if j.gradient.key in replaced]
        kept = {j.gradient.name: upstream_scale(j, judged) * convention for j in fed}
        judged = [replace(j, convention=kept.get(j.gradient.name)) for j in judged]
    sources = [j for j in judged if j.verdict is Verdict.FAIL and j.gradient.name in feeding]
    reached = {s.gradient.name: reached_by(program, s, judged) for s in sources}
    result = []
    for before, after in zip(judged, again):
        if before.verdict is Verdict.FAIL and after is None:
            earlier = [s for s in sources if s is not before]
            reason = "the code raised when it was fed right inputs" if earlier else before.reason
            verdict = Verdict.INCONCLUSIVE if earlier else Verdict.FAIL
            result.append(replace(before, verdict=verdict, reason=reason))
        elif before.verdict is Verdict.FAIL and after is not None and after.right:
            # the wrong gradient computed last that this one is made of
            name = next((n for n, keys in reversed(reached.items()) if before.gradient.key in keys), "")
            result.append(replace(before, verdict=Verdict.INHERITED, reason="", inherited_from=name))
        elif before.verdict is Verdict.FAIL and after is not None:
            result.append(replace(before, fed=after.fed, inputs=replaced, slack=slack))
        else:
            result.append(before)
    return result


def _in_the_scale_of_the_rest(
    program: Program, judged: Sequence[Judged], replaced: Mapping[Key, Array], slack: float
) -> tuple[Mapping[Key, Array], list[Judged | None], float]:
    """What is fed, what came of it, and the factor that it carries since later lines take it out again.

    Where the first gradient of all is the wrong one, nothing above it shows its convention; what rests on it does.
    """
    again = rejudged(program, judged, replaced, slack)
    turned = {j.gradient.key for j in judged if j.layout == "transposed"} & replaced.keys()
    if turned:  # a transposed gradient is the code's own layout, or what is wrong with it
        fed = {key: a.T if key in turned else a for key, a in replaced.items()}
        other = rejudged(program, judged, fed, slack)
        if sum(map(_right, other)) > sum(map(_right, again)):
            replaced, again = fed, other
    for factor in sorted({1 / j.scale for j in again if j is not None and _is_scaled(j)}):
        fed = {key: factor * a for key, a in replaced.items()}
        other = rejudged(program, judged, fed, slack)
        if sum(map(_right, other)) > sum(map(_right, again)):
            return fed, other, factor
    return replaced, again, 1.0


def _is_scaled(judged: Judged) -> bool:
    """Wrong by a factor alone."""
    return judged.verdict is Verdict.FAIL and judged.agreement is not None and judged.agreement.holds


def reached_by(program: Program, source: Judged, judged: Sequence[Judged]) -> frozenset[Key]:
    """Which gradients depend on one: doubling it shows that."""
    trace = program.backward({source.gradient.key: 2 * source.gradient.versions[-1].array})
    now = {(v.key, v.path): v.array for v in trace.values}
    others = (j.gradient.versions[-1] for j in judged if j is not source)
    known = ((v, now[v.key, v.path]) for v in others if (v.key, v.path) in now)
    return frozenset(v.key for v, again in known if not np.array_equal(again, v.array))


def _by_own_step(
    program: Program, judged: list[Judged], unfed: Sequence[Judged], rng: np.random.Generator
) -> list[Judged]:
    """What rests on wrong gradients that could not be put right, each line tested by what it was handed."""
    reached = {s.gradient.name: reached_by(program, s, judged) for s in unfed}
    result = list(judged)
    for i, j in enumerate(judged):
        sources = [name for name, keys in reached.items() if j.gradient.key in keys and name != j.gradient.name]
        if j.verdict is Verdict.FAIL and sources:
            result[i] = _own_step(program, j, judged, sources[-1], rng)
    return result


def _own_step(
    program: Program, judged: Judged, others: Sequence[Judged], source: str, rng: np.random.Generator
) -> Judged:
    """A wrong gradient inherits if it is what its line should make of the gradients that it was handed."""
    own = in_layout(judged.gradient.array, judged.truth.shape)[0]
    truth = None if own is None else local_truth(program, judged.gradient.of, _handed(others), rng)
    if own is None:
        return judged
    if truth is None:
        return replace(
            judged, verdict=Verdict.INCONCLUSIVE, reason=f"rests on {source}, and can't be told apart from it"
        )
    scale = 1.0 if judged.gradient.kind == "parameter" else upstream_scale(judged, others)
    found = agreement(truth, own, scale)
    if found.holds:
        return replace(judged, verdict=Verdict.INHERITED, reason="", inherited_from=source)
    return replace(judged, truth=truth, agreement=found)


def _confirmed(program: Program, judged: Judged, others: Sequence[Judged], rng: np.random.Generator) -> Judged:
    """A guilty line fails the dot test of its own step too; where it does not, nobody can tell whose fault it is."""
    found = judged.agreement
    if judged.verdict is not Verdict.FAIL or found is None or judged.layout is not None:
        return judged
    if _own_step(program, judged, others, "", rng).verdict is not Verdict.INHERITED:
        return judged
    reason = "wrong where its line is fed right inputs, but its own step is right: which line is at fault can't be told"
    return replace(judged, verdict=Verdict.INCONCLUSIVE, reason=reason)


def _handed(judged: Sequence[Judged]) -> list[Handed]:
    """Every intermediate with the gradient that the code hands on, in units of the loss."""
    handed: list[Handed] = []
    for j in judged:
        if j.gradient.kind == "intermediate":
            own = in_layout(j.gradient.versions[-1].array, j.truth.shape)[0]
            scale = j.scale if j.right else upstream_scale(j, judged)
            handed.append((j.gradient.of, None if own is None or not np.isfinite(own).all() else own / scale))
    return handed


def rejudged(
    program: Program, judged: Sequence[Judged], replaced: Mapping[Key, Array], slack: float = 0.0
) -> list[Judged | None]:
    """Every gradient judged anew in a backward run with some values replaced; None for one that was not reached."""
    return in_run(program, judged, program.backward(cast(Mapping[Ref, Array], replaced)), slack)


def in_run(program: Program, judged: Sequence[Judged], trace: Trace, slack: float = 0.0) -> list[Judged | None]:
    """Every gradient judged as it came out in another run of the same code; None for one that was not reached."""
    return [_rejudged_one(program, j, trace, slack) for j in judged]


def _rejudged_one(program: Program, judged: Judged, trace: Trace, slack: float) -> Judged | None:
    value = next((v for v in trace.values if v.key == judged.gradient.key and v.name == judged.gradient.name), None)
    if value is None:
        return None
    again = judge(program, judged.gradient, judged.truth, value.array, slack=slack, trace=trace)
    return replace(again, fed=value.array)


def _own_factors(program: Program, judged: list[Judged]) -> list[Judged]:
    """A factor that an intermediate's line brings in by itself is that line's fault if taking it out heals others.

    It shows in the parameters, or where a later line adds what has the factor to what does not. What a loop computes on
    one line, turn by turn, is taken out together.
    """
    passing = [j for j in judged if j.gradient.kind == "intermediate" and j.right and j.agreement is not None]
    wrong = {j.gradient.name for j in judged if j.verdict is Verdict.FAIL}
    result = list(judged)
    if not wrong or all(_is_one(j.scale) for j in passing):
        return result
    chain = _Chain(program, passing, judged)
    for line in dict.fromkeys(j.gradient.value.site.number for j in passing):
        turns = chain.bringing_in(line)
        if not turns or not all(j.right for j in result if j.gradient.name in turns):
            continue
        # the factor is known no better than the check could see
        slack = max(j.agreement.resolution for j in passing if j.agreement and j.gradient.name in turns)
        for guilty, fed in chain.hypotheses(turns, {j.scale for j in result if _is_scaled(j)}):
            again = rejudged(program, result, fed, slack)
            pairs = [(p, after) for p, after in zip(result, again) if p.gradient.value.site.number != line]
            healed = {p.gradient.name for p, after in pairs if p.gradient.name in wrong and _right(after)}
            harmed = any(p.right and p.gradient.kind != "intermediate" and not _right(after) for p, after in pairs)
            if healed and not harmed:
                carried = {p.gradient.name for p, after in pairs if _carries(p, after)}
                resting = {j.gradient.name for j in result if j.inherited_from in healed}
                first = next(iter(turns))
                result = [_settled(j, guilty, healed | carried | resting, first) for j in result]
                wrong -= healed
                break
    return result


class _Chain:
    """The factors that intermediates carry, and which of them each line brings in by itself."""

    def __init__(self, program: Program, passing: Sequence[Judged], judged: Sequence[Judged]) -> None:
        self._by_name = {j.gradient.name: j for j in passing}
        self._above: dict[str, str] = {}
        for j in passing:
            reached = reached_by(program, j, judged)
            for later in passing[passing.index(j) + 1 :]:
                if later.gradient.key in reached:
                    self._above[later.gradient.name] = j.gradient.name

    def own(self, name: str) -> float:
        """The factor that it has and the nearest above it has not."""
        above = self._above.get(name)
        return self._by_name[name].scale / (1.0 if above is None else self._by_name[above].scale)

    def bringing_in(self, line: int) -> dict[str, float]:
        """Those that a line computes with a factor of its own, and the factor."""
        here = [n for n, j in self._by_name.items() if j.gradient.value.site.number == line]
        return {n: self.own(n) for n in here if not _is_one(self.own(n))}

    def hypotheses(
        self, turns: Mapping[str, float], shown: Collection[float]
    ) -> Iterator[tuple[Mapping[str, float], dict[Key, Array]]]:
        """Factors at fault, and what would be without them: all that a line brings in, or what others show of it."""
        yield turns, self._without(turns)
        for factor in sorted(shown):
            fed = {self._by_name[n].gradient.key: self._by_name[n].gradient.array / factor for n in turns}
            yield dict.fromkeys(turns, factor), fed

    def _without(self, turns: Mapping[str, float]) -> dict[Key, Array]:
        """What they would be if none of them brought its own factor in."""
        left: dict[str, float] = {}
        for name in self._by_name:
            above = self._above.get(name)
            left[name] = (1.0 if above is None else left[above]) * (1.0 if name in turns else self.own(name))
        return {j.gradient.key: j.gradient.array * (left[n] / j.scale) for n in turns for j in (self._by_name[n],)}


def _is_one(factor: float) -> bool:
    return math.isclose(factor, 1, rel_tol=1e-6)


def _settled(judged: Judged, guilty: Mapping[str, float], inherited: Collection[str], first: str) -> Judged:
    name = judged.gradient.name
    if name in guilty and judged.agreement is not None:
        found = replace(judged.agreement, scale=guilty[name])
        return replace(judged, verdict=Verdict.FAIL, agreement=found, convention=judged.scale / guilty[name])
    if name in inherited:
        return replace(judged, verdict=Verdict.INHERITED, inherited_from=first, reason="")
    return judged


def _carries(judged: Judged, after: Judged | None) -> bool:
    """An intermediate that only passes a factor on loses it when the factor is taken out above."""
    passes = judged.right and judged.gradient.kind == "intermediate" and after is not None and after.right
    return passes and after is not None and not math.isclose(judged.scale, after.scale, rel_tol=1e-6)


def _right(judged: Judged | None) -> bool:
    return judged is not None and judged.right
