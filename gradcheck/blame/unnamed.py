"""Gradients that go by no name that tells them: `err = a - y`, found by what they heal.

A line is not to be blamed for what it was handed. Where a wrong gradient rests on values of the backward that are
nobody's gradient by name, each of them is replaced by the numeric derivative of a value of the forward of its shape: if
that puts right what rests on it, this is whose gradient it was meant to be, and it is judged like any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count, islice
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judge import judge
from gradcheck.blame.judged import Judged, in_layout
from gradcheck.blame.rerun import again, reached_by
from gradcheck.blame.suspects import Turns, handed_over, of_one_class, renames, suspects, values_of_the_forward
from gradcheck.blame.versions import before_activation, slopes
from gradcheck.capture.program import Program, Ref, Variable
from gradcheck.capture.record import Key, Value
from gradcheck.compare import BLUNT, Truth, Verdict, agreement
from gradcheck.gradients import Gradient

Array = NDArray[Any]
MOST = 16
"""Values that are tried, those nearest to the wrong gradients first."""
SLACK = 1e-6
"""How far what a line makes of a numeric derivative may be off, relative to the tensor's scale."""
ROUGH = 1e-4
"""The same of a derivative that is only roughly known: not worse than the sharpness that counts as seen."""


def found_out(
    program: Program,
    judged: Sequence[Judged],
    truth_of: Callable[[Variable], Truth],
    roughly: Callable[[Variable], Array],
) -> list[Judged]:
    """The gradients, and among them those without a name on which wrong ones rest, in the order of the code.

    `roughly` is the derivative by a value in a fifth of the evaluations: only where that heals something its error
    is wanted. What heals nothing if it is what its name says is no gradient of that: it is looked for above it, too.
    """
    misnamed = _misnamed(program, judged)
    if misnamed:
        rest = [j for j in judged if j.gradient.value.site.number not in misnamed]
        added = _found_out(program, rest, truth_of, roughly)
        if added:
            others = [j if j in rest else _set_aside(j) for j in judged]
            return _in_order(program, [*others, *told_apart(added, judged)])
    return _in_order(program, [*judged, *told_apart(_found_out(program, judged, truth_of, roughly), judged)])


def _misnamed(program: Program, judged: Sequence[Judged]) -> frozenset[int]:
    """The lines of wrong gradients above all others on which others rest, and that put none of them right."""
    wrong = [j for j in judged if j.verdict is Verdict.FAIL]
    above = [j for j in unreached(program, judged) if j.gradient.kind == "intermediate"]
    return frozenset(
        j.gradient.value.site.number
        for j in above
        if j.gradient.paired != "--grad" and _heals_nothing(program, j, [w for w in wrong if w is not j])
    )


def _heals_nothing(program: Program, judged: Judged, others: Sequence[Judged]) -> bool:
    right = _put_right(judged)
    found = judged.agreement
    if right is None or found is None or found.holds:
        return False
    now = again(program, others, {judged.gradient.key: right})
    pairs = ((j, now[key]) for j in others if (key := j.gradient.versions[-1].key) in now)
    moved = [(j, a) for j, a in pairs if not np.array_equal(a, j.gradient.versions[-1].array)]
    return bool(moved) and not any(holds(j, a) for j, a in moved)


def _set_aside(judged: Judged) -> Judged:
    if judged.verdict is not Verdict.FAIL:
        return judged
    reason = f"not {judged.gradient.of.name}'s own gradient: if it were, nothing that rests on it would be right"
    return replace(judged, verdict=Verdict.SKIPPED, reason=reason)


def _in_order(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """In the order of the code."""
    order = {v.key: i for i, v in enumerate(program.trace.values)}
    return sorted(judged, key=lambda j: order.get(j.gradient.key, len(order)))


def _found_out(
    program: Program,
    judged: Sequence[Judged],
    truth_of: Callable[[Variable], Truth],
    roughly: Callable[[Variable], Array],
) -> list[Judged]:
    """Those that it takes."""
    orphans = unreached(program, judged)
    if not orphans:
        return []
    known: dict[object, Truth] = {}
    near: dict[object, Array] = {}

    def truth(of: Variable) -> Truth:
        if of.ref not in known:
            known[of.ref] = truth_of(of)
        return known[of.ref]

    def rough(of: Variable) -> Array:
        if of.ref not in near:
            near[of.ref] = roughly(of)
        return near[of.ref]

    forward, handed = values_of_the_forward(program), handed_over(program)
    own = {v.key: j.gradient.of.ref for j in judged for v in j.gradient.versions}
    turns = Turns.of(program, judged)

    def others(value: Value) -> list[Variable]:
        # what a layer's backward hands back belongs to what its forward was handed; else what goes into the next
        # function is tried before what that is made of
        every = [of for of in handed if of_one_class(value, of)] or [*handed, *forward]
        return [of for of in every if of.ref != own.get(value.key) and turns.may_be_gradient(value, of)]

    def is_right(value: Value) -> bool:
        """As the gradient of what a function is handed, as that function alone has it."""
        own = (of for of in handed if turns.may_be_gradient(value, of) and of.array.shape == value.array.shape)
        near = (rough(of) for of in own if value.site.kind == "return")
        return any(_may_heal(a) and is_multiple(value.array, a, ROUGH) for a in near)

    tried = [v for v in islice(suspects(program, judged, orphans), MOST) if not is_right(v)]
    sound = [j for j in judged if j.right and j.gradient.kind == "parameter"]

    def meant(value: Value, orphans: Sequence[Judged], *, inside: bool = False) -> Judged | None:
        found = _meant(program, value, others(value), orphans, truth, rough, inside=inside)
        return None if found is None or _harms(program, found, sound) else found

    computed = (v for v in tried if not renames(v))
    added = [a for v in computed if (a := meant(v, orphans))]
    named = {a.gradient.key for a in added}
    left = [o for o in orphans if not any(_is_healed(program, o, a) for a in added)]
    for value in (v for v in tried if v.key not in named):
        inside = meant(value, left, inside=True) if left else None
        if inside is not None:
            added.append(inside)
            left = [o for o in left if not _is_healed(program, o, inside)]
    added = [*added, *_other_turns(program, judged, added, [*forward, *handed], truth)]
    return list(_supported(program, judged, orphans, _once(_in_order(program, added))))


def _once(added: Sequence[Judged]) -> list[Judged]:
    """Each where it is computed: what a call has handed back may be the same gradient once more."""
    found: dict[tuple[int, object], Judged] = {}
    for j in added:
        found.setdefault((j.gradient.value.identity, j.gradient.of.ref), j)
    return list(found.values())


def told_apart(added: Sequence[Judged], judged: Sequence[Judged]) -> list[Judged]:
    """Each under a name of its own, in the order of the code: d = layer.backward(d) gives it to every layer's."""
    taken = {j.gradient.name for j in judged}
    result = []
    for j in sorted(added, key=lambda j: j.gradient.key):
        name = j.gradient.name
        own = next(n for n in chain([name], (f"{name}[{k}]" for k in count())) if n not in taken)
        taken.add(own)
        result.append(replace(j, gradient=replace(j.gradient, name=own)))
    return result


def unreached(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """Wrong gradients that no other wrong one flows into, as far as names tell."""
    wrong = [j for j in judged if j.verdict is Verdict.FAIL and not j.truth.reason and j.agreement is not None]
    sources = (j for j in wrong if j.gradient.kind == "intermediate")
    reached = frozenset[Any]().union(*(reached_by(program, s, judged) for s in sources))
    return [j for j in wrong if j.gradient.key not in reached]


def _meant(
    program: Program,
    value: Value,
    forward: Sequence[Variable],
    orphans: Sequence[Judged],
    truth_of: Callable[[Variable], Truth],
    roughly: Callable[[Variable], Array],
    *,
    inside: bool = False,
    fed: Mapping[Key, Array] = MappingProxyType({}),
) -> Judged | None:
    """The value as the gradient of what its place in the code shows it to be; None where nothing does.

    That is one of the forward's values or, `inside`, what goes into the activation that one of them comes out of.
    """
    for of in forward:
        if not of.array.ndim or value.array.shape not in (of.array.shape, of.array.shape[::-1]):
            continue
        near = roughly(of)
        for reading, factor in enumerate(slopes(of) if inside else (1.0,)):
            if not _may_heal(near) or not _heals(program, value, _laid_out(near * factor, value), orphans, fed, ROUGH):
                continue
            truth = before_activation(of, truth_of(of))[reading] if inside else truth_of(of)
            right = truth.array
            if right is not None and _may_heal(right) and _heals(program, value, _laid_out(right, value), orphans, fed):
                return as_gradient(program, value, of, truth)
    return None


def as_meant(
    program: Program,
    value: Value,
    of: Variable,
    wrong: Sequence[Judged],
    judged: Sequence[Judged],
    truth_of: Callable[[Variable], Truth],
    roughly: Callable[[Variable], Array],
    name: str,
    fed: Mapping[Key, Array],
) -> Judged | None:
    """A value as the gradient of what its place shows it to be, if that heals something and harms nothing.

    What was wrong before it is `fed` what is right.
    """
    found = _meant(program, value, [of], wrong, truth_of, roughly, fed=fed)
    sound = [j for j in judged if j.right and j.gradient.kind == "parameter"]
    if found is None or _harms(program, found, sound):
        return None
    return replace(found, gradient=replace(found.gradient, name=name))


def _harms(program: Program, found: Judged, sound: Sequence[Judged]) -> bool:
    """Whether right gradients come out wrong with the value as it is meant to be: then it is not meant so."""
    right = _put_right(found)
    now = {} if right is None else again(program, sound, {found.gradient.key: right})
    pairs = ((j, now[j.gradient.key]) for j in sound if j.gradient.key in now)
    return any(not np.array_equal(a, j.gradient.versions[-1].array) and not holds(j, a) for j, a in pairs)


def _is_healed(program: Program, orphan: Judged, by: Judged) -> bool:
    right = _put_right(by)
    return right is not None and _heals(program, by.gradient.value, right, [orphan])


def _may_heal(derivative: Array) -> bool:
    return bool(np.isfinite(derivative).all() and derivative.any())


def _laid_out(derivative: Array, value: Value) -> Array:
    return derivative if value.array.shape == derivative.shape else derivative.T


def _other_turns(
    program: Program,
    judged: Sequence[Judged],
    found: Sequence[Judged],
    forward: Sequence[Variable],
    truth_of: Callable[[Variable], Truth],
) -> Iterator[Judged]:
    """What the same lines compute at other turns of a loop: right up to a factor, or healing something there as well.

    Two minus signs on the way leave what rests on it right, and what is wrong at a later turn has other faults above.
    """
    order = {v.key: i for i, v in enumerate(program.trace.values)}
    seen = {j.gradient.key for j in found}
    for j in found:
        turns = [of for of in forward if of.site == j.gradient.of.site and of.array.shape == j.truth.shape]
        for value in program.trace.values:
            if value.site.number != j.gradient.value.site.number or value.key in seen or not value.plain:
                continue
            seen.add(value.key)
            truths = [(of, t) for of in turns for t in (truth_of(of), *before_activation(of, truth_of(of)))]
            readings = [as_gradient(program, value, of, t) for of, t in truths]
            right = next((read for read in readings if read.right), None)
            wrong = [w for w in (*judged, *found) if w.verdict is Verdict.FAIL]
            before = {w.gradient.key: _put_right(w) for w in wrong if order[w.gradient.key] < order[value.key]}
            behind = [w for w in wrong if order[w.gradient.key] > order[value.key]]
            fed = {key: a for key, a in before.items() if a is not None}
            heals = (r for r in readings if (a := _put_right(r)) is not None and _heals(program, value, a, behind, fed))
            there = right or next(heals, None)
            if there is not None:
                yield there


def _supported(
    program: Program, judged: Sequence[Judged], orphans: Sequence[Judged], added: Sequence[Judged]
) -> Iterator[Judged]:
    """Those of the lines that, put right at every turn, put right at least as much as the lines they would excuse do.

    Where `dr = drh * r * (1 - r)` lacks a factor, drh would heal it if it were what dr lacks as well.
    """
    wrong = [j for j in judged if j.verdict is Verdict.FAIL]
    lines = {j.gradient.value.site.number for j in orphans}
    least = _right_with(program, wrong, [j for j in wrong if j.gradient.value.site.number in lines])
    for line in dict.fromkeys(j.gradient.value.site.number for j in added):
        here = [j for j in added if j.gradient.value.site.number == line]
        if _right_with(program, wrong, [*here, *(j for j in added if j.right)]) >= least:
            yield from here


def _right_with(program: Program, wrong: Sequence[Judged], others: Sequence[Judged]) -> int:
    """How many wrong gradients come right, up to a factor, once others are put right."""
    fed: dict[Ref, Array] = {j.gradient.key: a for j in others if (a := _put_right(j)) is not None}
    now = again(program, wrong, fed) if fed else {}
    return sum(holds(j, now[key]) for j in wrong if (key := j.gradient.versions[-1].key) in now)


def _put_right(judged: Judged) -> Array | None:
    a = judged.truth.array
    if a is None or not np.isfinite(a).all() or judged.gradient.kind != "intermediate":
        return None
    return a if a.shape == judged.gradient.array.shape else a.T if a.T.shape == judged.gradient.array.shape else None


def as_gradient(program: Program, value: Value, of: Variable, truth: Truth) -> Judged:
    return judge(program, Gradient(value.name, of, value, (value,), "intermediate"), truth)


def _heals(
    program: Program,
    value: Value,
    right: Array,
    wrong: Sequence[Judged],
    fed: Mapping[Key, Array] = MappingProxyType({}),
    slack: float = SLACK,
) -> bool:
    """Whether a wrong gradient that rests on the value comes right, up to a factor, once the value is another.

    What was wrong before the value is `fed` what is right: that alone is not to be what heals.
    """
    before_it = cast(dict[Ref, Array], dict(fed))
    now = again(program, wrong, {**before_it, value.key: right})
    was = again(program, wrong, before_it) if fed else {}
    # a single number is right up to a factor whatever it is
    for one in [w for w in wrong if math.prod(w.truth.shape) > 1] or wrong:
        key = one.gradient.versions[-1].key
        after, before = now.get(key), was.get(key, one.gradient.array)
        if after is None or np.array_equal(after, before) or not holds(one, after, slack):
            continue
        if not holds(one, before, slack):
            return True
        # right up to a factor before: nothing was healed, but the value may be what brings the factor in
        if fed or is_multiple(value.array, right, slack):
            return not fed
    return False


def is_multiple(a: Array, b: Array, slack: float) -> bool:
    """Whether an array is another one but for a factor."""
    if a.shape != b.shape or not b.any():
        return False
    factor = np.vdot(b, a) / np.vdot(b, b)
    return np.allclose(a, factor * b, rtol=0, atol=slack * float(np.abs(a).max()))


def holds(judged: Judged, a: Array, slack: float = SLACK) -> bool:
    """Whether an array is the gradient up to a factor."""
    own = in_layout(a, judged.truth.shape)[0]
    if own is None or not np.isfinite(own).all():
        return False
    found = agreement(judged.truth, own, scale=None, slack=slack)
    return found.holds and found.resolution < BLUNT
