"""From evidence to causes: a rule is a function of it, and the first that fires on every probe names the cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from gradcheck.codes import CODES as CODES
from gradcheck.compare import Verdict
from gradcheck.rules.evidence import Evidence, Run
from gradcheck.rules.fallback import unexplained
from gradcheck.rules.finding import Finding
from gradcheck.rules.layout import put_right
from gradcheck.rules.rule import OfGradient, OfRun, declared

TURNS = 2
"""Turns of a loop at which a line's cause is searched for in vain before the others are left alone."""


def causes(probe: Sequence[Evidence]) -> list[list[Finding]]:
    """Of every gradient of a probe whose program is open: what may be its cause, likeliest first; often nothing."""
    in_vain: Counter[int] = Counter()
    return [_causes(e, in_vain) if e.judged.verdict is Verdict.FAIL else _warnings(e) for e in probe]


def _causes(evidence: Evidence, in_vain: Counter[int]) -> list[Finding]:
    rules = declared(OfGradient, __name__, __path__)
    found = [f for rule in rules if not rule.searches and (f := rule(evidence)) is not None]
    line = evidence.site.number
    if not found and in_vain[line] < TURNS:
        found = list(islice((f for rule in rules if rule.searches and (f := rule(evidence)) is not None), 1))
        in_vain[line] += not found
    return [*found, unexplained(evidence)]


def _warnings(evidence: Evidence) -> list[Finding]:
    warning = put_right(evidence)
    return [] if warning is None else [warning]


def settled(first: Sequence[list[Finding]], again: Sequence[list[Finding]] | None) -> list[Finding]:
    """The likeliest cause of each gradient that is wrong at the first probe and holds `again` at the second one."""
    found = []
    for i, possible in enumerate(first):
        held = possible if again is None else [f for f in possible if f.code in {g.code for g in again[i]}]
        found += held[:1] or possible[-1:]
    return found


def noticed(run: Run, known: Sequence[Finding] = ()) -> list[Finding]:
    """What the rules of whole runs say of a probe whose program is open, but for what is `known` already."""
    told = {(f.code, f.tensor, f.line) for f in known}
    rules = declared(OfRun, __name__, __path__)
    return [f for rule in rules for f in rule(run) if (f.code, f.tensor, f.line) not in told]


declared(OfRun, __name__, __path__)  # imports all of them now: later the user's own modules may come first in the path
