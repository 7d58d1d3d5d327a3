"""From evidence to causes: a rule is a function of it, and the first that fires on every probe names the cause."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from gradcheck.codes import CODES as CODES
from gradcheck.compare import Verdict
from gradcheck.rules.evidence import Evidence, Run
from gradcheck.rules.fallback import unexplained
from gradcheck.rules.finding import Finding
from gradcheck.rules.layout import put_right
from gradcheck.rules.rule import OfGradient, OfRun, declared

TURNS = 2
"""Turns of a loop at which a line's cause is searched for, in vain or with the same outcome, before the others are told
the same."""


def causes(probe: Sequence[Evidence]) -> list[list[Finding]]:
    """Of every gradient of a probe whose program is open: what may be its cause, likeliest first; often nothing."""
    searched = _Searched()
    return [_causes(e, searched) if e.judged.verdict is Verdict.FAIL else _warnings(e) for e in probe]


@dataclass(slots=True)
class _Searched:
    """What was searched for at a loop's turns: a line has its cause at all of them."""

    in_vain: Counter[int] = field(default_factory=Counter)
    """How often nothing was found, by line."""
    found: dict[int, list[tuple[Evidence, Finding]]] = field(default_factory=lambda: defaultdict(list))
    """What was, and where."""

    def settled(self, line: int) -> tuple[Evidence, Finding] | None:
        """What was found of a line at turn after turn, if that is always the same."""
        found = self.found[line]
        alike = len({finding.code for _, finding in found}) == 1
        return found[0] if len(found) == TURNS and alike else None


def _causes(evidence: Evidence, searched: _Searched) -> list[Finding]:
    rules = declared(OfGradient, __name__, __path__)
    found = [f for rule in rules if not rule.searches and (f := rule(evidence)) is not None]
    line = evidence.site.number
    if not found and (known := searched.settled(line)) is not None:
        found = [_as_at(evidence, *known)]
    elif not found and searched.in_vain[line] < TURNS:
        found = list(islice((f for rule in rules if rule.searches and (f := rule(evidence)) is not None), 1))
        searched.in_vain[line] += not found
        searched.found[line] += [(evidence, f) for f in found]
    return [*found, unexplained(evidence)]


def _as_at(evidence: Evidence, other: Evidence, found: Finding) -> Finding:
    """A cause that was found at another turn of a line, told of this one."""
    name = evidence.name
    headline = found.headline.replace(other.name, name, 1)
    message = f"The same line computes {name} and {other.name}, of which it was found: {found.message}"
    return replace(found, headline=headline, message=message, tensor=name)


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
