"""What no edit of one expression puts right: whole statements moved or put in, tried in the file's place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from gradcheck.fix.allowance import Share
from gradcheck.fix.edit import Edit
from gradcheck.fix.guilty import Guilty
from gradcheck.fix.order import orders
from gradcheck.fix.proof import Draw, Trial, prove
from gradcheck.patch import overlap, spliced
from gradcheck.probing import Probe
from gradcheck.rules.stale import updates

TRIED = 6
"""Edits of one line that are run: each is a check of the whole step."""
ALIKE = 2
"""Of those that hold on the first draw, how many are kept."""


def rearranged(
    trial: Trial,
    found: Probe,
    one: Guilty,
    guilty: Sequence[Guilty],
    added: Sequence[Edit],
    first: Draw,
    share: Share,
) -> list[Edit]:
    """The edits with which the first draw comes out right: in another order, else with one of the lines put in.

    A line that reads what is computed later may well come to zero in the first step, and so seem to lack something.
    """
    lines = {g.line.statement.lineno for g in guilty if g.line.source.file == one.line.source.file}
    moved = orders(one.line, _updates(found, one.line.source.file), lines)
    ways = (share.within(_likeliest(edits)) for edits in (moved, added))
    tried = (holding(trial, found, one, edits, first) for edits in ways)
    return next(filter(None, tried), [])


def _likeliest(edits: Iterable[Edit]) -> list[Edit]:
    """Each once, the cheapest first."""
    ways = sorted(edits, key=lambda edit: edit.cost)
    distinct = {edit.around: edit for edit in reversed(ways) if not overlap(edit.around)}
    return sorted(distinct.values(), key=lambda edit: edit.cost)[:TRIED]


def holding(trial: Trial, found: Probe, one: Guilty, edits: Iterable[Edit], first: Draw) -> list[Edit]:
    """The first edits with which the first draw comes out right in the file's place."""
    return list(islice(_holding(trial, found, one, edits, first), ALIKE))


def _holding(trial: Trial, found: Probe, one: Guilty, edits: Iterable[Edit], first: Draw) -> Iterator[Edit]:
    for edit in edits:
        if trial.over():
            return
        source = one.line.source
        overlay = {source.file: spliced(source.text, edit.around)}
        outcome = prove(trial, overlay, [first], found.judged, one.names)
        if not outcome.wrong and outcome.draws:
            yield edit


def _updates(found: Probe, file: str) -> frozenset[int]:
    """The lines of a file in which a parameter takes on another value."""
    changed = updates(found.program.trace.values, found.judged)
    return frozenset(value.site.line for value, _ in changed if value.site.file == file)
