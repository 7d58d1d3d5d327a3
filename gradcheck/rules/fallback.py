"""What is said when no cause is known: the facts."""

from __future__ import annotations

import numpy as np

from gradcheck.compare import CARE
from gradcheck.rules.evidence import Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient
from gradcheck.shapes import format_shape


@of_gradient(rank=10)
def not_finite(evidence: Evidence) -> Finding | None:
    """GC501: the gradient holds NaN or infinity."""
    a = evidence.analytic
    bad = ~np.isfinite(a)
    if not bad.any():
        return None
    at = tuple(int(i) for i in np.argwhere(bad)[0])
    where = f" at {at}" if at else ""
    return Finding(
        "GC501",
        "non-finite",
        "error",
        f"{evidence.name} is not finite",
        f"{evidence.name} is {a[at]}{where}, and {int(bad.sum())} of its {a.size} entries are not finite.",
        f"{a[at]}{where}",
        evidence.name,
        **place(evidence.site),
        evidence={"index": list(at), "count": int(bad.sum())},
    )


@of_gradient(rank=190)
def wrong_shape(evidence: Evidence) -> Finding | None:
    """GC101: a shape that no known cause explains."""
    a, shape = evidence.analytic, evidence.judged.truth.shape
    if evidence.judged.agreement is not None or a.shape == shape:
        return None
    raised = evidence.raised_here()
    return Finding(
        "GC101",
        "shape",
        "error",
        f"{evidence.name} has the wrong shape",
        f"{evidence.name} has shape {format_shape(a.shape)}; {evidence.of}, whose gradient it is, has"
        f" {format_shape(shape)}." + (f" There {raised}." if raised else ""),
        f"shape {format_shape(a.shape)}, expected {format_shape(shape)}",
        evidence.name,
        **place(evidence.site),
        evidence={"shape": list(a.shape), "expected": list(shape)},
    )


def unexplained(evidence: Evidence) -> Finding:
    """GC901: wrong, and no rule knows why."""
    found = evidence.judged.agreement
    facts = []
    if found is not None:
        if np.isfinite(found.rel_error):
            facts.append(f"off by {found.rel_error:.2g} of its scale")
        else:
            facts.append("the numeric derivative is zero throughout")
        if found.cosine is not None:
            facts.append(f"scale {found.scale:.4g}")
            facts.append(f"cosine {found.cosine:.4g}")
        if found.worst is not None:
            w = found.worst
            facts.append(f"worst at {w.index}: {w.analytic:.6g} where the numeric derivative is {w.numeric:.6g}")
        facts += _where(evidence)
    return Finding(
        "GC901",
        "unexplained",
        "error",
        f"{evidence.name} is wrong",
        f"{evidence.name} disagrees with the numeric derivative of the loss by {evidence.of}: {'; '.join(facts)}."
        " No known cause makes the discrepancy vanish.",
        "no known cause",
        evidence.name,
        **place(evidence.site),
        evidence={
            "scale": found.scale if found else None,
            "cosine": found.cosine if found else None,
            "of": evidence.of,
            "used": evidence.used(),
        },
    )


def _where(evidence: Evidence) -> list[str]:
    """Which entries are off, and what they have in common, where it isn't all of them."""
    truth, a, found = evidence.judged.truth, evidence.analytic, evidence.judged.agreement
    if truth.map is None or found is None or a.shape != truth.shape or not a.ndim:
        return []
    with np.errstate(invalid="ignore"):
        allowed = CARE * np.asarray(truth.map.error) + 1e-12 * found.size
        off = np.abs(a - np.asarray(truth.map.derivative)) > allowed
    count = int(off.sum())
    if count in (0, a.size):
        return []
    said = [f"{count} of {a.size} entries are off"]
    for axis, what in enumerate(_axes(evidence)):
        lines = np.flatnonzero(off.any(axis=tuple(k for k in range(a.ndim) if k != axis)))
        if len(lines) < a.shape[axis]:
            shown = ", ".join(map(str, lines[:6])) + (", ..." if len(lines) > 6 else "")
            said.append(f"only {what} {shown}")
    return said


def _axes(evidence: Evidence) -> list[str]:
    """What is counted along each axis of a gradient, in the reader's words."""
    shape = evidence.judged.truth.shape
    if evidence.judged.gradient.kind == "intermediate" and shape[0] == evidence.sizes.get("m") and len(shape) == 2:
        return ["samples", "units"]
    names = {1: ["entries"], 2: ["rows", "columns"]}
    return names.get(len(shape), [f"places along axis {k}:" for k in range(len(shape))])
