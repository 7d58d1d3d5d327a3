"""What goes from layer to layer: of an object that has a forward and a backward, what the backward is handed is the
gradient of what the forward hands back, and what it hands back the gradient of what the forward is handed.

No name has to tell that. Of a residual block, `return dout` for `return dout + dr`, both may be one array.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gradcheck.blame.assign import right_inputs
from gradcheck.blame.judged import Judged
from gradcheck.blame.unnamed import ROUGH, Array, as_gradient, as_meant, is_multiple, told_apart
from gradcheck.capture.forward import is_drivers
from gradcheck.capture.program import Program, Ref, Variable
from gradcheck.capture.record import Key, Value
from gradcheck.capture.rewrite import BACKWARD
from gradcheck.capture.steps import BINDS
from gradcheck.compare import Truth, Verdict, agreement

MOST = 40
"""Wrong ones whose derivative is measured by entries."""
ENTRIES = 2048
"""Of one of them."""


@dataclass(slots=True)
class Call:
    """One call of a method: what it is handed, and what it hands back."""

    handed: Value
    """Its first argument that is an array."""
    caller: Value | None
    """The same where the method is called."""
    returned: list[Value] = field(default_factory=list)


def crossings(program: Program) -> Iterator[tuple[Value, Variable, str]]:
    """What is handed to a backward and back, what each is the gradient of, and what to call it, in the code's order."""
    found = []
    for forward, backward in _pairs(program):
        cls = backward.handed.site.function.rpartition(".")[0]
        here, there = backward.handed, _one(forward.returned)
        if backward.caller is not None and there is not None and not is_drivers(backward.caller):
            found.append((backward.caller, there, f"{here.name} of {here.site.function}"))
        back = _one(backward.returned)
        if back is not None:
            made = _made_there(program, back)
            name = made.name if made is not back else f"{cls}.{back.name}"
            found.append((made, forward.handed, name))
    order = {v.key: i for i, v in enumerate(program.trace.values)}
    for value, of, name in sorted(found, key=lambda one: order[one[0].key]):
        if value.array.shape == of.array.shape and of.array.dtype.kind == "f" and 0 < of.array.size <= ENTRIES:
            told = f"{of.name} of {of.site.function}"
            variable = Variable(told, of.key, of.array, of.site, order[of.key], of.name, of.owner, of.identity)
            yield value, variable, name


def _made_there(program: Program, back: Value) -> Value:
    """What is handed back under a name, where the function itself computes that; what it was handed, or another
    function's result, is only right or wrong to be handed back."""
    same = [v for v in program.trace.values if v.identity == back.identity]
    here = [v for v in same[: same.index(back)] if v.site.function == back.site.function and v.call == back.call]
    own = [v for v in here if v.site.kind in BINDS and v.plain]
    return own[-1] if own and same[0] in own and back.site.kind == "result" else back


def _one(values: Sequence[Value]) -> Value | None:
    return values[0] if len({v.key.site for v in values}) == 1 else None


def _pairs(program: Program) -> Iterator[tuple[Call, Call]]:
    """The calls of one object's forward with those of its backward, the last with the first."""
    first = program.trace.values[program.first_gradient] if program.first_gradient else None
    before: dict[int, dict[str, list[Call]]] = defaultdict(dict)
    behind: dict[int, dict[str, list[Call]]] = defaultdict(dict)
    for call in _calls(program.trace.values):
        back = BACKWARD.search(call.handed.site.function.rpartition(".")[2]) is not None
        of = behind if back else before
        of[call.handed.owner].setdefault(call.handed.site.function, []).append(call)
    for owner in before.keys() & behind.keys() if first is not None else ():
        forward, backward = next(iter(before[owner].values())), next(iter(behind[owner].values()))
        if len(forward) == len(backward):
            yield from zip(forward, reversed(backward))


def _calls(values: Sequence[Value]) -> Iterator[Call]:
    """The calls of methods whose first argument is an array."""
    found: dict[tuple[str, str, int], Call] = {}
    handed: dict[tuple[int, str], Value] = {}
    for v in values:
        where = v.site.file, v.site.function, v.call
        if not v.plain or not v.array.ndim or (not v.owner and v.site.kind != "handed"):
            continue
        if v.site.kind == "handed":
            handed[v.identity, v.site.last] = v
        elif v.site.kind == "argument" and where not in found:
            found[where] = Call(v, handed.get((v.identity, v.site.function.rpartition(".")[2])))
        elif v.site.kind in ("return", "result") and where in found and v.site.name != "lambda()":
            found[where].returned += [v] * (v.owner == found[where].handed.owner)
    yield from (call for call in found.values() if len(call.returned) < 2 or call.returned[0].name.endswith("[0]"))


def at_crossings(
    program: Program,
    judged: Sequence[Judged],
    truth_of: Callable[[Variable], Truth],
    along: Callable[[Variable], Truth],
    roughly: Callable[[Variable], Array],
) -> list[Judged]:
    """The gradients, and among them those that go wrong from layer to layer and on which wrong ones rest.

    A name that an array bears on the way, `dr = fc.backward(dr)`, does not make it r's gradient.
    """
    wrong = [j for j in judged if j.verdict is Verdict.FAIL and not j.truth.reason and j.agreement is not None]
    if not wrong:
        return list(judged)
    every = [one for one in crossings(program) if np.isfinite(one[0].array).all()]
    judged = [_unless_a_part(j, every) for j in judged]
    known = {(v.identity, j.gradient.of.identity) for j in judged for v in j.gradient.versions[-1:]}
    of_another = {v.identity: of for v, of, _ in every}
    named = [j for j in judged if _is_of(j, of_another.get(j.gradient.versions[-1].identity))]
    fed = _fed(named)
    now = {v.key: v.array for v in program.trace.values}
    added: list[Judged] = []
    meant: list[tuple[Value, Variable]] = []
    fresh = bool(fed)
    for value, of, name in every:
        if not _is_right(value.array, along(of)) and len(added) < MOST and (value.identity, of.identity) not in known:
            if fresh:
                now, fresh = {v.key: v.array for v in program.backward(fed).values}, False
            if not _is_right(now.get(value.key, value.array), along(of)):
                found = _judged(program, value, of, name, (wrong, judged), truth_of, roughly, fed)
                if found is None:
                    continue
                added.append(found)
                fed, fresh = _fed([*named, *added]), True
        meant.append((value, of))
    # what nothing rests on is what the same layer's call shows to be at another turn
    lines = {(value.site.number, of.site) for value, of in meant}
    meant += [(value, of) for value, of, _ in every if (value.site.number, of.site) in lines]
    order = {v.key: i for i, v in enumerate(program.trace.values)}
    both = [*(_unless_of_another(j, meant) for j in judged), *told_apart(added, judged)]
    return sorted(both, key=lambda j: order.get(j.gradient.key, len(order)))


def _fed(judged: Sequence[Judged]) -> dict[Ref, Array]:
    """What is right in the place of wrong ones, and of those that have a factor."""
    right = right_inputs(judged)
    fed: dict[Ref, Array] = {j.gradient.key: right[j.gradient.name] for j in judged if j.gradient.name in right}
    scaled = (j for j in judged if j.right and j.gradient.kind == "intermediate")
    return {**{j.gradient.key: j.gradient.array / j.scale for j in scaled}, **fed}


def _judged(
    program: Program,
    value: Value,
    of: Variable,
    name: str,
    others: tuple[Sequence[Judged], Sequence[Judged]],
    truth_of: Callable[[Variable], Truth],
    roughly: Callable[[Variable], Array],
    fed: Mapping[Ref, Array],
) -> Judged | None:
    """What goes from layer to layer as its place shows it; None where nothing wrong comes right with that."""
    if not is_multiple(value.array, roughly(of), ROUGH):
        before = {key: a for key, a in fed.items() if isinstance(key, Key)}
        return as_meant(program, value, of, *others, truth_of, roughly, name, before)
    scaled = as_gradient(program, value, of, truth_of(of))
    return replace(scaled, gradient=replace(scaled.gradient, name=name))


def _is_of(judged: Judged, of: Variable | None) -> bool:
    """Whether the gradient is that of its name, as far as where its array goes tells."""
    return of is None or of.identity == judged.gradient.of.identity


def _unless_a_part(judged: Judged, every: Sequence[tuple[Value, Variable, str]]) -> Judged:
    """A wrong gradient, set aside where its function goes on to make what it hands back as that very gradient: dx of
    `return dx / std`."""
    last, of = judged.gradient.versions[-1], judged.gradient.of
    if (
        judged.verdict is not Verdict.FAIL
        or judged.gradient.kind != "intermediate"
        or judged.gradient.paired == "--grad"
    ):
        return judged
    call = last.site.function, last.call, last.owner
    own = (v for v, x, _ in every if x.identity == of.identity and (v.site.function, v.call, v.owner) == call)
    if any(v.identity != last.identity and not _is_laid_out_anew(last.array, v.array) for v in own):
        reason = f"not {of.name}'s own: its function makes that of it and hands it back"
        return replace(judged, verdict=Verdict.SKIPPED, reason=reason)
    return judged


def _is_laid_out_anew(a: Array, b: Array) -> bool:
    """Whether one is the other in another layout, or times a number."""
    a, b = np.sort(np.abs(a), axis=None), np.sort(np.abs(b), axis=None)
    return a.shape == b.shape and bool(b.any()) and is_multiple(a, b, ROUGH)


def _unless_of_another(judged: Judged, meant: Sequence[tuple[Value, Variable]]) -> Judged:
    """A wrong gradient, set aside where its array goes from layer to layer as something else's."""
    named = judged.verdict is Verdict.FAIL and judged.gradient.kind == "intermediate"
    if not named or judged.gradient.paired == "--grad":
        return judged
    of = [of for value, of in meant if value.identity == judged.gradient.versions[-1].identity]
    if not of or any(_is_of(judged, one) for one in of):
        return judged
    reason = f"not {judged.gradient.of.name}'s own: it is handed on as that of {of[0].name}"
    return replace(judged, verdict=Verdict.SKIPPED, reason=reason)


def _is_right(array: Array, truth: Truth) -> bool:
    return array.shape == truth.shape and agreement(truth, array, slack=ROUGH).holds
