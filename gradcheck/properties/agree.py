"""Gradients agree with numeric ones, whatever the sizes."""

from __future__ import annotations

import numpy as np

from gradcheck.blame import Judged, assign_blame, judge, upstream_scale
from gradcheck.capture.program import Program
from gradcheck.compare import Truth, Verdict, agreement, measure
from gradcheck.gradients import Gradient, updated
from gradcheck.probing import SMALL
from gradcheck.properties.drawing import written
from gradcheck.properties.outcome import HELD, Outcome, nothing, place
from gradcheck.properties.subject import Opened


def gradients_agree(opened: Opened) -> Outcome:
    """Every gradient is the numeric derivative of the loss by its value."""
    program, rng = opened.program, opened.rng(1)
    if not np.isfinite(program.base_value):
        return nothing("the loss is not finite")
    judged = [_judged(opened, g, rng) for g in opened.gradients if g.of.array.size]
    size = max((j.agreement.size for j in judged if j.agreement is not None), default=0.0)
    wrong = [j for j in judged if j.verdict is Verdict.FAIL and not _is_rounding(j, size)]
    if wrong:
        names = {j.gradient.name for j in wrong}
        blamed = [j for j in assign_blame(program, judged) if j.gradient.name in names]
        return _told(next((j for j in blamed if j.verdict is Verdict.FAIL), wrong[0]), judged)
    if any(j.verdict is Verdict.PASS for j in judged):
        return HELD
    return nothing(judged[0].reason if judged else "no gradient was seen")


def _judged(opened: Opened, gradient: Gradient, rng: np.random.Generator) -> Judged:
    program, of = opened.program, gradient.of
    truth = measure(lambda a: program.loss({of.ref: a}), of.array, rng=rng, full=of.array.size <= SMALL)
    found = judge(program, gradient, truth)
    if found.verdict is Verdict.FAIL and _is_laid_out_otherwise(opened, gradient):
        return _transposed(program, found)
    return found


def _is_laid_out_otherwise(opened: Opened, gradient: Gradient) -> bool:
    """A square matrix hides that the code keeps its gradients transposed; other sizes have shown it."""
    axes = opened.blueprint.axes
    mine, of = axes.get(gradient.name, ()), axes.get(gradient.of.name, ())
    square = gradient.array.ndim == 2 and gradient.array.shape == gradient.of.array.shape
    return square and len(mine) == 2 and mine == of[::-1] and mine != of


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


def _is_rounding(judged: Judged, size: float) -> bool:
    """A discrepancy that is nothing beside the network's other gradients: a gradient that is zero but for rounding."""
    found = judged.agreement
    return found is not None and found.abs_error <= 1e-9 * size


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
