"""Of an error that no cause explains, the smallest network that shows it: sizes cut down while the line is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck.blame.judged import Judged, in_layout
from gradcheck.compare import Verdict
from gradcheck.fix.proof import Draw, Trial
from gradcheck.rules.finding import Finding

NETWORKS = 16
"""Networks that are tried for one gradient."""
LEAST = (1, 2, 3)
"""What each size is cut down to, the first at which the error still shows."""
SHOWN = 6
"""Entries up to which a gradient is shown as it stands."""


def with_smallest(trial: Trial, findings: Sequence[Finding], draw: Draw) -> list[Finding]:
    """The findings, and with those that know no cause a network that is small enough to work by hand."""
    lines: set[tuple[str | None, int | None]] = set()
    result = []
    for finding in findings:
        known = finding.code != "GC901" or finding.fix is not None or (finding.file, finding.line) in lines
        lines.add((finding.file, finding.line))
        result.append(finding if known else _shrunk(trial, finding, draw))
    return result


def _shrunk(trial: Trial, finding: Finding, draw: Draw) -> Finding:
    if not (trial.driver.target.redrawable and draw.sizes):
        said = " No smaller network was tried: its sizes can't be set (sizes in __gradcheck__ say how)."
        return replace(finding, message=finding.message + said)
    found = _smallest(trial, finding.tensor or "", draw)
    if found is None:
        return finding
    sizes, judged = found
    shown = ", ".join(f"{name} = {n}" for name, n in sizes.items())
    own, truth = in_layout(judged.gradient.array, judged.truth.shape)[0], judged.truth.array
    values = {}
    if own is not None and truth is not None and own.size <= SHOWN:
        values = {"analytic": np.round(own, 6).tolist(), "numeric": np.round(truth, 6).tolist()}
    there = f": there it is {values['analytic']}, and {values['numeric']} numerically" if values else ""
    return replace(
        finding,
        message=f"{finding.message} The smallest network that shows it has {shown}{there}.",
        evidence={**finding.evidence, "smallest": {"sizes": sizes, "seed": draw.seed, **values}},
    )


def _smallest(trial: Trial, name: str, draw: Draw) -> tuple[dict[str, int], Judged] | None:
    """Sizes that can't be cut down any more, one at a time, and the gradient there."""
    sizes, last, tried = dict(draw.sizes), None, 0
    for symbol in sorted(sizes, key=lambda s: -sizes[s]):
        for least in (n for n in LEAST if n < sizes[symbol]):
            if tried == NETWORKS or trial.over():
                break
            tried += 1
            smaller = {**sizes, symbol: least}
            judged = _wrong(trial, name, replace(draw, sizes=smaller))
            if judged is not None:
                sizes, last = smaller, judged
                break
    return None if last is None else (sizes, last)


def _wrong(trial: Trial, name: str, draw: Draw) -> Judged | None:
    """The gradient, if its own line is still at fault on a draw."""
    checked = trial.checked(trial.driver, draw)
    judged = None if checked is None else checked.judged.get(name)
    return judged if judged is not None and judged.verdict is Verdict.FAIL else None
