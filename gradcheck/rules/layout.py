"""Transposed gradients, and layouts that the update puts right."""

from __future__ import annotations

from gradcheck.rules.evidence import Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient
from gradcheck.shapes import format_shape


@of_gradient(rank=20)
def transposed(evidence: Evidence) -> Finding | None:
    """GC102: the transpose of the gradient is right, and nothing puts it right later."""
    a = evidence.analytic
    if a.ndim != 2 or evidence.judged.right or not evidence.explains(a.T):
        return None
    name, of, shape = evidence.name, evidence.of, evidence.judged.truth.shape
    if shape[0] == shape[1]:
        silent = f"{of} is square, {format_shape(shape)}, so nothing is raised and the update quietly uses it as it is."
    else:
        silent = f"It has shape {format_shape(a.shape)} where {of} has {format_shape(shape)}."
    raised = evidence.raised_here()
    return Finding(
        "GC102",
        "transposed",
        "error",
        f"{name} is transposed",
        f"{name} agrees with the numeric derivative once it is transposed. {silent}"
        + (f" There {raised}." if raised else ""),
        "transposed",
        name,
        **place(evidence.site),
        evidence={"agrees": "transpose", "cosine_as_it_is": _cosine(evidence)},
    )


def put_right(evidence: Evidence) -> Finding | None:
    """GC103, a warning: the layout differs from the value's, and the update undoes it."""
    judged = evidence.judged
    update = judged.put_right
    if not judged.right or update is None or judged.layout is None:
        return None
    shapes = f"{format_shape(evidence.analytic.shape)} for {format_shape(judged.truth.shape)}"
    return Finding(
        "GC103",
        "layout",
        "warning",
        f"{evidence.name} is {judged.layout}; the update at line {update.site.line} puts it right",
        f"{evidence.name} has the right values in another layout, {shapes}; line {update.site.line} moves {evidence.of}"
        " straight down its numeric gradient all the same.",
        f"layout put right at {update.site.line}",
        evidence.name,
        **place(evidence.site),
        evidence={"update_line": update.site.line, "layout": judged.layout},
    )


def _cosine(evidence: Evidence) -> float | None:
    return evidence.judged.agreement.cosine if evidence.judged.agreement is not None else None
