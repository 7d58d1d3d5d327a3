"""Updates where every gradient is right: those that go wrong, and those that are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product

from gradcheck.blame.rerun import reopened
from gradcheck.compare import Verdict
from gradcheck.fix import update
from gradcheck.fix.edit import Edit
from gradcheck.fix.line import Line
from gradcheck.fix.missing_update import missing_updates
from gradcheck.fix.patches import apart, patches_of, shown_fix
from gradcheck.fix.proof import Draw, Trial, fresh, prove_updates, told
from gradcheck.fix.repair import Repair
from gradcheck.probing import Probe

PROOFS = 6
"""Choices of edits that are proven before the search gives up."""
Way = tuple[Line, Edit, frozenset[str]]
"""An edit of a line, and the parameters that move as they should with it."""


def repair_updates(trial: Trial, found: Probe, wrong: frozenset[str], unmoved: frozenset[str], first: Draw) -> Repair:
    """Search and prove edits of the updates of some parameters, and new updates of those that have none."""
    if any(j.verdict in (Verdict.FAIL, Verdict.INHERITED) for j in found.judged):
        return Repair()
    ways = [*_edited(trial, found, wrong, first), *missing_updates(found, unmoved, trial.driver.overlay)]
    draws = fresh(trial.driver.target, found.judged, first)
    for choice in islice(_choices(ways), PROOFS):
        if trial.over():
            break
        patches = tuple(patches_of([(line, edit) for line, edit, _ in choice]))
        fixed = frozenset().union(*(names for *_, names in choice))
        outcome = prove_updates(trial, {patch.file: patch.new for patch in patches}, draws, fixed)
        if outcome.holds:
            proof = told(trial.driver.target, outcome.draws)
            fixes = {n: (edit, shown_fix(line, edit, proof)) for line, edit, names in choice for n in names}
            return Repair(fixes, patches)
    return Repair()


def _edited(trial: Trial, found: Probe, wrong: frozenset[str], first: Draw) -> list[list[Way]]:
    """Of each update line that goes wrong, the edits with which the first draw moves as it should."""
    if not wrong:
        return []
    with trial.open(first) as program:
        judged = reopened(program, found.judged)
        there = update.lines(program, judged, wrong, trial.driver.overlay)
        ways: list[list[Way]] = []
        for line, (at, names) in there.items():
            share = trial.allowance.of(line)
            with share.counted():
                found_here = islice(update.edits(program, line, at, judged, names, share), 1)
                ways.append([(line, edit, names) for edit in found_here])
        return ways


def _choices(ways: Sequence[Sequence[Way]]) -> Iterator[tuple[Way, ...]]:
    """One way for each of those that have one, the cheapest of all together first."""
    choices = product(*(of for of in ways if of)) if any(ways) else ()
    for choice in sorted(choices, key=lambda choice: sum(edit.cost for _, edit, _ in choice)):
        if apart([(line, edit) for line, edit, _ in choice]):
            yield choice
