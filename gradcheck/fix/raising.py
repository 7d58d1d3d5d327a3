"""A backward that raises on what it was handed, with nothing wrong by then: which line above has made it so."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from gradcheck.blame.judged import Judged, came_right
from gradcheck.blame.rerun import in_run, reopened
from gradcheck.capture.pairing import is_update
from gradcheck.capture.program import Program
from gradcheck.capture.rates import statement_at
from gradcheck.capture.record import Value
from gradcheck.fix.edit import Edit
from gradcheck.fix.line import Line, line_of_site
from gradcheck.fix.patches import patches_of, shown_fix
from gradcheck.fix.proof import Draw, Trial, fresh, prove, told
from gradcheck.fix.repair import Repair
from gradcheck.fix.search import Search
from gradcheck.probing import Probe
from gradcheck.source import frames_of

LINES = 4
"""Lines that are looked at, the last before it raised first."""
RUNS = 60
"""Edits of each that are tried in the whole step."""
PROOFS = 3
"""Edits that are proven before the search gives up."""
RAISED = "(what raises)"
"""Under what name the fix is kept: it is no gradient's."""


def repair_raising(trial: Trial, found: Probe, first: Draw) -> Repair:
    """An edit with which the step comes to its end and all of its gradients are right."""
    if _updates(found):
        return Repair()  # then it is the update that may be wrong, or any of the gradients that it is made of
    with trial.open(first) as program, trial.allowance.of().counted():
        ways = list(islice(_ways(trial, program, reopened(program, found.judged)), PROOFS))
    draws = fresh(trial.driver.target, found.judged, first)
    for line, edit in sorted(ways, key=lambda way: way[1].cost):
        patches = tuple(patches_of([(line, edit)]))
        outcome = prove(trial, {patch.file: patch.new for patch in patches}, draws, found.judged, frozenset())
        if outcome.holds:
            fix = shown_fix(line, edit, told(trial.driver.target, outcome.draws))
            return Repair({RAISED: (edit, fix)}, patches, {RAISED: line})
    return Repair()


def _updates(found: Probe) -> bool:
    """Whether what raised is a parameter's update."""
    frame = frames_of(found.program.trace.raised)[-1] if found.program.trace.raised is not None else None
    statement = None if frame is None else statement_at(frame.filename, frame.lineno or 0)
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    names = {ast.unparse(t).partition("[")[0].rpartition(".")[2] for t in targets if t is not None}
    return bool(names & {j.gradient.of.last for j in found.judged if j.gradient.kind == "parameter"})


def _ways(trial: Trial, program: Program, judged: Sequence[Judged]) -> Iterator[tuple[Line, Edit]]:
    share = trial.allowance.of()
    for line, value in islice(_lines(program, judged, trial.driver.overlay).items(), LINES):
        search = Search(line, {value.key.occurrence: None}, settled=False, free=True, share=share)
        program.backward(computes={value.site.number: search})
        for edit in share.within(search.found[:RUNS]):
            if trial.over(program):
                return
            trace = program.backward(computes={value.site.number: line.runner(edit)})
            again = in_run(program, [j for j in judged if j.right], trace)
            if trace.raised is None and all(map(came_right, again)):
                yield line, edit


def _lines(program: Program, judged: Sequence[Judged], overlay: Mapping[str, str]) -> dict[Line, Value]:
    """The lines of the backward, the last first, each with what it computed last."""
    found: dict[Line, Value] = {}
    for value in reversed(program.trace.values[program.first_gradient :]):
        computed = value.plain and value.site.kind in ("assign", "unpack", "return") and value.array.dtype.kind == "f"
        if computed and not any(is_update(value, j.gradient.of) for j in judged):
            line = line_of_site(value.site, overlay)
            if line is not None:
                found.setdefault(line, value)
    return found
