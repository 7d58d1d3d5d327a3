"""A penalty on the weights: its gradient is a number times the weights themselves."""

from __future__ import annotations

import numpy as np

from gradcheck.capture.program import Ref
from gradcheck.compare import Truth
from gradcheck.rules.evidence import Array, Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient


@of_gradient(rank=260, searches=True)
def of_no_loss(evidence: Evidence) -> Finding | None:
    """GC343: less a number times its own value, the gradient is right; GC342: the loss has a penalty, and not that."""
    a, value = evidence.analytic, np.asarray(evidence.judged.gradient.of.array, float)
    if evidence.judged.gradient.kind != "parameter" or a.shape != value.shape or np.count_nonzero(value) < 3:
        return None
    rate = _rate(evidence.judged.truth, a, value)
    if rate is None or not evidence.explains(a - rate * value):
        return None
    penalised = _is_penalised(evidence)
    name, of = evidence.name, evidence.of
    more = f"{abs(rate):.4g} {of} too {'much' if rate > 0 else 'little'}"
    what = (
        "has the penalty's gradient with a wrong factor" if penalised else "has a penalty that the loss does not have"
    )
    return Finding(
        "GC342" if penalised else "GC343",
        "regularisation",
        "error",
        f"{name} {what}",
        f"{name} has {more}, and without that it agrees with the numeric derivative: a multiple of {of} is the"
        f" gradient of a penalty on its squares, and the loss {'has another one' if penalised else 'has none'}.",
        f"{more}",
        name,
        **place(evidence.site),
        evidence={"rate": rate, "penalised": penalised},
    )


def _rate(truth: Truth, a: Array, value: Array) -> float | None:
    """How much of the value itself is in the gradient beyond the truth, as far as one number can say."""
    if truth.array is not None:
        off, own = a - truth.array, value
    else:
        off = np.array([float(np.vdot(a, way)) - float(np.asarray(e.derivative)) for way, e in truth.along])
        own = np.array([float(np.vdot(value, way)) for way, _ in truth.along])
    size = float(np.vdot(own, own))
    rate = float(np.vdot(own, off)) / size if size else 0.0
    return rate if np.isfinite(rate) and rate else None


def _is_penalised(evidence: Evidence) -> bool:
    """Whether the loss moves with the parameter while all else that it is made of stays."""
    program, of = evidence.program, evidence.judged.gradient.of
    moved: dict[Ref, Array] = {of.ref: of.array + 0.1 * (1 + np.abs(of.array))}
    held: dict[Ref, Array] = {
        v.key: v.array
        for v in program.forward().values
        if v.plain and v.array.ndim and v.key != of.ref and v.identity != of.identity and v.site.kind != "argument"
    }
    return bool(program.loss({**held, **moved}).value != program.base_value)
