"""A softmax's derivative taken entry by entry, p (1 - p): of its Jacobian that is the diagonal alone."""

from __future__ import annotations

import numpy as np

from gradcheck.rules.evidence import Array, Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient


@of_gradient(rank=75)
def softmax_diagonal(evidence: Evidence) -> Finding | None:
    """GC315: with the rest of the Jacobian, p (g - sum of g p) for g p (1 - p), the gradient agrees."""
    for axis in reversed(range(evidence.judged.gradient.of.array.ndim)):
        whole = _with_all_of_it(evidence, axis)
        if whole is not None and not evidence.explains(evidence.analytic) and evidence.explains(whole):
            return _finding(evidence)
    return None


def _with_all_of_it(evidence: Evidence, axis: int) -> Array | None:
    """What the gradient would be if it had been multiplied by the whole Jacobian of a softmax along an axis."""
    z, analytic = evidence.judged.gradient.of.array, evidence.analytic
    if z.shape != analytic.shape or z.dtype.kind != "f" or z.shape[axis] < 2:
        return None
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    p = e / e.sum(axis=axis, keepdims=True)
    if not ((p > 0) & (p < 1)).all():
        return None
    g = analytic / (p * (1 - p))
    return np.asarray(p * (g - (g * p).sum(axis=axis, keepdims=True)))


def _finding(evidence: Evidence) -> Finding:
    name = evidence.name
    return Finding(
        "GC315",
        "wrong-activation-derivative",
        "error",
        f"{name} has only the diagonal of the softmax's derivative",
        f"{name} is multiplied by p (1 - p), entry by entry, p being the softmax of {evidence.of}. Each"
        " output of a softmax depends on all of its inputs: p * (g - (g * p).sum(axis, keepdims=True)) is what flows"
        " back of g. With that it agrees with the numeric derivative.",
        "has the softmax's diagonal only",
        name,
        **place(evidence.site),
    )
