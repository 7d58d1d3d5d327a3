"""What keeps a right network from learning: how it begins, what it is fed, how far it steps. Warnings, with figures."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradcheck.capture.program import Program, Ref
from gradcheck.capture.record import Value
from gradcheck.compare import agreement
from gradcheck.conventions import DATA
from gradcheck.gradients import Gradient, updated
from gradcheck.rules.evidence import Array, Run, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_run

SATURATED = 1e-3
"""A slope of less than this share of the steepest lets nothing through."""
MANY = 32
"""Samples from which on a unit that none of them wakes is asleep for good, more likely than not."""
FAR = 5.0
"""Times the loss of equal guesses from which on the first loss tells of logits that are too large."""
RAW = 100.0
"""Inputs beyond this are not scaled."""


@of_run(rank=140)
def alike(run: Run) -> Iterator[Finding]:
    """GC631: units that are computed from equal weights and get equal gradients stay one and the same unit."""
    found = [(j.gradient, axis) for j in run.judged for axis in _alike(j.gradient)]
    if not found:
        return
    gradient, axis = found[-1]  # the layer nearest to the input: those behind it may only follow
    of, units = gradient.of.name, gradient.of.array.shape[axis]
    value = "" if gradient.of.array.any() else ", all 0,"
    yield _warning(
        "GC631",
        "initialisation",
        gradient.value,
        f"the {units} units of {of} are one and the same",
        f"{of} is constant along axis {axis}{value} and so is {gradient.name}: every step keeps its {units} units"
        " equal, so that they learn no more than one. Draw the weights at random.",
        of,
        {"axis": axis, "units": units},
    )


def _alike(gradient: Gradient) -> Iterator[int]:
    w, dw = gradient.of.array, gradient.array
    if gradient.kind == "parameter" and w.ndim == 2 and w.shape == dw.shape:
        yield from (a for a in (0, 1) if w.shape[a] > 1 and _is_constant(w, a) and _is_constant(dw, a))


@of_run(rank=160)
def saturated(run: Run) -> Iterator[Finding]:
    """GC632: most entries of an activation lie where its slope is next to nothing."""
    forward = _forward(run)
    for i, a in enumerate(forward):
        slope = next((s for z in reversed(forward[:i]) if (s := _slope(z.array, a.array)) is not None), None)
        if slope is None:
            continue
        flat = int((slope < SATURATED).sum())
        if 2 * flat > slope.size:
            yield _warning(
                "GC632",
                "initialisation",
                a,
                f"{a.name} is saturated: {flat} of {slope.size} entries",
                f"At {flat} of the {slope.size} entries of {a.name} the activation's slope is below {SATURATED:g} of"
                " its largest, so that next to nothing flows back through them. Smaller weights, such as"
                " 1/sqrt(inputs) times the standard normal, keep it in its steep part.",
                a.name,
                {"flat": flat, "entries": int(slope.size)},
            )


@of_run(rank=150)
def far_off(run: Run) -> Iterator[Finding]:
    """GC633: the first loss is many times that of equal guesses."""
    candidate, program = run.chosen.candidate, run.program
    if candidate is None or candidate.form.name != "softmax cross-entropy" or not run.chosen.sure:
        return
    output = candidate.outputs[0].array
    classes, guess = output.shape[-1], math.log(output.shape[-1]) if output.ndim == 2 else math.nan
    loss = program.base_value / (len(output) if "sum" in run.chosen.scalar.expression.partition(" of ")[0] else 1)
    if not loss > FAR * guess > 0:
        return
    site = candidate.outputs[0].site
    value = next((v for v in program.trace.values if site is not None and v.site == site), None)
    if value is not None:
        yield _warning(
            "GC633",
            "initialisation",
            value,
            f"the loss begins at {loss:.3g}; equal guesses give ln {classes} = {guess:.3g}",
            f"With {classes} classes, equal probabilities cost {guess:.3g} a sample; the network begins at {loss:.3g},"
            " sure of answers that are wrong. Its first steps only make the weights smaller again. Smaller weights to"
            " begin with, He's or Xavier's, start near equal guesses.",
            value.name,
            {"loss": loss, "guess": guess},
        )


NEAREST = 4
"""Values before what may be a ReLU's that are tried as what goes into it."""
UNITS = 12
"""Values that may be a ReLU's, all of them zero: zeros that sums begin with are such by chance, too."""


@of_run(rank=170)
def asleep(run: Run) -> Iterator[Finding]:
    """GC641: ReLU units that are zero for every sample."""
    forward, seen = _forward(run), set[int]()
    for i, a in enumerate(forward):
        before = [z for z in forward[:i] if a.array.ndim == 2 and _is_relu(z.array, a.array)][-NEAREST:]
        samples, units = a.array.shape if before else (0, 0)
        dead = int((~a.array.any(axis=0)).sum()) if before else 0
        most = dead == units > 0 < samples - 1 or (2 * dead >= units and samples >= MANY)
        tried = most and a.identity not in seen and len(seen) < UNITS
        seen.update([a.identity] * most)
        if tried and any(_is_woken(run.program, z, a) for z in before):
            yield _warning(
                "GC641",
                "dead-units",
                a,
                f"{dead} of {units} units of {a.name} are zero for all {samples} samples",
                f"A ReLU passes no gradient on where it is zero: what goes into these {dead} units gets none from any"
                f" of the {samples} samples, and does not change. Smaller steps, smaller weights or other biases keep"
                " them awake.",
                a.name,
                {"dead": dead, "units": units, "samples": samples},
            )


@of_run(rank=180)
def raw_inputs(run: Run) -> Iterator[Finding]:
    """GC661: inputs far from 1, such as bytes of pixels."""
    for v in {v.ref: v for v in run.program.variables.values() if v.last in DATA}.values():
        if v.array.ndim < 2 or v.array.dtype.kind not in "fiu" or not v.array.size:
            continue
        low, high = float(v.array.min()), float(v.array.max())
        if max(-low, high) > RAW:
            first = run.judged[0].gradient.value
            yield _warning(
                "GC661",
                "input-scale",
                next((x for x in run.program.trace.values if x.key == v.ref), first),
                f"{v.name} runs from {low:.4g} to {high:.4g}",
                f"{v.name} is {max(-low, high):.4g} at the largest. Gradients of the first layer are as much larger,"
                " so that it needs a learning rate of its own, and what is squashed behind it saturates. Bring inputs"
                " to about 1: divide pixels by 255, or take off the mean and divide by the standard deviation.",
                v.name,
                {"low": low, "high": high},
            )


@of_run(rank=190)
def too_long_a_step(run: Run) -> Iterator[Finding]:
    """GC621: the gradients are right and the update goes down them, and yet it raises the loss on its own samples."""
    program = run.program
    steps = [(j, updated(program, program.trace, j.gradient)) for j in run.judged if j.gradient.kind == "parameter"]
    taken = [(j, step) for j, step in steps if step is not None and step[1].shape == j.truth.shape]
    if not taken or not all(j.right for j in run.judged) or not all(_goes_down(j.truth, s[1]) for j, s in taken):
        return
    before = program.base_value

    def after(share: float) -> float:
        moved: dict[Ref, Array] = {j.gradient.of.ref: j.gradient.of.array + share * s[1] for j, s in taken}
        return float(np.real(program.loss(moved).value))

    whole = after(1.0)
    share = next((2.0**-k for k in range(1, 20) if after(2.0**-k) < before), None)
    if not whole > before or share is None:
        return
    yield _warning(
        "GC621",
        "learning-rate",
        taken[0][1][0],
        f"the first update raises the loss from {before:.4g} to {whole:.4g}",
        f"The update goes straight down the gradient, which is right, and too far: on the same samples the loss is"
        f" {before:.4g} before it and {whole:.4g} behind it. With 1/{round(1 / share)} of the learning rate it falls.",
        taken[0][0].gradient.of.name,
        {"before": before, "after": whole, "share": share},
    )


def _goes_down(truth: object, change: Array) -> bool:
    along = agreement(truth, change, scale=None)  # type: ignore[arg-type]
    return along.scale < 0 and along.rel_error < 1e-4


def _forward(run: Run) -> list[Value]:
    values = run.program.forward_values
    return [v for v in values if v.plain and v.array.ndim and v.array.dtype.kind == "f" and v.array.size > 1]


def _slope(z: Array, a: Array) -> Array | None:
    """The slope of tanh or of the sigmoid at z, relative to its largest, if a is one of them; else None."""
    if z.shape != a.shape or not np.abs(a).max() <= 1:
        return None
    one, other = float(np.real(z.flat[0])), float(np.real(a.flat[0]))
    with np.errstate(over="ignore"):
        if not np.isclose([np.tanh(one), 1 / (1 + np.exp(-one))], other).any():  # most pairs of values are neither
            return None
        if np.allclose(a, np.tanh(z), rtol=1e-9, atol=1e-12):
            return np.asarray(1 - np.tanh(z) ** 2)
        if np.allclose(a, 1 / (1 + np.exp(-z)), rtol=1e-9, atol=1e-12):
            return np.asarray(4 * a * (1 - a))
    return None


def _is_relu(z: Array, a: Array) -> bool:
    return z.shape == a.shape and bool((z < 0).any()) and np.array_equal(a, np.maximum(z, 0))


def _is_woken(program: Program, z: Value, a: Value) -> bool:
    """Whether a follows once z is positive: a sum's first zeros are max(z, 0) of anything negative by chance."""
    now = program.backward({z.key: np.abs(z.array)}).values
    return any(v.key == a.key and np.array_equal(v.array, np.abs(z.array)) for v in now)


def _is_constant(array: Array, axis: int) -> bool:
    return bool((array == array.take([0], axis)).all())


def _warning(
    code: str, category: str, value: Value, headline: str, message: str, tensor: str, evidence: dict[str, float]
) -> Finding:
    return Finding(code, category, "warning", headline, message, "", tensor, **place(value.site), evidence=evidence)
