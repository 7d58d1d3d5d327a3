"""Gradients that are right up to a constant factor."""

from __future__ import annotations

import math

from gradcheck.loss.choose import factor_name
from gradcheck.rules.evidence import Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient


@of_gradient(rank=80)
def constant(evidence: Evidence) -> Finding | None:
    """GC301: everything agrees but for one factor; GC302: that factor is -1."""
    found = evidence.fit(evidence.analytic)
    judged = evidence.judged
    if judged.right or found is None or not found.holds or math.isclose(found.scale, 1, rel_tol=1e-6):
        return None
    if math.isclose(found.scale, -1, rel_tol=1e-6):
        return _finding(evidence, "GC302", "sign", "the wrong sign", found.scale, "Its negative")
    name = factor_name(found.scale, evidence.sizes)
    size = f"{found.scale:.6g}" + (f" = {name}" if name else "")
    return _finding(evidence, "GC301", "scale", f"{size} times too large", found.scale, "Divided by that, it")


def _finding(evidence: Evidence, code: str, category: str, what: str, scale: float, right: str) -> Finding:
    if code == "GC301" and abs(scale) < 1:
        what = f"{1 / scale:.6g} times too small"
    verb = "is " if code == "GC301" else "has "
    return Finding(
        code,
        category,
        "error",
        f"{evidence.name} {verb}{what}",
        f"{evidence.name} {verb}{what}. {right} agrees with the numeric derivative in every entry, and no later"
        " line takes the factor out again.",
        what,
        evidence.name,
        **place(evidence.site),
        evidence={"scale": scale},
    )
