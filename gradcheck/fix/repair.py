"""From guilty lines to one patch: search each line, choose the smallest edits that hold together, prove them."""

from __future__ import annotations

import ast
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product

import numpy as np

from gradcheck.blame.assign import right_inputs, slack_of
from gradcheck.blame.judged import Array, Judged, upstream_scale
from gradcheck.blame.rerun import in_run, reopened
from gradcheck.capture.program import Program, Ref
from gradcheck.compare import Verdict
from gradcheck.fix.adding import Adding
from gradcheck.fix.additions import Sum, additions, sum_of
from gradcheck.fix.allowance import Share
from gradcheck.fix.alternatives import alternatives
from gradcheck.fix.behind import behind, makers
from gradcheck.fix.dropped import kept
from gradcheck.fix.earlier import earlier_lines
from gradcheck.fix.edit import Edit
from gradcheck.fix.entries import edited_in_place
from gradcheck.fix.guilty import Guilty, guilty_lines
from gradcheck.fix.line import Line
from gradcheck.fix.patches import apart, patches_of, shown_fix
from gradcheck.fix.proof import Draw, Outcome, Trial, fresh, prove, told
from gradcheck.fix.returned import returned
from gradcheck.fix.search import UNSETTLED, Search
from gradcheck.fix.statements import holding, rearranged
from gradcheck.fix.swapping import swaps
from gradcheck.fix.upstream import healing, runs, suspects
from gradcheck.fix.wanted import Wanted
from gradcheck.patch import Patch
from gradcheck.probing import Probe
from gradcheck.rules.finding import Alternative, Fix

PROOFS = 10
"""Choices of edits that are proven before the search gives up."""
EXCHANGES = 24
"""Exchanges of values that a function hands back that are tried, each in a check of the whole step."""
ALIKE = 6
"""Edits of one line that are kept once they have put the first draw right."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What has been proven."""

    fixes: Mapping[str, tuple[Edit, Fix]] = field(default_factory=dict)
    """By the name of the gradient that is put right."""
    patches: tuple[Patch, ...] = ()
    """All of it, one a file."""
    moved: Mapping[str, Line] = field(default_factory=dict)
    """Gradients whose fault lies on a line that no gradient is known of, with that line."""


def repair(trial: Trial, found: Probe, first: Draw) -> Repair:
    """Search and prove edits of every line at fault."""
    judged, overlay = list(found.judged), trial.driver.overlay
    guilty = list(guilty_lines(judged, found.program.trace.values, overlay))
    if not any(j.verdict is Verdict.FAIL for j in judged):
        return Repair()
    with trial.open(first) as program:
        if [v.key for v in program.trace.values] != [v.key for v in found.program.trace.values]:
            return Repair()  # the code does not do the same twice
        judged = reopened(program, judged)
        shared = len(guilty) > 1
        moved = _kept(trial, found, guilty, judged, first) or _swapped(trial, program, found, judged)
        moved = moved or (_upstream(trial, program, found, judged, first) if shared else {})
        resting = frozenset().union(*(one.names for one in moved))
        guilty = [g for g in guilty if not g.names <= resting]
        likely = _edited(trial, program, guilty, judged)
        guilty, meant = _at_the_lines_meant(trial, program, guilty, likely, judged)
        guilty = _at_the_lines_behind(trial, program, guilty, likely, judged, meant)
        homes: dict[str, Line] = {}
        for g in [g for g in guilty if not likely[g.line]]:
            share = trial.allowance.of(g.line)
            with share.counted():
                into, added = _sums(program, g, judged, overlay)
                added += edited_in_place(program, g, overlay)
                likely[g.line] = rearranged(trial, found, g, guilty, added, first, share)
            homes |= {name: one.line for name, one in into.items()}
        stuck = {j.gradient.name for j in judged if j.verdict is Verdict.FAIL} - resting
        stuck -= {name for g in guilty if likely[g.line] for name in g.names}
        moved = moved or (_upstream(trial, program, found, judged, first, stuck, shared=not shared) if stuck else {})
        if stuck and shared:
            moved = moved or _upstream(trial, program, found, judged, first, right_ones=True)
    draws = fresh(trial.driver.target, judged, first)
    guilty = [g for g in guilty if likely[g.line]]
    for one, its in moved.items():
        rest = [g for g in guilty if not g.names <= one.names]
        repaired = _proven(trial, [one, *rest], {**likely, one.line: its}, judged, draws)
        if one.names <= repaired.fixes.keys():
            return replace(repaired, moved=dict.fromkeys(one.names, one.line))
    repaired = _proven(trial, guilty, likely, judged, draws)
    wrong = {j.gradient.name for j in judged if j.verdict is Verdict.FAIL}
    for one, its in (_returned(trial, found, judged, first) if wrong - repaired.fixes.keys() else {}).items():
        exchanged = _proven(trial, [one], {one.line: its}, judged, draws)
        if wrong <= exchanged.fixes.keys():
            return replace(exchanged, moved=dict.fromkeys(one.names, one.line))
    put_in = {name for name, (edit, _) in repaired.fixes.items() if edit.kind == "line-missing"}
    moved_to = {**{name: line for name, line in homes.items() if name in put_in}, **meant}
    return replace(repaired, moved={name: line for name, line in moved_to.items() if name in repaired.fixes})


def _forward(found: Probe, judged: Sequence[Judged]) -> set[Ref]:
    return {v.ref for v in found.chosen.scalar.variables.values()} | {j.gradient.of.ref for j in judged}


def _swapped(trial: Trial, program: Program, found: Probe, judged: Sequence[Judged]) -> dict[Guilty, list[Edit]]:
    """A statement that gives two names each other's values."""
    with trial.allowance.of().counted():
        return swaps(program, judged, _forward(found, judged), trial.driver.overlay)


def _kept(
    trial: Trial, found: Probe, guilty: Sequence[Guilty], judged: Sequence[Judged], first: Draw
) -> dict[Guilty, list[Edit]]:
    """A call whose result nothing takes, and without which nothing is wrong."""
    with trial.allowance.of().counted():
        for one, edit in kept(guilty, judged, trial.driver.overlay):
            if holding(trial, found, one, [edit], first):
                return {one: [edit]}
    return {}


def _returned(trial: Trial, found: Probe, judged: Sequence[Judged], first: Draw) -> dict[Guilty, list[Edit]]:
    """A statement whose values, handed back or taken apart, are given one for another."""
    ways = ((one, edit) for one, edits in returned(found.program, judged, trial.driver.overlay) for edit in edits)
    for one, edit in islice(ways, EXCHANGES):
        if trial.over():
            break
        if holding(trial, found, one, [edit], first):
            return {one: [edit]}
    return {}


def _upstream(
    trial: Trial,
    program: Program,
    found: Probe,
    judged: Sequence[Judged],
    first: Draw,
    stuck: Collection[str] = (),
    *,
    shared: bool = True,
    right_ones: bool = False,
) -> dict[Guilty, list[Edit]]:
    """Lines that no gradient is known of, one of which is at fault for several gradients or for one that is stuck.

    Those on which several rest are left out unless `shared`: they have been tried.
    """
    forward = _forward(found, judged)
    share = trial.allowance.of()
    with share.counted():
        there = [
            suspect
            for suspect in suspects(program, judged, forward, trial.driver.overlay, share, right_ones=right_ones)
            if (shared if len(suspect.resting) > 1 else suspect.resting[0].gradient.name in stuck)
        ]
        ways: dict[Line, tuple[Guilty, list[Edit]]] = {}
        healed = healing(program, there, judged, forward, lambda: trial.over(program), share)
        for suspect, edit in islice(healed, ALIKE):
            one = Guilty(suspect.line, suspect.resting, ())
            ways.setdefault(suspect.line, (one, []))[1].append(edit)
        for suspect in there if not ways else ():
            one = Guilty(suspect.line, suspect.resting, ())
            if edits := rearranged(trial, found, one, [one], (), first, share):
                return {one: edits}
    return dict(ways.values())


# -- search


def _edited(
    trial: Trial, program: Program, guilty: Sequence[Guilty], judged: Sequence[Judged]
) -> dict[Line, list[Edit]]:
    """Of each line the edits of its expression with which the first draw comes out right."""

    def holding(some: Sequence[Guilty], *, settled: bool) -> dict[Line, list[Edit]]:
        edits = _searched(trial, program, some, judged, settled=settled)
        held: dict[Line, list[Edit]] = {}
        for g in some:
            share = trial.allowance.of(g.line)
            with share.counted():
                held[g.line] = list(islice(_hold(trial, program, g, edits[g.line], judged, share), ALIKE))
        return held

    likely = holding(guilty, settled=True)
    if program.trace.raised is not None:  # before what a line begins was complete: only the whole step tells
        likely |= holding([g for g in guilty if not likely[g.line]], settled=False)
    # what is found out by what it heals may be another multiple of that, or another way to the same sums
    supposed = [g for g in guilty if not likely[g.line] and not any(j.gradient.paired for j in g.judged)]
    return likely | holding(supposed, settled=False)


def _at_the_lines_meant(
    trial: Trial, program: Program, guilty: Sequence[Guilty], likely: dict[Line, list[Edit]], judged: Sequence[Judged]
) -> tuple[list[Guilty], dict[str, Line]]:
    """The guilty lines, each that an earlier one of its gradient excuses exchanged for that; and those, by name."""
    result: list[Guilty] = []
    meant: dict[str, Line] = {}
    for g in guilty:
        fed, share = _fed(judged, _of_others(judged, g)), trial.allowance.of(g.line)
        with share.counted():
            holding = functools.partial(_hold, trial, program, judged=judged, share=share)
            ways = earlier_lines(program, g, likely[g.line], fed, trial.driver.overlay, holding, share)
            there, edits = next(ways, (g, likely[g.line]))
        result.append(there)
        if there is not g:
            likely[there.line] = edits
            meant |= dict.fromkeys(g.names, there.line)
    return result, meant


def _at_the_lines_behind(
    trial: Trial,
    program: Program,
    guilty: Sequence[Guilty],
    likely: dict[Line, list[Edit]],
    judged: Sequence[Judged],
    meant: dict[str, Line],
) -> list[Guilty]:
    """The guilty lines, each that no edit puts right exchanged for one that makes what it reads where that is wrong."""
    result: list[Guilty] = []
    feeding = right_inputs(judged)
    slack, fed = slack_of(judged, feeding), _fed(judged, feeding)
    for g in guilty:
        share = trial.allowance.of(g.line)
        if not likely[g.line] and _settles(g) and not trial.over(program):
            with share.counted():
                made = makers(program, g, judged, trial.driver.overlay)
                for line, edits in behind(program, g, made, _wanted(g, judged, slack), fed, share):
                    there = Guilty(line, g.judged, ())
                    held = list(islice(_hold(trial, program, there, edits, judged, share), ALIKE))
                    if held:
                        g, likely[line] = there, held
                        meant |= dict.fromkeys(g.names, line)
                        break
        result.append(g)
    return result


def _of_others(judged: Sequence[Judged], guilty: Guilty) -> dict[str, Array]:
    """What is right in the place of the other guilty lines' gradients."""
    others = {j.gradient.name for j in judged if j.verdict is Verdict.FAIL} - guilty.names
    return {name: a for name, a in right_inputs(judged).items() if name in others}


def _searched(
    trial: Trial, program: Program, guilty: Sequence[Guilty], judged: Sequence[Judged], *, settled: bool = True
) -> dict[Line, list[Edit]]:
    """One backward run with right inputs, in which every guilty line is searched where it stands."""
    feeding = right_inputs(judged)
    slack, fed = slack_of(judged, feeding), _fed(judged, feeding)
    adding = {g.line: one for g in guilty if settled and (one := _adding(g, slack, trial.allowance.of(g.line)))}
    if adding:
        program.backward(fed, {line.site.number: one for line, one in adding.items()})
    found = {line: one.found for line, one in adding.items() if one.found}
    rest = [g for g in guilty if g.line not in found]
    searches = {g.line: _search(g, judged, slack, trial.allowance.of(g.line), settled=settled) for g in rest}
    if searches:
        program.backward(fed, {line.site.number: search for line, search in searches.items()})
    return found | {line: search.found for line, search in searches.items()}


def _sums(
    program: Program, guilty: Guilty, judged: Sequence[Judged], overlay: Mapping[str, str]
) -> tuple[dict[str, Sum], list[Edit]]:
    """Of a gradient that is added up, lines that may be missing; and where its sum begins if that is elsewhere."""
    feeding = right_inputs(judged)
    homes: dict[str, Sum] = {}
    found: list[Edit] = []
    for j in guilty.judged:
        into = sum_of(program, j, overlay)
        if into is not None:
            scale = upstream_scale(j, judged) if j.gradient.kind == "intermediate" else 1.0
            wanted = Wanted(j.truth, scale, slack_of(judged, feeding))
            found += additions(program, j, into, wanted, _fed(judged, feeding), overlay)
            if j.gradient.rate is not None:
                homes[j.gradient.name] = into
    return homes, found


def _search(guilty: Guilty, judged: Sequence[Judged], slack: float, share: Share, *, settled: bool) -> Search:
    free = all(j.gradient.kind == "intermediate" for j in guilty.judged)
    return Search(guilty.line, _wanted(guilty, judged, slack), settled and _settles(guilty), free, share)


def _wanted(guilty: Guilty, judged: Sequence[Judged], slack: float) -> dict[int, Wanted]:
    """What the line should come to, by how many times it had been passed before."""
    wanted = {}
    for j, at in zip(guilty.judged, guilty.at):
        scale = upstream_scale(j, judged) if j.gradient.kind == "intermediate" else 1.0
        wanted[at.key.occurrence] = Wanted(j.truth, scale, slack)
    return wanted


def _settles(guilty: Guilty) -> bool:
    """Whether what one passing computes is the gradient: that may be had from an update, or be added to later."""
    itself = all(np.array_equal(at.array, j.gradient.array) for j, at in zip(guilty.judged, guilty.at))
    return itself and not _goes_on(guilty)


def _adding(guilty: Guilty, slack: float, share: Share) -> Adding | None:
    """The search of a line that adds up one parameter's gradient by itself; None where it does not."""
    line, j = guilty.line, guilty.judged[0]
    here = [v for v in j.gradient.versions if v.site.number == line.site.number]
    alone = len(guilty.judged) == 1 and j.gradient.kind == "parameter" and j.gradient.rate is None
    sums = isinstance(line.statement, ast.AugAssign) and isinstance(line.statement.op, (ast.Add, ast.Sub))
    if not (alone and sums) or line.whole or len(here) < 2 or not np.array_equal(here[-1].array, j.gradient.array):
        return None
    return Adding(line, frozenset(v.key.occurrence for v in here), Wanted(j.truth, 1.0, slack), share)


def _goes_on(guilty: Guilty) -> bool:
    """Whether a gradient is added up over several passings of the line."""
    sums = guilty.line.adds or guilty.line.whole or guilty.at[0].site.form == "refined"
    passings = [[v for v in j.gradient.versions if v.site.number == guilty.line.site.number] for j in guilty.judged]
    # of an array that a loop fills entry by entry the last version stands for all
    filled = (
        guilty.line.site.kind == "modify" and bool(guilty.line.turns) and any(at.key.occurrence for at in guilty.at)
    )
    return sums and (filled or any(len(versions) > 1 for versions in passings))


def _fed(judged: Sequence[Judged], feeding: Mapping[str, Array]) -> dict[Ref, Array]:
    return {j.gradient.key: feeding[j.gradient.name] for j in judged if j.gradient.name in feeding}


def _hold(
    trial: Trial, program: Program, guilty: Guilty, edits: Sequence[Edit], judged: Sequence[Judged], share: Share
) -> Iterator[Edit]:
    """The edits with which the whole step comes out right on the first draw, the other guilty lines put right."""
    feeding = _of_others(judged, guilty)
    slack = slack_of(judged, feeding)
    others = {j.gradient.name for j in judged if j.verdict is Verdict.FAIL} - guilty.names
    before = [
        j
        for j in judged
        if j.gradient.name not in others and (j.gradient.paired or j.gradient.name not in guilty.names)
    ]
    for edit in share.within(edits[: runs(program, UNSETTLED)], least=ALIKE):  # what was found is worth a run
        if trial.over(program):
            return
        trace = program.backward(_fed(judged, feeding), {guilty.line.site.number: guilty.line.runner(edit)})
        if trace.raised is not None and program.trace.raised is None:
            continue
        after = in_run(program, [_added_up(program, j, guilty, edit) for j in before], trace, slack)
        if all(_sound(was, now) for was, now in zip(before, after)):
            yield edit


def _added_up(program: Program, judged: Judged, guilty: Guilty, edit: Edit) -> Judged:
    """A gradient that each turn sets anew, as what its last turn leaves: which is the whole sum once they are added."""
    if edit.kind != "accumulate" or judged.gradient.name not in guilty.names:
        return judged
    own, site = judged.gradient, guilty.line.site
    later = [v for v in program.trace.values if v.name in (site.name, site.last) and v.site.function == site.function]
    fits = [v for v in later if v.array.shape == own.array.shape]
    return replace(judged, gradient=replace(own, versions=(*own.versions, *fits[-1:])))


def _sound(was: Judged, now: Judged | None) -> bool:
    """Whether a gradient is right, or as little to be seen as it was."""
    return (now is not None and now.right) or was.verdict in (Verdict.INCONCLUSIVE, Verdict.SKIPPED)


# -- proof


def _proven(
    trial: Trial,
    guilty: Sequence[Guilty],
    likely: Mapping[Line, Sequence[Edit]],
    judged: Sequence[Judged],
    draws: Sequence[Draw],
) -> Repair:
    """The first choice of one edit a line that holds; else what holds of it line by line."""
    kept: list[tuple[Guilty, Edit]] = []
    outcome = Outcome(0, frozenset())
    for choice in islice(_choices(guilty, likely), PROOFS):
        outcome = _prove(trial, choice, judged, draws)
        if outcome.holds:
            kept = list(choice)
            break
        if trial.over():
            break
    if not kept and len(guilty) > 1:
        kept, outcome = _one_by_one(trial, guilty, likely, judged, draws)
    if not kept:
        return Repair()
    others = alternatives(trial, kept, likely, judged, draws, outcome)
    return _repair(trial, kept, others, judged, draws, outcome)


def _prove(
    trial: Trial, choice: Sequence[tuple[Guilty, Edit]], judged: Sequence[Judged], draws: Sequence[Draw]
) -> Outcome:
    overlay = {patch.file: patch.new for patch in patches_of(_edits(choice))}
    return prove(trial, overlay, draws, judged, frozenset().union(*(g.names for g, _ in choice)))


def _choices(
    guilty: Sequence[Guilty], likely: Mapping[Line, Sequence[Edit]]
) -> Iterator[tuple[tuple[Guilty, Edit], ...]]:
    """One edit a line, the cheapest of all together first."""
    ways = [[(g, edit) for edit in likely[g.line]] for g in guilty]
    choices = sorted(product(*ways), key=lambda choice: sum(edit.cost for _, edit in choice)) if guilty else []
    yield from (choice for choice in choices if apart(_edits(choice)))


def _one_by_one(
    trial: Trial,
    guilty: Sequence[Guilty],
    likely: Mapping[Line, Sequence[Edit]],
    judged: Sequence[Judged],
    draws: Sequence[Draw],
) -> tuple[list[tuple[Guilty, Edit]], Outcome]:
    kept: list[tuple[Guilty, Edit]] = []
    held = Outcome(0, frozenset())
    for g in guilty:
        for edit in likely[g.line][:2]:
            choice = [*kept, (g, edit)]
            if not apart(_edits(choice)):
                continue
            outcome = _prove(trial, choice, judged, draws)
            if outcome.holds:
                kept, held = choice, outcome
                break
            if trial.over():
                return kept, held
    return kept, held


def _repair(
    trial: Trial,
    kept: Sequence[tuple[Guilty, Edit]],
    others: Mapping[Line, Alternative],
    judged: Sequence[Judged],
    draws: Sequence[Draw],
    outcome: Outcome,
) -> Repair:
    proof = told(trial.driver.target, outcome.draws)
    fixes: dict[str, tuple[Edit, Fix]] = {}
    for g, edit in kept:
        fix = shown_fix(g.line, edit, proof)
        fix = replace(fix, alternatives=(others[g.line],)) if g.line in others else fix
        in_time = edit.kind == "step" and g.line.over_time
        fixes |= dict.fromkeys(g.names, (replace(edit, kind="time") if in_time else edit, fix))
    decided = [(g, edit) for g, edit in kept if g.line not in others or others[g.line].same]
    if len(decided) < len(kept) and not (decided and _prove(trial, decided, judged, draws).holds):
        decided = []  # what was proven together is written together
    return Repair(fixes, tuple(patches_of(_edits(decided))))


def _edits(choice: Sequence[tuple[Guilty, Edit]]) -> list[tuple[Line, Edit]]:
    return [(g.line, edit) for g, edit in choice]
