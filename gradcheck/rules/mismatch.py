"""Gradients of another loss than the one that they are held against."""

from __future__ import annotations

import numpy as np

from gradcheck.capture.program import Program, Scalar, Variable
from gradcheck.compare import BLUNT, agreement, measure
from gradcheck.gradients import laid_out
from gradcheck.loss.choose import standard
from gradcheck.loss.screening import Explanation, Screening
from gradcheck.rules.evidence import Array, Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient


@of_gradient(rank=240, searches=True)
def another_loss(evidence: Evidence) -> Finding | None:
    """GC381: what flows into the backward is the gradient of a standard loss that is not the code's own."""
    held = evidence.judged.agreement
    if any(j.right for j in evidence.others) or (
        evidence.judged.layout is not None and held is not None and held.holds
    ):
        return None  # it is not the loss that is another one
    found = Screening(evidence.program, [j.gradient for j in evidence.others]).explained()
    if found is None or not _belongs_to(evidence, found):
        return None
    name, own, other = evidence.name, evidence.program.scalar.expression, standard(found).scalar.expression
    return Finding(
        "GC381",
        "loss-mismatch",
        "error",
        f"{name} is the gradient of another loss",
        f"{name} is no gradient of {own}, the loss that it is held against. It is, up to a constant factor, the"
        f" gradient of the {other}: along every direction tried. Either the loss should be that one, or {name} the"
        f" gradient of {own}.",
        "belongs to another loss",
        name,
        **place(evidence.site),
        evidence={"loss": own, "belongs_to": other},
    )


def _belongs_to(evidence: Evidence, found: Explanation) -> bool:
    """Whether the gradient is that of the other loss, to the numeric error."""
    program, gradient = evidence.program, evidence.judged.gradient
    analytic, other = laid_out(gradient), found.candidate.scalar(found.reading)
    if analytic is None or not np.isfinite(analytic).all():
        return False
    return _is_of(program, gradient.of, analytic, other) and not _is_of(program, gradient.of, analytic, program.scalar)


def _is_of(program: Program, of: Variable, analytic: Array, loss: Scalar) -> bool:
    """Whether it is a loss's gradient, up to a factor. Of what goes into an activation the code's own loss may be."""
    truth = measure(lambda a: program.evaluate(loss, {of.ref: a}), of.array, rng=np.random.default_rng(0), full=False)
    held = None if truth.reason else agreement(truth, analytic, scale=None)
    return held is not None and held.holds and held.scale > 0 and held.resolution < BLUNT
