"""Lines that no gradient is known of: in a loop over time or layers, several wrong gradients may rest on one of them.

Such a line is at fault if an edit of it alone puts right everything wrong that rests on it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.blame.judge import judge
from gradcheck.blame.judged import Judged, came_right
from gradcheck.blame.rerun import in_run, other_than
from gradcheck.capture.otherwise import Scope
from gradcheck.capture.pairing import is_update
from gradcheck.capture.program import Program, Ref, Trace
from gradcheck.capture.record import Value
from gradcheck.compare import Verdict
from gradcheck.fix.allowance import Share
from gradcheck.fix.edit import Edit
from gradcheck.fix.line import Line, line_of_site
from gradcheck.fix.search import Search

RUNS = 500
"""Runs of the whole step that the search may take, of a short step."""
VALUES = 60_000
"""Values that all of them together may record: of a long step there are fewer."""
PART = 0.8
"""Of the search's time; what is left is for statements in another order."""
LINES = 12
"""Lines that are looked at, those next to the gradients first: of those on which several rest, and of the others."""
_BACKWARD = re.compile(r"(?i)d|g_|grad|err|res")
"""How values are called that flow back, also before the first one that is known to be a gradient."""
_COMPUTED = frozenset({"assign", "augment", "modify", "return", "unpack", "element"})


@dataclass(frozen=True, slots=True)
class Suspect:
    """A line without a gradient of its own, and the wrong gradients that rest on it."""

    line: Line
    value: Value
    """What it computed first."""
    resting: tuple[Judged, ...]
    lines: tuple[Line, ...]
    """The line, and where a call's values are taken apart the same for each of them."""


def suspects(
    program: Program,
    judged: Sequence[Judged],
    forward: Collection[Ref],
    overlay: Mapping[str, str],
    share: Share,
    *,
    right_ones: bool = False,
) -> list[Suspect]:
    """The lines on which wrong gradients rest and the forward does not: doubling what they compute shows that.

    With `right_ones` also those of right gradients that wrong ones read: what follows on them may be missing, a mask.
    """
    wrong = [j for j in judged if _is_wrong(j)]
    own = {j.gradient.value.site.number for j in judged if j.gradient.versions[-1].site == j.gradient.value.site}
    own -= {
        j.gradient.value.site.number for j in judged if right_ones and j.right and j.gradient.kind == "intermediate"
    }
    held = {v.identity for v in program.variables.values() if not _BACKWARD.match(v.last)}
    first: dict[int, Value] = {}
    for value in program.trace.values:
        passes = value.site.kind in _COMPUTED and value.plain and value.array.dtype.kind == "f"
        moves = any(is_update(value, j.gradient.of) for j in judged)  # an edit that undoes an update heals nothing
        if passes and not moves and value.site.number not in own and value.key not in forward:
            first.setdefault(value.site.number, value)
    first = {number: v for number, v in first.items() if not _spoiled_later(program, v, wrong)}
    # what is made beside the forward for the gradients alone may go by any name
    latest = [*first.values()][::-1]
    latest.sort(key=lambda v: v.identity in held)
    latest = _where_a_factor_comes_in(program, latest, wrong, share) or latest
    found: list[Suspect] = []
    for value in share.within(latest):
        if sum(len(one.resting) > 1 for one in found) == LINES:
            break
        parts = _parts(value, latest, overlay)
        if any(any(value is part for part in _parts(one.value, latest, overlay)) for one in found):
            continue
        trace = program.backward(computes={part.site.number: _doubled for part in parts})
        resting = tuple(j for j in wrong if moved(j, trace))
        alone = len(resting) == 1 and sum(len(one.resting) == 1 for one in found) >= LINES
        if resting and not alone and not reaches_forward(program, trace, forward):
            line = line_of_site(value.site, overlay)
            lines = tuple(one for part in parts if (one := line_of_site(part.site, overlay)) is not None)
            # `self.x = x` computes nothing that could be wrong
            if line is not None and not (value.identity in held and line.text.replace(".", "").isidentifier()):
                found.append(Suspect(line, value, resting, lines))
    return found


def _parts(value: Value, values: Sequence[Value], overlay: Mapping[str, str]) -> list[Value]:
    """What a statement takes a call's value apart to; of any other the one value."""
    if value.site.kind != "unpack":
        return [value]
    line = line_of_site(value.site, overlay)
    place = value.site.file, value.site.line
    same = [v for v in values if v.site.kind == "unpack" and (v.site.file, v.site.line) == place]
    return same if line is not None and line.pick is not None else [value]


def _where_a_factor_comes_in(
    program: Program, values: Sequence[Value], wrong: Sequence[Judged], share: Share
) -> list[Value]:
    """Of lines on which several gradients rest that are off by one factor, those that bring it in: divided by it at
    every turn, they put all of them right. None where that is not what is wrong."""
    factor = _common_factor(wrong) if len(wrong) > 1 else None
    if factor is None or not math.isfinite(factor) or math.isclose(factor, 1, rel_tol=1e-9):
        return []

    def divided(_: Scope, value: Any, __: Any) -> Any:
        return value / factor

    def puts_right(value: Value) -> bool:
        trace = program.backward(computes={value.site.number: divided})
        return all(came_right(*in_run(program, [j], trace)) for j in wrong)

    return [v for v in share.within(values) if puts_right(v)]


def _is_wrong(judged: Judged) -> bool:
    return judged.verdict in (Verdict.FAIL, Verdict.INHERITED)


def _spoiled_later(program: Program, value: Value, wrong: Sequence[Judged]) -> bool:
    """Whether a wrong gradient was right as this line left it: what a later line did to it is no fault of this one."""
    of = [j for j in wrong if any(v.key == value.key for v in j.gradient.versions)]
    return any(judge(program, replace(j.gradient, value=value), j.truth).right for j in of)


def _doubled(_: Scope, value: Any, __: Any) -> Any:
    return other_than(value) if isinstance(value, np.ndarray) else 2 * value


def moved(judged: Judged, trace: Trace) -> bool:
    last = judged.gradient.versions[-1]
    now = next((v.array for v in trace.values if v.key == last.key and v.name == last.name), None)
    return now is None or not np.array_equal(now, last.array)


def reaches_forward(program: Program, trace: Trace, forward: Collection[Ref]) -> bool:
    now = {v.key: v.array for v in trace.values}
    held = [v for v in program.trace.values if v.key in forward]
    return any(v.key not in now or not np.array_equal(now[v.key], v.array) for v in held)


def healing(
    program: Program,
    found: Sequence[Suspect],
    judged: Sequence[Judged],
    forward: Collection[Ref],
    over: Callable[[], str],
    share: Share,
) -> Iterator[tuple[Suspect, Edit]]:
    """Edits with which all that rests on a line comes out right and nothing else is harmed, the cheapest first.

    The search ends where it is `over`: time is up, or the budget spent.
    """
    tried = sorted(
        ((edit.cost, i, edit) for i, suspect in enumerate(found) for edit in _edits(program, suspect, share)),
        key=lambda one: one[:2],
    )
    for _, i, edit in share.within(tried[: runs(program, RUNS)], part=PART):
        if over():
            return
        suspect = found[i]
        trace = program.backward(computes={line.site.number: line.runner(edit) for line in suspect.lines})
        if _heals(program, suspect, judged, trace) and not reaches_forward(program, trace, forward):
            # what a call computes on the way to what it hands back is put right by other arguments as well
            healed = tuple(j for j in judged if _is_wrong(j) and came_right(*in_run(program, [j], trace)))
            yield replace(suspect, resting=healed), edit


def runs(program: Program, most: int) -> int:
    """How many runs of the step may be spent."""
    return max(20, min(most, VALUES // max(1, len(program.trace.values))))


def _edits(program: Program, suspect: Suspect, share: Share) -> list[Edit]:
    factor = _common_factor(suspect.resting)
    search = Search(suspect.line, {0: None}, settled=False, free=True, share=share, factor=factor)
    program.backward(computes={suspect.line.site.number: search})
    return search.found


def _common_factor(resting: Sequence[Judged]) -> float | None:
    """The factor by which all of them are too large, if that is what is wrong with them."""
    scales = [j.scale if j.agreement is not None and j.agreement.holds else math.nan for j in resting]
    return scales[0] if all(math.isclose(s, scales[0], rel_tol=1e-6) for s in scales) else None


def _heals(program: Program, suspect: Suspect, judged: Sequence[Judged], trace: Trace) -> bool:
    own = suspect.line.site.number
    sound = (j for j in judged if j.right and j not in suspect.resting and j.gradient.value.site.number != own)
    # one by one: most edits do not put right the first that rests on the line
    return all(came_right(*in_run(program, [j], trace)) for j in (*suspect.resting, *sound))
