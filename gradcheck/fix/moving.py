"""Updates where every gradient is right: those that go wrong, and those that are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, product

from gradcheck.blame.rerun import reopened
from gradcheck.capture.program import Program
from gradcheck.capture.record import Value
from gradcheck.compare import Verdict
from gradcheck.fix import update
from gradcheck.fix.behind import makers
from gradcheck.fix.edit import Edit
from gradcheck.fix.guilty import Guilty
from gradcheck.fix.line import Line
from gradcheck.fix.missing_update import missing_updates
from gradcheck.fix.patches import apart, patches_of, shown_fix
from gradcheck.fix.proof import Draw, Trial, fresh, prove_updates, told
from gradcheck.fix.repair import Repair
from gradcheck.gradients import updated
from gradcheck.patch import spliced
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
            return Repair(fixes, patches, {n: line for line, _, names in choice for n in names if _makes(found, line)})
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
                made = [
                    (one, v)
                    for _, one in makers(program, Guilty(line, (), (at,)), judged, trial.driver.overlay)
                    if (v := _last(program, one)) is not None
                ]
                here = [
                    (one, edit, names)
                    for one, v in [(line, at), *made]
                    for edit in islice(update.edits(program, one, v, judged, names, share), 1)
                ]
                ways.append(sorted(here, key=lambda way: unlike_its_siblings(*way[:2])))
        return ways


def _choices(ways: Sequence[Sequence[Way]]) -> Iterator[tuple[Way, ...]]:
    """One way for each of those that have one, the cheapest of all together first."""
    choices = product(*(of for of in ways if of)) if any(ways) else ()

    def cost(choice: tuple[Way, ...]) -> float:
        return sum(edit.cost + unlike_its_siblings(line, edit) for line, edit, _ in choice)

    for choice in sorted(choices, key=cost):
        if apart([(line, edit) for line, edit, _ in choice]):
            yield choice


def _makes(found: Probe, line: Line) -> bool:
    """Whether it is no update itself, but makes what one reads."""
    steps = (updated(found.program, found.program.trace, j.gradient) for j in found.judged)
    known = {step[0].site.number for step in steps if step is not None}
    return line.site.number not in known and any(v.site.number == line.site.number for v in found.program.trace.values)


def _last(program: Program, line: Line) -> Value | None:
    """What a line computed last."""
    return next((v for v in reversed(program.trace.values) if v.site.number == line.site.number and v.plain), None)


def unlike_its_siblings(line: Line, edit: Edit) -> float:
    """Less where the file has other lines just like the edited one, more where it has such like the line as it stands:
    vW = mu * vW - lr * dW beside vb = mu * vb - lr * db.
    """
    place = line.places[0]
    start, end = place.span
    text = spliced(line.source.text, line.splices(edit))
    new = text[start : end + len(text) - len(line.source.text)]
    others = [_pattern(place.other(i).text) for i in range(len(place.block)) if i != place.index]
    return 0.5 * (_pattern(place.text) in others) - 0.5 * (_pattern(new) in others)


def _pattern(text: str) -> str:
    """A statement without its names."""
    return re.sub(r"[^\W\d][\w.]*(\[[^]]*\])?", "_", " ".join(text.split()))
