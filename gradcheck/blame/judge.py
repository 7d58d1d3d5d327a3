"""Holds one gradient against its truth."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import chain, dropwhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judged import Judged, in_layout
from gradcheck.capture.program import Program, Trace
from gradcheck.capture.record import Value
from gradcheck.compare import BLUNT, Agreement, Truth, Verdict, agreement
from gradcheck.gradients import Gradient, updated
from gradcheck.source import frames_of, in_one_loop

Array = NDArray[Any]


UNFINISHED = "the code raised before it was complete"

ROUNDED = 1e-6
"""How far a step may be off being a multiple of a gradient: it is the difference of two rounded parameters."""
COUNTED = 1e-2
"""A factor nearer to one than this is none that samples have."""
COMPLETED = 1e-3
"""How far what a gradient lacks must be above what is left of it in the update: that is rounded."""


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
        return Judged(gradient, truth, Verdict.INCONCLUSIVE, UNFINISHED)
    own, layout = in_layout(a, truth.shape)
    if own is None:
        folded = _in_order(gradient, truth, a, slack)
        if folded is not None:
            return _unless_blind(folded, program, trace)
        if gradient.kind == "intermediate" and _leaves_one_out(a.shape, truth.shape):
            reason = f"of all of {gradient.of.name} but one row, as where a loop's first state has no gradient"
            return Judged(gradient, truth, Verdict.SKIPPED, reason)
        return Judged(gradient, truth, Verdict.FAIL, f"shape {_shape(a.shape)}, expected {_shape(truth.shape)}")
    if truth.reason:
        return Judged(gradient, truth, Verdict.INCONCLUSIVE, truth.reason, layout=layout)
    exact = agreement(truth, own, slack=slack)
    if exact.holds:
        return _unless_blind(Judged(gradient, truth, Verdict.PASS, "", exact, layout), program, trace)
    fitted = agreement(truth, own, scale=None, slack=slack)
    if fitted.holds and not math.isclose(fitted.scale, 1, rel_tol=1e-9):
        update = _takes_out(program, gradient, own, fitted.scale, trace or program.trace)
        if update is not None:
            reason = f"times {fitted.scale:.4g}, which the update at line {update.site.line} takes out"
            shown = replace(fitted, scale=1.0)
            return _unless_blind(Judged(gradient, truth, Verdict.PASS, reason, shown, layout), program, trace)
        verdict = Verdict.PASS if gradient.kind == "intermediate" else Verdict.FAIL
        # where the factor is a fault, the error shown is that of the gradient as it stands
        shown = fitted if verdict is Verdict.PASS else replace(exact, scale=fitted.scale, holds=True)
        return _unless_blind(Judged(gradient, truth, verdict, "", shown, layout), program, trace)
    wrong = Judged(gradient, truth, Verdict.FAIL, "", replace(exact, scale=fitted.scale), layout)
    completed = _completed(program, wrong, trace or program.trace)
    if completed is not None:
        return completed
    cut = _cut_short(gradient, trace or program.trace)
    return replace(wrong, verdict=Verdict.INCONCLUSIVE, reason=UNFINISHED) if cut else wrong


def _takes_out(program: Program, gradient: Gradient, own: Array, scale: float, trace: Trace) -> Value | None:
    """The update that divides by the factor which a sum over the samples has: `W -= rate / m * dW`."""
    if gradient.kind != "parameter" or gradient.rate is not None or scale <= 0 or abs(scale - 1) < COUNTED:
        return None
    seen = updated(program, trace, gradient)
    # `return [w - rate / m * g for ...]` leaves the name to the caller
    behind = dropwhile(lambda v: v.key != gradient.key, trace.values)
    alike = (v for v in behind if v.array.shape == own.shape == gradient.of.array.shape)
    steps = chain([seen] if seen is not None else [], ((v, v.array - gradient.of.array) for v in alike))
    straight = ((v, along) for v, change in steps if (along := _along(change, own)) is not None)
    fits = (
        v for v, along in straight if math.isclose(-along * scale, program.rate_of(v, trace).value, rel_tol=ROUNDED)
    )
    return next(fits, None)


def _along(change: Array, gradient: Array) -> float | None:
    """By what a step is a multiple of a gradient; None where it is none."""
    if change.shape != gradient.shape or not np.any(gradient):
        return None
    along = float(np.vdot(gradient, change) / np.vdot(gradient, gradient))
    rest = float(np.linalg.norm(change - along * gradient))
    return along if rest <= ROUNDED * abs(along) * float(np.linalg.norm(gradient)) else None


def _in_order(gradient: Gradient, truth: Truth, a: Array, slack: float) -> Judged | None:
    """An intermediate that holds the right numbers in their order, in another shape: flattened, as the step before
    that needs it. Whether it is used as such shows in what rests on it."""
    if gradient.kind != "intermediate" or truth.reason or a.size != math.prod(truth.shape):
        return None
    found = agreement(truth, a.reshape(truth.shape), slack=slack)
    reason = f"in another shape than {gradient.of.name}"
    return Judged(gradient, truth, Verdict.PASS, reason, found) if found.holds else None


def _leaves_one_out(shape: tuple[int, ...], of: tuple[int, ...]) -> bool:
    return bool(shape and of) and shape[0] == of[0] - 1 and shape[1:] == of[1:]


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


def _cut_short(gradient: Gradient, trace: Trace) -> bool:
    """Whether the code raised in the loop that adds a gradient up."""
    last = gradient.versions[-1].site
    if trace.raised is None or not (last.kind == "augment" or last.form == "refined"):
        return False
    frames = [f for f in frames_of(trace.raised) if f.filename == last.file and f.lineno]
    return any(in_one_loop(last.file, (last.line, f.lineno or 0)) for f in frames)


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
        if update is None and _spreads(program, judged, trace or program.trace):
            return replace(judged, reason="reshaped: less an axis of one")
        if update is None:
            reason = f"{judged.layout}, and no update puts it right" if judged.layout and judged.right else ""
            return replace(judged, verdict=Verdict.FAIL, reason=reason)
        return replace(judged, verdict=Verdict.PASS, put_right=update)
    return judged


def _spreads(program: Program, judged: Judged, trace: Trace) -> bool:
    """Whether a parameter of one row has a gradient without that axis, (3,) for (1, 3): any update keeps its shape."""
    if judged.layout != "reshaped" or judged.gradient.kind != "parameter" or not judged.right:
        return False
    shape, own = judged.truth.shape, judged.gradient.array.shape
    without = len(own) < len(shape) and shape[len(shape) - len(own) :] == own
    return without and updated(program, trace, judged.gradient) is None


def _puts_right(program: Program, judged: Judged, scale: float, trace: Trace) -> Value | None:
    """The update that moves the parameter straight down its numeric gradient, whatever the layout or sign."""
    if judged.gradient.kind == "intermediate" and judged.layout is not None:
        return None
    seen = updated(program, trace, judged.gradient)
    return seen[0] if seen is not None and _descends(judged, seen[1]) is not None else None


def _descends(judged: Judged, change: Array) -> Agreement | None:
    """How a parameter's change agrees with its numeric gradient, where it goes straight down that."""
    if change.shape != judged.truth.shape:
        return None
    moved = agreement(judged.truth, change, scale=None)
    # an update is rounded to the parameter's own digits, so its direction is known less well than the gradient
    descends = moved.scale < 0 and moved.rel_error < 1e-6 * max(1.0, abs(moved.scale))
    return moved if descends and moved.rel_error < BLUNT else None


def _completed(program: Program, judged: Judged, trace: Trace) -> Judged | None:
    """A gradient of the data alone, to which the update adds the decay that the loss has as a penalty."""
    gradient = judged.gradient
    if gradient.kind != "parameter" or gradient.rate is not None or judged.layout is not None:
        return None
    seen = updated(program, trace, gradient)
    if seen is not None and _along(seen[1], gradient.array) is not None:
        return None  # nothing is added: a factor is no decay
    found = _descends(judged, seen[1]) if seen is not None else None
    own = judged.agreement
    if seen is None or found is None or own is None or not found.rel_error < COMPLETED * own.rel_error:
        return None
    reason = f"with what the update at line {seen[0].site.line} adds"
    return replace(judged, verdict=Verdict.PASS, reason=reason, agreement=replace(found, scale=1.0), put_right=seen[0])


def _not_finite(a: Array) -> str:
    at = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
    value = "NaN" if np.isnan(a[at]) else "infinite"
    count = int((~np.isfinite(a)).sum())
    return f"{value} at {at}" + (f" and {count - 1} more" if count > 1 else "") if a.ndim else value


def _shape(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else str(shape)
