"""From evidence to causes: a rule is a function of it, and the first that fires on every probe names the cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradcheck.codes import CODES as CODES
from gradcheck.compare import Verdict
from gradcheck.rules import factor, fallback, layout, reduction
from gradcheck.rules.evidence import Evidence
from gradcheck.rules.finding import Finding

Rule = Callable[[Evidence], Finding | None]

RULES: tuple[Rule, ...] = (
    fallback.not_finite,
    layout.transposed,
    reduction.wrong_axis,
    reduction.over_everything,
    reduction.missing_sum,
    factor.constant,
    fallback.wrong_shape,
)
"""Likeliest and most specific first."""


def diagnose(probes: Sequence[Sequence[Evidence]]) -> list[Finding]:
    """The causes of what is wrong at the first probe; each must hold at every other probe too, else it is unexplained.

    `probes` holds, for every probe, the evidence of the same gradients in the same order.
    """
    first, *rest = probes
    found: list[Finding] = []
    for i, evidence in enumerate(first):
        if evidence.judged.verdict is Verdict.FAIL:
            found.append(_cause([evidence, *(other[i] for other in rest)]))
        elif (warning := layout.put_right(evidence)) is not None:
            found.append(warning)
    return found


def _cause(evidence: Sequence[Evidence]) -> Finding:
    for rule in RULES:
        findings = [rule(e) for e in evidence]
        first = findings[0]
        if first is not None and all(f is not None and f.code == first.code for f in findings):
            return first
    return fallback.unexplained(evidence[0])
