"""Gradients judged anew in another run of the same code, with some values replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judge import judge
from gradcheck.blame.judged import Judged
from gradcheck.capture.program import Program, Ref, Trace, Variable
from gradcheck.capture.record import Key

Array = NDArray[Any]


def reopened(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """The gradients of a program that was opened anew: the same values, but in objects of its own."""
    own = {v.ref: v for v in (*program.variables.values(), *(g.of for g in program.gradients))}
    result = []
    for j in judged:
        of = own.get(j.gradient.of.ref, j.gradient.of)
        here = replace(j.gradient.of, identity=of.identity, owner=of.owner)
        result.append(replace(j, gradient=replace(j.gradient, of=here)))
    return result


def rejudged(
    program: Program, judged: Sequence[Judged], replaced: Mapping[Key, Array], slack: float = 0.0
) -> list[Judged | None]:
    """Every gradient judged anew in a backward run with some values replaced; None for one that was not reached."""
    return in_run(program, judged, program.backward(cast(Mapping[Ref, Array], replaced)), slack)


def in_run(program: Program, judged: Sequence[Judged], trace: Trace, slack: float = 0.0) -> list[Judged | None]:
    """Every gradient judged as it came out in another run of the same code; None for one that was not reached."""
    return [_rejudged_one(program, j, trace, slack) for j in judged]


def _rejudged_one(program: Program, judged: Judged, trace: Trace, slack: float) -> Judged | None:
    last = judged.gradient.versions[-1]
    value = next((v for v in trace.values if v.key == last.key and v.name == last.name), None)
    if value is None:
        return None
    if program.trace.raised is not None and trace.raised is None:  # what it had not come to edit before it raised
        same = (v for v in trace.values if v.identity == value.identity and v.site.kind in ("augment", "modify"))
        *_, value = value, *same
    again = judge(program, judged.gradient, judged.truth, value.array, slack=slack, trace=trace)
    return replace(again, fed=value.array)


def again(program: Program, judged: Sequence[Judged], replaced: Mapping[Ref, Array]) -> dict[Key, Array]:
    """What gradients come to in a run with some values replaced, by their last versions' keys.

    Of such a run nothing else is recorded, and it ends with the last of them.
    """
    last = {j.gradient.key: j.gradient.versions[-1] for j in judged}
    if any(j.gradient.rate is not None for j in judged) or not last.keys().isdisjoint(replaced):
        now = {v.key: v.array for v in program.backward(replaced).values}
        return {key: now[key] for key in last if key in now}
    wanted = [Variable(v.name, v.key, v.array, v.site, i) for i, v in enumerate(last.values())]
    return cast(dict[Key, Array], program.seen(wanted, replaced))


def other_than(array: Array) -> Array:
    """Another array, to see what depends on it: twice as much, or where all of it is zero something."""
    return np.asarray(2 * array if np.any(array) else array + 1)


def reached_by(program: Program, source: Judged, judged: Sequence[Judged]) -> frozenset[Key]:
    """Which gradients depend on one: another one in its place shows that."""
    trace = program.backward({source.gradient.key: other_than(source.gradient.versions[-1].array)})
    now = {(v.key, v.path): v.array for v in trace.values}
    others = (j.gradient.versions[-1] for j in judged if j is not source)
    known = ((v, now[v.key, v.path]) for v in others if (v.key, v.path) in now)
    return frozenset(v.key for v, again in known if not np.array_equal(again, v.array))
