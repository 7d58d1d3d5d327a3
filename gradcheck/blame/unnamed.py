"""Gradients that go by no name that tells them: `err = a - y`, found by what they heal.

A line is not to be blamed for what it was handed. Where a wrong gradient rests on values of the backward that are
nobody's gradient by name, each of them is replaced by the numeric derivative of a value of the forward of its shape: if
that puts right what rests on it, this is whose gradient it was meant to be, and it is judged like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judge import judge
from gradcheck.blame.judged import Judged, in_layout
from gradcheck.blame.rerun import reached_by
from gradcheck.capture.program import Program, Variable
from gradcheck.capture.record import Value
from gradcheck.capture.steps import BINDS
from gradcheck.compare import BLUNT, Truth, Verdict, agreement
from gradcheck.gradients import Gradient

Array = NDArray[Any]
MOST = 12
"""Values that are tried, those nearest to the wrong gradients first."""
SLACK = 1e-6
"""How far what a line makes of a numeric derivative may be off, relative to the tensor's scale."""


def found_out(program: Program, judged: Sequence[Judged], truth_of: Callable[[Variable], Truth]) -> list[Judged]:
    """The gradients, and among them those without a name on which wrong ones rest, in the order of the code."""
    orphans = _orphans(program, judged)
    if not orphans:
        return list(judged)
    known: dict[object, Truth] = {}

    def truth(of: Variable) -> Truth:
        if of.ref not in known:
            known[of.ref] = truth_of(of)
        return known[of.ref]

    added = [a for v in islice(_suspects(program, judged, orphans), MOST) if (a := _meant(program, v, orphans, truth))]
    order = {v.key: i for i, v in enumerate(program.trace.values)}
    return sorted([*judged, *added], key=lambda j: order.get(j.gradient.key, len(order)))


def _orphans(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """Wrong gradients that no other wrong one flows into, as far as names tell."""
    wrong = [j for j in judged if j.verdict is Verdict.FAIL and not j.truth.reason and j.agreement is not None]
    sources = (j for j in wrong if j.gradient.kind == "intermediate")
    reached = frozenset[Any]().union(*(reached_by(program, s, judged) for s in sources))
    return [j for j in wrong if j.gradient.key not in reached]


def _suspects(program: Program, judged: Sequence[Judged], orphans: Sequence[Judged]) -> Iterator[Value]:
    """Values that no gradient's name covers, that wrong gradients rest on, and the loss does not; latest first."""
    named = {v.identity for j in judged for v in j.gradient.versions}
    roots = {id(r.value) for r in program.roots.values()}
    lines = {(j.gradient.value.site.file, j.gradient.value.site.line) for j in judged}
    refs = {v.identity: v.ref for v in program.variables.values()}  # where a value handed on comes from
    last = max(i for i, v in enumerate(program.trace.values) if any(v.key == o.gradient.key for o in orphans))
    for value in reversed(program.trace.values[:last]):
        fits = value.plain and value.array.ndim and value.array.dtype.kind == "f" and value.site.kind in BINDS
        known = value.identity in named or value.identity in roots or (value.site.file, value.site.line) in lines
        if not fits or known or not np.isfinite(value.array).all():
            continue
        now = {v.key: v.array for v in program.backward({value.key: 2 * value.array}).values}
        rests = any(not np.array_equal(now.get(o.gradient.key, o.gradient.array), o.gradient.array) for o in orphans)
        ref = refs.get(value.identity, value.key)
        if rests and program.loss({ref: 2 * value.array}).value == program.base_value:
            yield value


def _meant(
    program: Program, value: Value, orphans: Sequence[Judged], truth_of: Callable[[Variable], Truth]
) -> Judged | None:
    """The value as the gradient of what its place in the code shows it to be; None where nothing does."""
    forward = {v.ref: v for v in program.variables.values() if v.order >= 0 and v.array.dtype.kind == "f"}
    for of in sorted(forward.values(), key=lambda v: -v.order):
        if not of.array.ndim or value.array.shape not in (of.array.shape, of.array.shape[::-1]):
            continue
        truth = truth_of(of)
        if truth.array is None or not np.isfinite(truth.array).all() or not truth.array.any():
            continue
        right = truth.array if value.array.shape == of.array.shape else truth.array.T
        if _heals(program, value, right, orphans):
            return judge(program, Gradient(value.name, of, value, (value,), "intermediate"), truth)
    return None


def _heals(program: Program, value: Value, right: Array, orphans: Sequence[Judged]) -> bool:
    """Whether a wrong gradient that rests on the value comes right, up to a factor, once the value is another."""
    now = {v.key: v.array for v in program.backward({value.key: right}).values}
    for orphan in orphans:
        again = now.get(orphan.gradient.versions[-1].key)
        own = None if again is None else in_layout(again, orphan.truth.shape)[0]
        if own is None or not np.isfinite(own).all() or np.array_equal(own, orphan.gradient.array):
            continue
        found = agreement(orphan.truth, own, scale=None, slack=SLACK)
        if found.holds and found.resolution < BLUNT:
            return True
    return False
