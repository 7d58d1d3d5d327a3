"""What is said when no cause is known: the facts."""

from __future__ import annotations

import numpy as np

from gradcheck.rules.evidence import Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.shapes import format_shape


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
        evidence={"scale": found.scale if found else None, "cosine": found.cosine if found else None},
    )


def _where(evidence: Evidence) -> list[str]:
    """Which rows or columns are off, where it isn't all of them."""
    truth, a = evidence.judged.truth, evidence.analytic
    n = truth.array
    found = evidence.judged.agreement
    if n is None or found is None or a.shape != n.shape or a.ndim != 2:
        return []
    off = np.abs(a - n) > 1e-6 * found.size
    said = []
    for axis, what in ((1, "rows"), (0, "columns")):
        lines = np.flatnonzero(off.any(axis=axis))
        if 0 < len(lines) < off.shape[1 - axis]:
            shown = ", ".join(map(str, lines[:6])) + (", …" if len(lines) > 6 else "")
            said.append(f"only {what} {shown} are off")
    return said
