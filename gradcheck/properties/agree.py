"""Gradients agree with numeric ones, whatever the sizes."""

from __future__ import annotations

import numpy as np

from gradcheck.blame.assign import assign_blame
from gradcheck.blame.judged import Judged, in_layout, upstream_scale
from gradcheck.capture.program import Program
from gradcheck.compare import Truth, Verdict, agreement
from gradcheck.gradients import Gradient, updated
from gradcheck.probing import settled
from gradcheck.properties.drawing import Array, written
from gradcheck.properties.outcome import HELD, Outcome, nothing, place
from gradcheck.properties.subject import Opened


def gradients_agree(opened: Opened) -> Outcome:
    """Every gradient is the numeric derivative of the loss by its value."""
    program, rng = opened.program, opened.rng(1)
    if not np.isfinite(program.base_value):
        return nothing("the loss is not finite")
    judged = [_judged(opened, g, rng) for g in opened.gradients if g.of.array.size]
    size = max((j.agreement.size for j in judged if j.agreement is not None), default=0.0)
    doubtful = [j for j in judged if j.verdict is Verdict.FAIL and not _is_rounding(opened, j, size)]
    wrong = [j for j in doubtful if _is_confirmed(opened, j)]
    if wrong:
        names = {j.gradient.name for j in wrong}
        blamed = [j for j in assign_blame(program, judged) if j.gradient.name in names]
        return _told(next((j for j in blamed if j.verdict is Verdict.FAIL), wrong[0]), judged)
    if doubtful:
        return nothing("the loss is too coarse to tell")
    if any(j.verdict is Verdict.PASS for j in judged):
        return HELD
    return nothing(judged[0].reason if judged else "no gradient was seen")


def _judged(opened: Opened, gradient: Gradient, rng: np.random.Generator) -> Judged:
    found = settled(opened.program, gradient, rng)
    if found.verdict is Verdict.FAIL and opened.keeps_transposed(gradient):
        return _transposed(opened.program, found)
    return found


def _transposed(program: Program, judged: Judged) -> Judged:
    """Right if the transpose agrees and the update moves the parameter straight down."""
    gradient, truth = judged.gradient, judged.truth
    found = agreement(truth, gradient.array.T)
    update = updated(program, program.trace, gradient)
    if not found.holds or update is None or update[1].shape != truth.shape:
        return judged
    moved = agreement(truth, update[1], scale=None)
    if moved.scale < 0 and moved.rel_error < 1e-6:
        return Judged(gradient, truth, Verdict.PASS, "", found, "transposed", update[0])
    return judged


def _is_rounding(opened: Opened, judged: Judged, size: float) -> bool:
    """A discrepancy that is nothing beside the network's other gradients, or that no digit of the loss can show."""
    found = judged.agreement
    if found is None:
        return False
    effect = found.abs_error * float(np.abs(judged.gradient.of.array).max(initial=0.0))
    return found.abs_error <= 1e-9 * size or effect <= 1e-9 * opened.loss_size()


def _is_confirmed(opened: Opened, judged: Judged) -> bool:
    """Whether plain differences, at any of several steps, don't side with the gradient after all.

    A saturated network's loss is flat but for the rounding of terms that cancel, so that fine steps see nothing of it.
    """
    found, n = judged.agreement, judged.truth.array
    own, _ = in_layout(judged.gradient.array, judged.gradient.of.array.shape)
    if found is None or n is None or own is None or (found.holds and found.scale == 1):
        return True  # a shape, a layout: nothing that a derivative could settle
    factors = [1.0]
    if judged.gradient.kind == "intermediate":
        # what is fitted to a doubtful derivative is off itself: a size close by is what it stands for
        sizes = [float(size) for size in opened.sizes.values()]
        factors = [found.scale, *(s for s in sizes if abs(s / found.scale - 1) < 0.05 or not found.size)]
    return all(_differs(opened.program, judged.gradient, own / factor, n) for factor in factors)


def _differs(program: Program, gradient: Gradient, a: Array, n: Array) -> bool:
    """Whether the gradient's prediction, along what parts it from the derivative, is met by no plain difference."""
    of = gradient.of
    d = np.where(np.isfinite(n), a - n, 0.0)
    largest = float(np.abs(d).max(initial=0.0))
    if largest <= 1e-8 * float(np.abs(np.nan_to_num(n)).max(initial=0.0)):
        return False
    predicted, gap = float(np.vdot(a, d)), float(np.vdot(d, d))
    unit = (float(np.abs(of.array).max(initial=0.0)) or 1.0) / largest
    for h in (unit * 10.0**-k for k in range(1, 8)):
        ends = [float(np.real(program.loss({of.ref: of.array + t * d}).value)) for t in (h, -h)]
        if abs((ends[0] - ends[1]) / (2 * h) - predicted) <= 0.05 * gap:
            return False
    return True


def _told(judged: Judged, others: list[Judged]) -> Outcome:
    g = judged.gradient
    computed = f"{g.name} computed at {place(g.value)} is {written(g.array)}"
    return Outcome(
        f"{g.name} is not the derivative of the loss by {g.of.name}", (f"{computed}, {_right(judged, others)}",)
    )


def _right(judged: Judged, others: list[Judged]) -> str:
    truth: Truth = judged.truth
    scale = upstream_scale(judged, others) if judged.gradient.kind != "parameter" else 1.0
    times = "" if abs(scale - 1) < 1e-6 else f" times {scale:.4g}"
    if truth.array is None:
        return f"which differs from its numeric derivative{times} along random directions"
    n = np.asarray(truth.array) * scale
    # below the derivative's own error a figure is noise
    noise = 3 * np.nan_to_num(np.asarray(truth.map.error, float)) if truth.map is not None else 0.0
    return f"numeric derivative{times} {written(np.where(np.abs(n) <= noise * abs(scale), 0.0, n))}"
