"""What an object is built and called with: as an example call has it, else found by trying."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from gradcheck.adapters import holding
from gradcheck.adapters import names as by_name
from gradcheck.adapters import parts as parts_of
from gradcheck.adapters.exampled import between, plans
from gradcheck.adapters.examples import example_calls
from gradcheck.adapters.feeding import OPTIMIZER, RATE, RATES
from gradcheck.adapters.inputs import required
from gradcheck.adapters.kinds import OWNER, Kind, builder, built
from gradcheck.adapters.overheard import Call
from gradcheck.adapters.pairs import Pair
from gradcheck.adapters.plan import Drawn, Plan, annotations_of, reads_logarithms, trials
from gradcheck.adapters.reading import explains
from gradcheck.adapters.seeking import Found, examined, is_finite
from gradcheck.adapters.taking import Taken
from gradcheck.adapters.trying import Sandbox, copied

ENOUGH = 4
"""How many sets of arguments of one layout that the object takes are looked at, if its backward suits none of them."""
LAYOUTS = 6
"""How many layouts that its forward and backward go through with are."""


@dataclass(slots=True)
class Sought:
    """What came of the search."""

    kind: Kind
    found: Found | None = None
    refused: str = ""
    """What the code said to the likeliest arguments, where it took none."""
    asks: str = ""
    """What is for the user to say, where two readings fit."""

    @property
    def misfits(self) -> float:
        """How many gradients have another shape than what they belong to; more than that where none is seen, and more
        again where the backward raises, or the forward."""
        if self.found is None:
            return 1e4
        taken, first = self.found.settled.taken, self.found.first
        return len(taken.misfits) if taken is not None else 1e2 if first is not None and first.tried else 1e3

    @property
    def goes_through(self) -> bool:
        """Whether forward and backward do."""
        return self.found is not None and self.found.settled.taken is not None


def seek_object(sandbox: Sandbox, kind: Kind, known: Mapping[str, Drawn], objects: parts_of.Objects) -> Sought:
    """The first arguments that it takes and that its backward suits; else the first that it takes."""
    names = list(dict.fromkeys((*kind.constructor, *kind.inputs)))
    labels = any(map(by_name.LABELS.match, kind.inputs)) and len(kind.inputs) > 1
    annotations = {**annotations_of(kind.made), **annotations_of(getattr(kind.made, kind.forward))}
    best, accepted, going = Sought(kind), Counter[str](), set[str]()
    likely = reads_logarithms(getattr(kind.made, kind.forward)) if labels else ""
    hint = f"{'of_a_vector ' if by_name.says_adjoint(kind.backward) else ''}{kind.made.__name__}"
    sized = kind.constructor
    for trial in trials(
        names, hint, annotations, labels=labels, known=known, sized=sized, likely=likely, objects=objects
    ):
        enough = len(going) >= LAYOUTS or accepted[trial.world.name] >= ENOUGH
        if (enough and not trial.world.degenerate) or (sandbox.time_is_up and best.refused):
            continue
        trial.arguments(0)
        one = _tried(sandbox, kind, trial.plan())
        if one.found is not None and one.found.fits:
            return one if best.found is None or not trial.world.degenerate else _asking(best, one)
        accepted.update([trial.world.name] * (one.found is not None))
        going.update([trial.world.name] * one.goes_through)
        one.refused = best.refused = best.refused or one.refused
        best = one if one.misfits < best.misfits else best
    return best


def _asking(best: Sought, single: Sought) -> Sought:
    """What fails with several samples and goes through with one may be meant for one: that is for the user to say."""
    if best.found is None or single.found is None:
        return best
    shapes = {n: single.found.plan.arguments[n].shape or () for n in single.kind.inputs}
    told = " ".join(f"{n}:({','.join(map(str, shape))})" for n, shape in shapes.items())
    note = f'with one sample it goes through; if it is meant for one at a time, say so: --shapes "{told}"'
    return replace(best, found=replace(best.found, passed_over=note), asks=note)


def _tried(sandbox: Sandbox, kind: Kind, plan: Plan) -> Sought:
    build = builder(kind, plan)
    sandbox.before = lambda: {OWNER: build(0), OPTIMIZER: kind.optimizer}
    inputs = {n: v for n, v in zip(plan.arguments, plan.draw(0)) if n in kind.inputs}
    call = f"{OWNER}.{kind.forward}"
    tried = sandbox.run(f"_result = {call}({', '.join(inputs)})", copied(inputs))
    if not tried:
        return Sought(kind, refused=tried.said)
    made, result = tried.names[OWNER], tried.names["_result"]
    output = holding.output_of(made, OWNER) if result is None else None
    result = output.value if output is not None else result
    if not is_finite(result):
        return Sought(kind, refused=f"{kind.forward} returned {type(result).__name__}, which is not finite numbers")
    late: list[bool] = []
    drifting = holding.changed(build(0), made, OWNER)

    def held(before: Mapping[str, Any], after: Mapping[str, Any]) -> Taken:
        late.append(holding.made_late(before[OWNER], after[OWNER], OWNER))
        rate = _rate(kind, before[OWNER])
        return holding.fetched(before[OWNER], after[OWNER], OWNER, list(inputs), rate, drifting, of_the_pass)

    def of_the_pass() -> frozenset[str]:
        others = {n: v for n, v in zip(plan.arguments, plan.draw(1)) if n in kind.inputs}
        other = sandbox.run(f"{call}({', '.join(others)})", copied(others))
        return holding.changed(made, other.names[OWNER], OWNER) if other else frozenset()

    backward = getattr(made, kind.backward)
    path = output.path if output is not None else ""
    pair = Pair(getattr(made, kind.forward), backward, call, f"{OWNER}.{kind.backward}", held, path)
    found = examined(sandbox, pair, plan, inputs, result, 0)
    if any(late) and not kind.warm:
        return _tried(sandbox, replace(kind, warm=True), plan)
    return Sought(kind, found)


def _rate(kind: Kind, made: Any) -> str:
    """By what its updates go: its own rate, where it is handed none, nor an optimizer."""
    handed = required(getattr(made, kind.backward))
    told = any(n.lower() in RATES for n in handed) or any(map(by_name.OPTIMIZERS.match, (*handed, *kind.constructor)))
    held = getattr(made, "__dict__", {})
    own = next((n for n, v in held.items() if n.strip("_").lower() in RATES and isinstance(v, float) and v), "")
    return f"{OWNER}.{own}" if own and not told else repr(RATE)


def object_of_examples(sandbox: Sandbox, module: ModuleType, kind: Kind) -> Sought | None:
    """By the first example call that its backward suits: built anew as it was there, at other sizes where those would
    hide errors; else as it stood there. By the first that its forward takes, if its backward suits none."""
    first: Sought | None = None
    for call in example_calls(module, getattr(kind.made, kind.forward), kind.made):
        sandbox.put_back()
        for kept in (False, True) if _is_as_built(sandbox, kind, call) else (True,):
            asked = replace(kind, fills="", call=call, kept=kept)
            arguments = call.arguments if kept else {**(call.constructor or {}), **call.arguments}

            def takes(plan: Plan, seed: int, asked: Kind = asked) -> bool:
                return _runs(sandbox, asked, plan, seed)

            tried = [_tried(sandbox, asked, p) for p in plans(call, arguments, takes, lambda: sandbox.time_is_up)]
            going = [one for one in tried if one.goes_through]
            if going:
                one, asks = between(going, _arguments, lambda one: _explained(sandbox, one))
                return replace(one, asks=asks)
            first = first or next((one for one in tried if one.found is not None), None)
    sandbox.put_back()
    return first


def _arguments(one: Sought) -> Mapping[str, Drawn]:
    plan = one.found.plan.arguments if one.found is not None else {}
    return {name: plan[name] for name in one.kind.inputs if name in plan}


def _explained(sandbox: Sandbox, one: Sought) -> bool:
    taken = one.found.settled.taken if one.found is not None else None
    if one.found is None or taken is None:
        return False
    build = builder(one.kind, one.found.plan)
    sandbox.before = lambda: {OWNER: build(0), OPTIMIZER: one.kind.optimizer}
    return explains(sandbox, taken, 0)


def _is_as_built(sandbox: Sandbox, kind: Kind, call: Call) -> bool:
    """Whether nothing but its constructor made an object what it was when it was called: no layers were added to it."""
    if call.constructor is None or call.constructor.keys() & call.arguments.keys():
        return False
    names = tuple(call.constructor)
    plan = Plan({n: Drawn(value=v) for n, v in call.constructor.items()}, "")
    made = sandbox.run("_made = _build(0)", {"_build": built(kind.made, names, plan, kind.optimizer)}).names.get(
        "_made"
    )
    return made is not None and holding.alike(made, call.made, OWNER)


def _runs(sandbox: Sandbox, kind: Kind, plan: Plan, seed: int) -> bool:
    """Whether it can be built and its forward takes what a plan draws."""
    build = builder(kind, plan)
    sandbox.before = lambda: {OWNER: build(seed), OPTIMIZER: kind.optimizer}
    inputs = {n: v for n, v in zip(plan.arguments, plan.draw(seed)) if n in kind.inputs}
    tried = sandbox.run(f"_result = {OWNER}.{kind.forward}({', '.join(inputs)})", copied(inputs))
    result = tried.names.get("_result") if tried else None
    return bool(tried) and (result is None or is_finite(result))
