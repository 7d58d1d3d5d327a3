"""Faults of the forward that show in the backward: the gradient is right for the network that was meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck.capture.record import Value
from gradcheck.rules.evidence import Array, Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient
from gradcheck.rules.softmax import Softmax, softmaxes

EXACT = 1e-9
"""Of two ways to compute the same numbers."""


@of_gradient(rank=230, searches=True)
def softmax_over_others(evidence: Evidence) -> Finding | None:
    """GC402: with the softmax taken along another axis, the gradient is that of the cross-entropy."""
    gradient = evidence.judged.gradient
    for softmax in softmaxes(evidence.program):
        for axis in (1, 0):
            if softmax.ref != gradient.of.ref or softmax.array.ndim != 2 or axis == softmax.axis:
                continue
            meant = _softmax(softmax.array, axis)
            again = evidence.program.backward({softmax.key: meant})
            now = next((v.array for v in again.values if v.key == gradient.key), None)
            labels = _labels(evidence, meant.shape, axis)
            if now is not None and any(_is_multiple(now, meant - y) for y in labels):
                return _over_others(evidence, softmax, axis)
    return None


@of_gradient(rank=70)
def repeated_bias(evidence: Evidence) -> Finding | None:
    """GC701: a parameter's gradient is too small by the number of times that the forward adds the parameter."""
    gradient, found = evidence.judged.gradient, evidence.fit(evidence.analytic)
    if gradient.kind != "parameter" or found is None or not found.holds or found.scale >= 0.9:
        return None
    times = 1 / found.scale
    count = round(times)
    value = _added_to(evidence, count) if abs(times - count) <= 1e-6 * times else None
    if value is None:
        return None
    of, name = gradient.of.name, gradient.name
    return Finding(
        "GC701",
        "forward",
        "error",
        f"{of} is added {count} times in {value.name}",
        f"Moved by 1, {of} moves every entry of {value.name} by {count}, and {name} is {count} times too small: it is"
        f" the gradient of an {of} that is added once. Either the forward adds {of} inside of a sum over {count} terms"
        f" where it should be added behind it, or {name} lacks the factor {count}.",
        f"{of} is added {count} times",
        name,
        **place(value.site, of),
        evidence={"times": count, "value": value.name},
    )


def _added_to(evidence: Evidence, count: int) -> Value | None:
    """The first value to which a parameter is added that many times, as long as it is only added and summed."""
    of, program = evidence.judged.gradient.of, evidence.program
    step = 0.5 * (float(np.abs(of.array).max(initial=0.0)) or 1.0)
    base = {v.key: v for v in program.forward_values if v.plain and v.array.dtype.kind == "f"}
    for v in program.forward({of.ref: of.array + step}).values:
        before = base.get(v.key)
        if before is None or v.key == of.ref or v.site.kind == "argument" or before.array.shape != v.array.shape:
            continue
        moved = (v.array - before.array) / step
        if np.allclose(moved, count, rtol=1e-6, atol=0):
            return before
        if np.ptp(moved) > EXACT * np.abs(moved).max(initial=0.0):
            return None
    return None


def _over_others(evidence: Evidence, softmax: Softmax, axis: int) -> Finding:
    value = next(v for v in evidence.program.trace.values if v.key == softmax.key)
    over = "the whole matrix" if softmax.axis is None else f"axis {softmax.axis}"
    p, name = softmax.probabilities, evidence.name
    return Finding(
        "GC402",
        "softmax-axis",
        "error",
        f"the softmax {p} is taken over {over}",
        f"{p} sums to one over {over}, and the labels along axis {axis}. {name} is the gradient of the cross-entropy"
        f" of a softmax along axis {axis}: with that in the place of {p}, the code computes exactly the probabilities"
        f" less the labels. The forward is at fault, not {name}.",
        f"its softmax is over {over}",
        name,
        **place(value.site),
        evidence={"probabilities": p, "axis": softmax.axis, "right_axis": axis},
    )


def _labels(evidence: Evidence, shape: tuple[int, ...], axis: int) -> Iterator[Array]:
    """Values of the probabilities' shape that are one-hot along an axis."""
    seen: list[Any] = [v.array for v in evidence.program.variables.values()]
    for array in seen:
        if array.shape == shape and np.isin(array, (0, 1)).all() and (array.sum(axis=axis) == 1).all():
            yield array.astype(float)


def _softmax(logits: Array, axis: int) -> Array:
    e = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def _is_multiple(a: Array, b: Array) -> bool:
    size = float(np.vdot(b, b))
    if a.shape != b.shape or not size:
        return False
    factor = float(np.vdot(a, b)) / size
    return factor > 0 and float(np.abs(a - factor * b).max()) <= EXACT * factor * float(np.abs(b).max())
