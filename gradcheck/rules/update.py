"""Updates that go wrong though the gradients are right."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.blame.judged import Judged
from gradcheck.capture.record import Value
from gradcheck.compare import Verdict, agreement
from gradcheck.gradients import Gradient, laid_out, updated
from gradcheck.loss.falling import may_be_raised
from gradcheck.rules.evidence import Array, Evidence, Run, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient, of_run
from gradcheck.shapes import format_shape

ROUNDED = 1e-6
"""How far a step may be off being a multiple of a gradient: it is the difference of two rounded parameters."""
BY_CHANCE = 12
"""Entries that all go up by chance, a momentum's for one, once in four thousand times."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the first update does to one parameter."""

    judged: Judged
    """Its gradient."""
    value: Value
    """The parameter from then on."""
    change: Array
    """By how much it moved."""


@of_run(rank=30)
def uphill(run: Run) -> Iterator[Finding]:
    """GC602: the update moves a parameter straight up its gradient."""
    steps = list(first_steps(run))
    rising = [s for s in steps if _rises(s)] or (steps if _rise_in_every_entry(steps) else [])
    if len(rising) == len(steps) and may_be_raised(run.program, run.chosen.scalar):
        return  # all of them go up, and nothing says that it is to be made small
    for step in rising:
        name, of = step.judged.gradient.name, step.judged.gradient.of.name
        up = "straight up its numeric gradient" if _rises(step) else "up its numeric gradient in every entry"
        yield finding_of(
            "GC602",
            "update",
            step.value,
            f"the update of {of} goes up the gradient",
            f"{of} moves {up}, so that every step makes the loss larger. {name} itself is"
            f" {'right' if step.judged.scale > 0 else 'its negative'}, so the sign of the update is not.",
            "uphill",
            of,
            {"gradient": name},
        )


@of_run(rank=40)
def wrong_parameter(run: Run) -> Iterator[Finding]:
    """GC603: a parameter moves along another one's gradient."""
    for step in first_steps(run):
        own = step.judged.gradient
        if is_multiple(step.change, own.array):
            continue
        for other in (j.gradient for j in run.judged if j.gradient.of.ref != own.of.ref):
            if any(is_multiple(step.change, a) for a in _turns(run, other, step.value)):
                yield finding_of(
                    "GC603",
                    "update",
                    step.value,
                    f"{own.of.name} is updated with {other.name}",
                    f"The step that {own.of.name} takes is {other.name} times a constant, and {other.name} is the"
                    f" gradient of {other.of.name}; {own.name} is its own. Their shapes agree, so nothing is raised.",
                    f"uses {other.name}",
                    own.of.name,
                    {"gradient": other.name, "own": own.name},
                    other.name,
                )
                break


def _turns(run: Run, gradient: Gradient, update: Value) -> Iterator[Array]:
    """What an update may take for a gradient: itself, and of one of many samples what it was at the last."""
    yield gradient.array
    number = gradient.versions[-1].site.number
    before = [v.array for v in run.program.trace.values if v.site.number == number and v.key != update.key]
    yield from before[-1:] if gradient.kind != "parameter" else ()


@of_run(rank=50)
def another_value(run: Run) -> Iterator[Finding]:
    """GC606: a parameter goes on from another one's value."""
    steps = list(first_steps(run))
    for step in steps:
        own = step.judged.gradient
        if is_multiple(step.change, own.array):
            continue
        for other, values in ((s.judged.gradient.of, (s.judged.gradient.of.array, s.value.array)) for s in steps):
            set_from = (v for v in values if v.shape == own.of.array.shape and other.ref != own.of.ref)
            if any(is_multiple(step.value.array - v, own.array) for v in set_from):
                yield finding_of(
                    "GC606",
                    "update",
                    step.value,
                    f"{own.of.name} is set from {other.name}",
                    f"After the step {own.of.name} is {other.name} and a multiple of {own.name}, where it should be"
                    f" {own.of.name} and a multiple of {own.name}. Their shapes agree, so nothing is raised.",
                    f"set from {other.name}",
                    own.of.name,
                    {"gradient": own.name, "from": other.name},
                    other.name,
                )
                break


@of_run(rank=60)
def never_moves(run: Run) -> Iterator[Finding]:
    """GC604, a warning: other parameters are updated, and nothing uses this one's gradient."""
    parameters = [j for j in run.judged if j.gradient.kind == "parameter"]
    moved = [j for j in parameters if updated(run.program, run.program.trace, j.gradient) is not None]
    if not moved:
        return
    for judged in run.judged:
        gradient = judged.gradient
        if not judged.right or judged in moved or gradient.of.ref in run.program.edited:
            continue
        carries = not math.isclose(judged.scale, 1, rel_tol=1e-6)  # data's, with the factor of what is above it
        if gradient.kind == "parameter" and not carries and not is_used(run, gradient):
            yield Finding(
                "GC604",
                "update",
                "warning",
                f"{gradient.of.name} never moves: nothing uses {gradient.name}",
                f"The step computes {gradient.name} and updates {moved[0].gradient.of.name}, but no update of"
                f" {gradient.of.name} was seen, and another {gradient.name} changes nothing that the step computes.",
                "never used",
                gradient.of.name,
                **place(gradient.value.site),
                evidence={"gradient": gradient.name},
            )


@of_gradient(rank=90)
def other_shape(evidence: Evidence) -> Finding | None:
    """GC605: the values are right, but their shape makes the parameter another one's after the first step."""
    gradient = evidence.judged.gradient
    seen = updated(evidence.program, evidence.program.trace, gradient)
    before = gradient.of.array.shape
    if seen is None or seen[0].array.shape == before or evidence.judged.layout != "reshaped":
        return None
    after = format_shape(seen[0].array.shape)
    of, name = gradient.of.name, gradient.name
    return Finding(
        "GC605",
        "update",
        "error",
        f"{of} has another shape after one step",
        f"{name} has shape {format_shape(gradient.array.shape)} where {of} has {format_shape(before)}: the values are"
        f" right, but the update at line {seen[0].site.line} makes {of} one of shape {after}.",
        f"makes {of} {after}",
        name,
        **place(evidence.site),
        evidence={"before": list(before), "after": list(seen[0].array.shape), "update_line": seen[0].site.line},
    )


def first_steps(run: Run) -> Iterator[Step]:
    """The first update of every parameter whose gradient is right, under whatever name."""
    wrong = {j.gradient.of.ref for j in run.judged if j.verdict in (Verdict.FAIL, Verdict.INHERITED)}
    for judged in (j for j in run.judged if j.gradient.of.ref not in wrong):
        if judged.gradient.kind == "parameter" and judged.right and not judged.truth.vanishes:
            seen = updated(run.program, run.program.trace, judged.gradient)
            if seen is not None and seen[1].shape == judged.truth.shape and np.isfinite(seen[1]).all():
                yield Step(judged, *seen)


def _rises(step: Step) -> bool:
    if not np.any(step.change):
        return False
    along = agreement(step.judged.truth, step.change, scale=None)
    return along.scale > 0 and along.rel_error < 1e-4


def _rise_in_every_entry(steps: Sequence[Step]) -> bool:
    """Whether all parameters move up their gradients though not by as much in each entry: AdaGrad's first step."""
    entries = 0
    for step in steps:
        own = laid_out(step.judged.gradient)
        if own is None or not step.judged.scale:
            return False
        moved = own != 0
        entries += int(np.count_nonzero(moved))
        if np.any(step.change[moved] * own[moved] / step.judged.scale <= 0):
            return False
    return entries >= BY_CHANCE


def is_multiple(change: Array, gradient: Array) -> bool:
    """Whether a step is a gradient times a number."""
    size = float(np.linalg.norm(gradient))
    if change.shape != gradient.shape or not size or not np.any(change):
        return False
    factor = float(np.vdot(change, gradient)) / size / size
    return float(np.linalg.norm(change - factor * gradient)) < ROUNDED * abs(factor) * size


def is_used(run: Run, gradient: Gradient) -> bool:
    """Whether anything that the step computes is another with another gradient."""
    before = {(v.key, v.path): v for v in run.program.trace.values}
    again = run.program.backward({gradient.key: 2 * gradient.versions[-1].array})
    own = {v.identity for v in gradient.versions}
    pairs = ((before[v.key, v.path], v.array) for v in again.values if (v.key, v.path) in before)
    return any(v.identity not in own and not np.array_equal(v.array, now) for v, now in pairs)


def finding_of(
    code: str,
    category: str,
    value: Value,
    headline: str,
    message: str,
    verdict: str,
    tensor: str,
    evidence: dict[str, str],
    inside: str = "",
) -> Finding:
    marked = place(value.site, inside)
    return Finding(code, category, "error", headline, message, verdict, tensor, **marked, evidence=evidence)
