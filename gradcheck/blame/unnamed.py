"""Gradients that go by no name that tells them: `err = a - y`, found by what they heal.

A line is not to be blamed for what it was handed. Where a wrong gradient rests on values of the backward that are
nobody's gradient by name, each of them is replaced by the numeric derivative of a value of the forward of its shape: if
that puts right what rests on it, this is whose gradient it was meant to be, and it is judged like any other.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judge import judge
from gradcheck.blame.judged import Judged, before_reuse, in_layout
from gradcheck.blame.rerun import again, other_than, reached_by
from gradcheck.blame.versions import before_activation, slopes
from gradcheck.capture.program import Program, Ref, Variable
from gradcheck.capture.rates import statement_at
from gradcheck.capture.record import Key, Value
from gradcheck.capture.steps import BINDS
from gradcheck.compare import BLUNT, Truth, Verdict, agreement
from gradcheck.gradients import Gradient
from gradcheck.source import line_of

Array = NDArray[Any]
MOST = 16
"""Values that are tried, those nearest to the wrong gradients first."""
VALUES = 40
"""Values of the forward that each may belong to, the latest first: the derivative by each has to be measured."""
MOST_ENTRIES = 2048
"""Of what a function is handed, to be tried."""
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

    forward, handed = _forward(program), _handed(program)
    own = {v.key: j.gradient.of.ref for j in judged for v in j.gradient.versions}
    turns = _Turns.of(program, judged)

    def others(value: Value) -> list[Variable]:
        # what a layer's backward hands back belongs to what its forward was handed; else what goes into the next
        # function is tried before what that is made of
        every = [of for of in handed if _of_one_class(value, of)] or [*handed, *forward]
        return [of for of in every if of.ref != own.get(value.key) and turns.may_be_gradient(value, of)]

    def is_right(value: Value) -> bool:
        """As the gradient of what a function is handed, as that function alone has it."""
        own = (of for of in handed if turns.may_be_gradient(value, of) and of.array.shape == value.array.shape)
        return value.site.kind == "return" and any(_is_multiple(value.array, rough(of)) for of in own)

    tried = [v for v in islice(_suspects(program, judged, orphans), MOST) if not is_right(v)]
    sound = [j for j in judged if j.right and j.gradient.kind == "parameter"]

    def meant(value: Value, orphans: Sequence[Judged], *, inside: bool = False) -> Judged | None:
        found = _meant(program, value, others(value), orphans, truth, rough, inside=inside)
        return None if found is None or _harms(program, found, sound) else found

    computed = (v for v in tried if not _renames(v))
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


def _suspects(program: Program, judged: Sequence[Judged], orphans: Sequence[Judged]) -> Iterator[Value]:
    """Values that no gradient's name covers, that wrong gradients rest on, and the loss does not; latest first.

    What a function hands back counts once, where it is computed.
    """
    named = {v.identity for j in judged for v in before_reuse(j).versions}
    first: dict[int, Value] = {}
    for value in program.trace.values:
        first.setdefault(value.identity, value)
    roots = {id(r.value) for r in program.roots.values()}
    lines = {(j.gradient.value.site.file, j.gradient.value.site.line) for j in judged}
    refs = {v.identity: v.ref for v in program.variables.values()}  # where a value handed on comes from
    last = max(i for i, v in enumerate(program.trace.values) if any(v.key == o.gradient.key for o in orphans))
    for value in reversed(program.trace.values[:last]):
        fits = value.plain and value.array.ndim and value.array.dtype.kind == "f" and value.site.kind in BINDS
        renames = _renames(value)
        known = value.identity in roots or (value.site.file, value.site.line) in lines
        passes = renames or _passes_on(value, first[value.identity])
        known = known or (value.identity in named and not renames)
        handed_on = first[value.identity] is not value and value.site.kind not in ("augment", "modify") and not passes
        if not fits or known or handed_on or not np.isfinite(value.array).all() or _begins(value):
            continue
        other = other_than(value.array)
        now = again(program, orphans, {value.key: other})
        rests = any(not np.array_equal(now.get(o.gradient.key, o.gradient.array), o.gradient.array) for o in orphans)
        ref = refs.get(value.identity, value.key)
        if rests and program.loss({ref: other}).value == program.base_value:
            yield value


@dataclass(frozen=True, slots=True)
class _Turns:
    """How the loops of the backward go through the turns of those of the forward."""

    count: Mapping[int, int]
    """Of each site, how often it was passed."""
    ways: frozenset[bool]
    """Whether they are known to go back over them (True), or the same way (False)."""

    @classmethod
    def of(cls, program: Program, judged: Sequence[Judged]) -> _Turns:
        count = Counter(v.key.site for v in program.trace.values if v.plain)
        both = _Turns(count, frozenset({True, False}))
        pairs = ((j.gradient.versions[0], j.gradient.of) for j in judged)
        gaps = [(both._gap(v, of, True), both._gap(v, of, False)) for v, of in pairs if both._share_turns(v, of)]
        return _Turns(count, frozenset(back < same for back, same in gaps if back != same) or both.ways)

    def may_be_gradient(self, value: Value, of: Variable) -> bool:
        """Whether it was computed at the turn at which the other one was, or at one next to it."""
        return not self._share_turns(value, of) or any(self._gap(value, of, back) <= 1 for back in self.ways)

    def _share_turns(self, value: Value, of: Variable) -> bool:
        """Whether the two loops have as many turns; a helper that each turn calls twice is passed twice as often."""
        count = self.count[value.key.site]
        there = self.count[of.ref.site] if isinstance(of.ref, Key) else 0
        return count > 1 and there > 0 and there % count == 0

    def _gap(self, value: Value, of: Variable, back: bool) -> int:
        count = self.count[value.key.site]
        assert isinstance(of.ref, Key)
        there = of.ref.occurrence * count // self.count[of.ref.site]
        return abs((count - 1 - value.key.occurrence if back else value.key.occurrence) - there)


def _renames(value: Value) -> bool:
    """Whether its line only gives it another name, `dz = dh`: an activation's derivative may be missing there."""
    statement = statement_at(value.site.file, value.site.line) if value.site.kind == "assign" else None
    return statement is not None and isinstance(statement.value, ast.Name)


def _passes_on(value: Value, computed: Value) -> bool:
    """Whether it is what a call has handed back that another function computed: right there, it may lack something
    here, where it is used."""
    if value.site.kind not in ("assign", "unpack") or value.site.function == computed.site.function:
        return False
    statement = statement_at(value.site.file, value.site.line)
    return statement is not None and isinstance(statement.value, ast.Call)


def _begins(value: Value) -> bool:
    """Whether it is what a sum begins with, `np.zeros_like(W)`: that computes no gradient."""
    return not np.any(value.array) and "zeros" in line_of(value.site.file, value.site.line)


def _forward(program: Program) -> list[Variable]:
    """What a value of the backward may be the gradient of, the latest first: in a loop over layers each turn's z, and
    what bore the name before it was computed from itself, a before `a = a * mask`.
    """
    found = {v.ref: v for v in program.variables.values()}
    sites = [v.site for v in found.values() if v.site is not None]
    lines, refined = {s.number for s in sites}, {(s.file, s.function, s.name) for s in sites if s.form == "refined"}
    for i, v in enumerate(program.forward_values):
        before = (v.site.file, v.site.function, v.name) in refined
        if v.plain and (v.site.number in lines or before) and v.key not in found:
            found[v.key] = Variable(
                f"{v.name}[{v.key.occurrence}]", v.key, v.array, v.site, i, v.name, v.owner, v.identity
            )
    floats = (v for v in found.values() if v.order >= 0 and v.array.dtype.kind == "f")
    return sorted(floats, key=lambda v: -v.order)[:VALUES]


def _handed(program: Program) -> list[Variable]:
    """What the forward's functions are handed, as each of them has it: of x + f(x) f's own x."""
    values, roots = program.forward_values, {id(r.value) for r in program.roots.values()}
    begun = next((i for i, v in enumerate(values) if v.site.kind != "argument"), len(values))
    handed = [
        Variable(f"{v.name} of {v.site.function}", v.key, v.array, v.site, i, v.name, v.owner, v.identity)
        for i, v in enumerate(values)
        if v.site.kind == "argument" and v.plain and i > begun and v.identity not in roots
    ]
    floats = [v for v in handed if v.array.ndim and v.array.dtype.kind == "f" and v.array.size <= MOST_ENTRIES]
    return floats[::-1][:VALUES]


def _meant(
    program: Program,
    value: Value,
    forward: Sequence[Variable],
    orphans: Sequence[Judged],
    truth_of: Callable[[Variable], Truth],
    roughly: Callable[[Variable], Array],
    *,
    inside: bool = False,
) -> Judged | None:
    """The value as the gradient of what its place in the code shows it to be; None where nothing does.

    That is one of the forward's values or, `inside`, what goes into the activation that one of them comes out of.
    """
    for of in forward:
        if not of.array.ndim or value.array.shape not in (of.array.shape, of.array.shape[::-1]):
            continue
        near = roughly(of)
        for reading, factor in enumerate(slopes(of) if inside else (1.0,)):
            if not _may_heal(near) or not _heals(program, value, _laid_out(near * factor, value), orphans, slack=ROUGH):
                continue
            truth = before_activation(of, truth_of(of))[reading] if inside else truth_of(of)
            right = truth.array
            if right is not None and _may_heal(right) and _heals(program, value, _laid_out(right, value), orphans):
                return as_gradient(program, value, of, truth)
    return None


def _harms(program: Program, found: Judged, sound: Sequence[Judged]) -> bool:
    """Whether right gradients come out wrong with the value as it is meant to be: then it is not meant so."""
    right = _put_right(found)
    now = {} if right is None else again(program, sound, {found.gradient.key: right})
    pairs = ((j, now[j.gradient.key]) for j in sound if j.gradient.key in now)
    return any(not np.array_equal(a, j.gradient.versions[-1].array) and not holds(j, a) for j, a in pairs)


def _is_healed(program: Program, orphan: Judged, by: Judged) -> bool:
    right = _put_right(by)
    return right is not None and _heals(program, by.gradient.value, right, [orphan])


def _of_one_class(value: Value, handed: Variable) -> bool:
    cls = value.site.function.rpartition(".")[0]
    here = handed.site is not None and handed.site.function.rpartition(".")[0] == cls
    return value.site.kind == "return" and bool(cls) and here


def _is_multiple(a: Array, of: Array) -> bool:
    size = float(np.linalg.norm(of))
    if a.shape != of.shape or not size or not np.isfinite(size):
        return False
    factor = float(np.vdot(of, a)) / size**2
    return factor != 0 and float(np.linalg.norm(a - factor * of)) < ROUGH * abs(factor) * size


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
        if fed or _is_multiple(value.array, right, slack):
            return not fed
    return False


def _is_multiple(a: Array, b: Array, slack: float) -> bool:
    factor = np.vdot(b, a) / np.vdot(b, b)
    return np.allclose(a, factor * b, rtol=0, atol=slack * float(np.abs(a).max()))


def holds(judged: Judged, a: Array, slack: float = SLACK) -> bool:
    """Whether an array is the gradient up to a factor."""
    own = in_layout(a, judged.truth.shape)[0]
    if own is None or not np.isfinite(own).all():
        return False
    found = agreement(judged.truth, own, scale=None, slack=slack)
    return found.holds and found.resolution < BLUNT
