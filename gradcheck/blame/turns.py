"""Gradients without a name that a loop back over time computes at every turn: `dh = Why.T @ dy + dhnext`.

One turn put right heals nothing as long as the others are wrong. So all turns of a line are replaced at once by the
numeric derivatives of what a line of the forward computed in as many turns, the last first: if the sums over the turns
come right, this is whose gradient the line computes.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judged import Judged
from gradcheck.blame.rerun import again, other_than, reached_by
from gradcheck.blame.unnamed import ROUGH, SLACK, as_gradient, holds, told_apart, unreached
from gradcheck.blame.versions import before_activation, slopes
from gradcheck.capture.program import Program, Ref, Variable
from gradcheck.capture.record import Value
from gradcheck.capture.steps import BINDS
from gradcheck.compare import Truth, Verdict, agreement

Array = NDArray[np.float64]
LINES = 12
"""Lines of the backward that are tried."""
_Pairs = list[tuple[Value, Variable]]
"""What a line of the backward computed at each turn, with what it may be the gradient of."""
ENTRIES = 2048
"""Entries of all turns of a forward's line together whose derivatives are measured."""


def over_time(
    program: Program,
    judged: Sequence[Judged],
    truth_of: Callable[[Variable], Truth],
    along: Callable[[Variable], Truth],
    roughly: Callable[[Variable], Array],
) -> list[Judged]:
    """The gradients, and among them those that a line computes turn by turn on which wrong sums rest.

    `along` is the truth in a single direction: a line that is right there is not measured entry by entry.
    """
    sums = [j for j in unreached(program, judged) if j.gradient.kind == "parameter"]
    forward = _forward(program) if sums else []
    truth, glance, near = functools.cache(truth_of), functools.cache(along), functools.cache(roughly)
    added: list[Judged] = []
    handed_on = [j for j in judged if is_left_over(program, j, judged)] if forward else []
    known = [j for j in judged if j not in handed_on]
    open_: list[list[_Pairs]] = []
    for turns in list(_lines(program, known, sums))[:LINES] if forward else ():
        readings = [pairs for of in forward if len(of) == len(turns) for pairs in _readings(program, turns, of)]
        right = any(_is_right(pairs, glance) for pairs in readings)
        meant = [] if right else _first_meant(program, readings, sums, truth, near)
        added += meant
        if right or meant:
            handed_on = [j for j in handed_on if j.gradient.value.site.number != turns[0].site.number]
        else:
            open_.append(readings)
    if not added:  # nearest to the sums is what goes into the activation
        added = next(filter(None, (_first_meant(program, r, sums, truth, near, inside=True) for r in open_[::-1])), [])
    order = {v.key: i for i, v in enumerate(program.trace.values)}
    known = [j for j in judged if j in known or j in handed_on]
    return sorted([*known, *told_apart(added, known)], key=lambda j: order.get(j.gradient.key, len(order)))


def is_left_over(program: Program, judged: Judged, others: Sequence[Judged]) -> bool:
    """Whether it is what a loop's last turn leaves for a turn before the first: under the name of a gradient, dh, it is
    the gradient of no h that has one."""
    value = judged.gradient.value
    turns = sum(v.site.number == value.site.number and v.plain for v in program.trace.values)
    wrong = judged.verdict is Verdict.FAIL and judged.gradient.kind == "intermediate"
    return wrong and turns > 1 and not reached_by(program, judged, others)


def _forward(program: Program) -> list[list[Variable]]:
    """What each line of the forward computes over and over, the last turn first; later lines first."""
    found: dict[int, list[Variable]] = defaultdict(list)
    for i, v in enumerate(program.forward_values):
        if v.plain and v.array.ndim and v.array.dtype.kind == "f" and v.site.kind in BINDS:
            name = v.name if v.name.endswith("]") else f"{v.name}[{v.key.occurrence}]"
            found[v.site.number].append(Variable(name, v.key, v.array, v.site, i, v.name, v.owner, v.identity))
    several = [turns[::-1] for turns in found.values() if len(turns) > 1]
    small = [turns for turns in several if sum(of.array.size for of in turns) <= ENTRIES]
    return sorted(small, key=lambda turns: -turns[0].order)


def _lines(program: Program, judged: Sequence[Judged], sums: Sequence[Judged]) -> Iterator[list[Value]]:
    """What each line of the backward that no gradient is known of computes over and over, if sums rest on it."""
    known = {v.identity for j in judged for v in j.gradient.versions} | {id(r.value) for r in program.roots.values()}
    lines = {j.gradient.value.site.number for j in judged}
    found: dict[int, list[Value]] = defaultdict(list)
    begun = [v.site.number for v in program.forward_values]
    behind = {v.site.number for v in program.trace.values[program.first_gradient :]}
    # above the first gradient whose name tells it the first turn has gone through some lines
    of_backward = {number for number in behind if begun.count(number) <= 1}
    for i, v in enumerate(program.trace.values):
        if i < program.first_gradient and v.site.number not in of_backward:
            continue
        fits = v.plain and v.array.ndim and v.array.dtype.kind == "f" and v.site.kind == "assign"
        if fits and v.identity not in known and v.site.number not in lines and np.isfinite(v.array).all():
            found[v.site.number].append(v)
    for turns in found.values():
        moved: dict[Ref, Array] = {v.key: other_than(v.array) for v in turns}
        now = again(program, sums, moved) if len(turns) > 1 else {}
        if any(not np.array_equal(now.get(s.gradient.key, s.gradient.array), s.gradient.array) for s in sums):
            yield turns


def _readings(program: Program, turns: Sequence[Value], forward: Sequence[Variable]) -> Iterator[_Pairs]:
    """Each turn as the gradient of its own turn of the forward, or of the one before that, to which it is carried."""
    own, before = list(zip(turns, forward)), list(zip(turns, forward[1:]))
    if _alike(own):
        yield own
    if len(before) > 1 and _alike(before) and _is_carried(program, turns):
        yield before


def _alike(pairs: _Pairs) -> bool:
    return all(of.array.shape == value.array.shape for value, of in pairs)


def _is_carried(program: Program, turns: Sequence[Value]) -> bool:
    """Whether the next turn is made of the first."""
    first, second = turns[:2]
    now = {v.key: v.array for v in program.backward({first.key: other_than(first.array)}).values}
    return not np.array_equal(now.get(second.key, second.array), second.array)


def _is_right(pairs: _Pairs, along: Callable[[Variable], Truth]) -> bool:
    """Whether every turn is the gradient of its own: then the line is right, and nothing wrong is put right by it."""
    return all(agreement(along(of), value.array).holds for value, of in pairs)


def _first_meant(
    program: Program,
    readings: Sequence[_Pairs],
    sums: Sequence[Judged],
    truth_of: Callable[[Variable], Truth],
    roughly: Callable[[Variable], Array],
    *,
    inside: bool = False,
) -> list[Judged]:
    return next(filter(None, (_meant(program, pairs, sums, truth_of, roughly, inside) for pairs in readings)), [])


def _meant(
    program: Program,
    pairs: _Pairs,
    sums: Sequence[Judged],
    truth_of: Callable[[Variable], Truth],
    roughly: Callable[[Variable], Array],
    inside: bool,
) -> list[Judged]:
    """The turns as the gradients of those of the forward, if that puts right every sum that rests on them.

    `inside`, as those of what goes into the activation that each of them comes out of.
    """
    ways: list[Sequence[Any]] = [slopes(of) if inside else (1.0,) for _, of in pairs]
    for k in range(min(map(len, ways))):
        if not _heal(program, pairs, sums, [roughly(of) * way[k] for (_, of), way in zip(pairs, ways)], ROUGH):
            continue
        truths = [before_activation(of, truth_of(of))[k] if inside else truth_of(of) for _, of in pairs]
        if _heal(program, pairs, sums, [truth.array for truth in truths], SLACK):
            return [as_gradient(program, v, of, truth) for (v, of), truth in zip(pairs, truths)]
    return []


def _heal(
    program: Program,
    pairs: _Pairs,
    sums: Sequence[Judged],
    right: Sequence[Array | None],
    slack: float,
) -> bool:
    """Whether every sum that rests on the turns comes right, up to a factor, once they are what is right."""
    fed: dict[Ref, Array] = {v.key: a for (v, _), a in zip(pairs, right) if a is not None and np.isfinite(a).all()}
    if len(fed) < len(pairs):
        return False
    now = again(program, sums, fed)
    after = [(s, now[s.gradient.key]) for s in sums if s.gradient.key in now]
    moved = [(s, a) for s, a in after if not np.array_equal(a, s.gradient.array)]
    return bool(moved) and all(holds(s, a, slack) for s, a in moved)
