"""A layer or a network as an object: built with sizes that all differ, driven, and looked into afterwards."""

from __future__ import annotations

import ast
import functools
import inspect
import random
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck.adapters import holding
from gradcheck.adapters import names as by_name
from gradcheck.adapters import parts as parts_of
from gradcheck.adapters.feeding import OPTIMIZER, RATE
from gradcheck.adapters.inputs import required
from gradcheck.adapters.names import OPTIMIZERS
from gradcheck.adapters.pairs import Pair, beside
from gradcheck.adapters.plan import Drawn, Plan, annotations_of, by_spec, is_penalty, reads_logarithms, trials
from gradcheck.adapters.reading import Reading
from gradcheck.adapters.seeking import Found, examined, is_finite
from gradcheck.adapters.sizes import sizes_of
from gradcheck.adapters.taking import Taken
from gradcheck.adapters.trying import Sandbox, copied, on_trial
from gradcheck.adapters.worlds import WORLDS
from gradcheck.errors import UsageError
from gradcheck.target import Target

FORWARD = (
    "forward forward_pass _forward_pass fprop forward_propagate forward_propagation forward_prop forwardprop"
    " feedforward feed_forward propagate fwd matvec _matvec call __call__"
).split()
BACKWARD = (
    "backward backward_pass _backward_pass bprop backprop back_prop backpropagate back_propagate backpropagation"
    " back_propagation backward_propagation backward_propagate backward_prop bwd rmatvec _rmatvec adjoint back"
).split()
_SIZES = (int, tuple, list)
OWNER = "layer"
"""What the driver calls the object."""
_FILLING = "layers"
"""What the plan calls layers that a container is filled with."""
ENOUGH = 4
"""How many sets of arguments that the object takes are looked at, if its backward suits none of them."""


def methods_of(kind: type) -> tuple[str, str] | None:
    """The names of a class's forward and backward; None for a class that has not both, or only in name."""
    found = [next((n for n in names if _is_written(kind, n)), "") for names in (FORWARD, BACKWARD)]
    return (found[0], found[1]) if all(found) else None


def _is_written(kind: type, name: str) -> bool:
    """Whether a method does something: a base class's may only raise NotImplementedError."""
    method = inspect.getattr_static(kind, name, None)
    if not isinstance(method, FunctionType):
        return False
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(method))).body[0].body  # type: ignore[attr-defined]
    except (OSError, SyntaxError, TypeError, IndexError):
        return True
    return not all(isinstance(s, (ast.Pass, ast.Raise)) or _is_text(s) for s in body)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@dataclass(frozen=True, slots=True)
class Kind:
    """A class, and how it is used."""

    made: type
    forward: str
    backward: str
    warm: bool = False
    """Whether it makes its parameters when it first sees an input."""
    fills: str = ""
    """The method by which it is given its layers one by one; "" where it is built with what it has."""
    optimizer: parts_of.Descent = field(default_factory=parts_of.Descent)
    """For what is handed one."""

    @property
    def inputs(self) -> list[str]:
        """Arguments of its forward."""
        return required(functools.partial(getattr(self.made, self.forward), None))

    @property
    def constructor(self) -> tuple[str, ...]:
        """Arguments that it is built with."""
        return (*arguments_of(self.made), *([_FILLING] if self.fills else []))


def arguments_of(kind: type) -> tuple[str, ...]:
    """Arguments that a class is built with: those that it must have, and those that are sizes."""
    if kind.__init__ is object.__init__:  # type: ignore[misc]
        return ()
    parameters = list(inspect.signature(kind).parameters.values())
    plain = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    names = [p.name for p in plain]
    sizes = {n for n in names if any(sizes_of(n, names, world) for world in WORLDS)}
    sizes |= {p.name for p in plain if p.name in ("stride", "padding", "pad") and type(p.default) is int}
    sizes |= {p.name for p in plain if is_penalty(p.name)}
    parts = {p.name for p in plain if any(kind.match(p.name) for kind in (OPTIMIZERS, parts_of.LAYERS, parts_of.LOSS))}
    given = [
        p
        for p in plain
        if p.default is p.empty
        or (p.name in sizes and isinstance(p.default, (*_SIZES, float)))
        or (p.default is None and (p.name in parts or p.name.endswith("_shape")))
    ]
    starred = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL and parts_of.LAYERS.match(p.name)]
    return (*(p.name for p in given), *starred)


def target_of_class(text: str, module: ModuleType, kind: type, *, shapes: str | None = None) -> Target:
    """A class with a forward and a backward. Raises UsageError where nothing is found that it takes."""
    forward, backward = methods_of(kind) or ("", "")
    own = arguments_of(kind)
    optimizer = parts_of.descent(module)
    fills = "" if any(map(parts_of.LAYERS.match, own)) else parts_of.fills(kind)
    asked = Kind(kind, forward, backward, fills=fills, optimizer=optimizer)
    given = {kind.__name__: kind, OPTIMIZER: optimizer}
    with on_trial(module, names=given) as sandbox:
        objects = parts_of.objects(asked.constructor, _layers(module, kind), _others(module, kind), optimizer)
        sought = _sought(sandbox, asked, by_spec(shapes, asked.inputs), objects)
    found, asked = sought.found, sought.kind
    if found is None:
        raise _refused(text, sought)
    reading = found.reading(text, f"{kind.__name__}.{backward}")
    return Target(
        text,
        module=module,
        setup=_setup(asked, reading),
        call=reading.call,
        loss=reading.asked,
        grads=reading.told,
        names={
            **given,
            "_build": _builder(asked, found.plan),
            "_draw": _drawing(asked, found, reading),
            "_enliven": enliven,
        },
        shapes=shapes or "",
        notes=_notes(asked, found, reading),
        asks=sought.asks,
        seeded=True,
        traced=True,
    )


# -- building it


def _setup(kind: Kind, reading: Reading) -> str:
    names = [*kind.inputs, *reading.upstream, *reading.labels]
    held = [path for path in reading.paths.values() if path.startswith(f"{OWNER}.")]
    return "\n".join(
        (
            f"{OWNER} = _build(seed)",
            f"_enliven(seed, [{', '.join(held)}])",
            *([f"{', '.join(names)}{',' if len(names) == 1 else ''} = _draw(seed)"] if names else []),
        )
    )


def built(
    kind: type, constructor: Sequence[str], plan: Plan, optimizer: parts_of.Descent, fills: str = ""
) -> Callable[[int], Any]:
    """What builds an object, by a seed; `optimizer` is for one that asks for it to begin, `fills` takes its layers."""
    filling = _FILLING if fills else ""

    def build(seed: int) -> Any:
        # the author's own initialisation, the same in every run; the generators are put back with everything else
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        drawn = dict(zip(plan.arguments, plan.draw(seed)))
        starred = [name for name in constructor if name in _starred(kind)]
        listed = [one for name in starred for one in drawn[name]]
        made = kind(*listed, **{name: drawn[name] for name in constructor if name not in starred and name != filling})
        if not holding.leaves(made, OWNER):
            parts_of.begin(made, optimizer)
        for one in drawn[filling] if fills else ():
            getattr(made, fills)(one)
        return made

    return build


def _starred(kind: type) -> frozenset[str]:
    parameters = inspect.signature(kind).parameters.values()
    return frozenset(p.name for p in parameters if p.kind is p.VAR_POSITIONAL)


def _layers(module: ModuleType, but: type) -> list[tuple[type, tuple[str, ...]]]:
    """The module's other classes with a forward and a backward, and what they are built with."""
    return [one for one in _others(module, but) if methods_of(one[0])]


def _others(module: ModuleType, but: type) -> list[tuple[type, tuple[str, ...]]]:
    own = [o for o in vars(module).values() if isinstance(o, type) and o is not but]
    return [(o, arguments_of(o)) for o in dict.fromkeys(own)]


def _builder(kind: Kind, plan: Plan) -> Callable[[int], Any]:
    build = built(kind.made, kind.constructor, plan, kind.optimizer, kind.fills)

    def warmed(seed: int) -> Any:
        made, drawn = build(seed), dict(zip(plan.arguments, plan.draw(seed)))
        getattr(made, kind.forward)(*(drawn[name] for name in kind.inputs))
        return made

    return warmed if kind.warm else build


def enliven(seed: int, arrays: Sequence[Any]) -> None:
    """Change parameters in place that hide what is wrong: zeros, ones, tiny weights."""
    held = [a for a in arrays if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.flags.writeable]
    holding.unlike_any_other(np.random.default_rng(seed + 1), held)


def _drawing(kind: Kind, found: Found, reading: Reading) -> Callable[[int], tuple[Any, ...]]:
    plan, made, of = found.plan, found.made, dict(zip(reading.upstream, reading.outputs))

    def draw(seed: int) -> tuple[Any, ...]:
        inputs = dict(zip(plan.arguments, plan.draw(seed)))
        return (*(inputs[n] for n in kind.inputs), *beside(made, of, reading.labels, seed).values())

    return draw


# -- finding what it takes


@dataclass(slots=True)
class Sought:
    """What came of the search."""

    kind: Kind
    found: Found | None = None
    refused: str = ""
    """What the code said to the likeliest arguments, where it took none."""
    asks: str = ""
    """What is for the user to say, where two readings fit."""


def _sought(sandbox: Sandbox, kind: Kind, known: Mapping[str, Drawn], objects: parts_of.Objects) -> Sought:
    """The first arguments that it takes and that its backward suits; else the first that it takes."""
    names = list(dict.fromkeys((*kind.constructor, *kind.inputs)))
    labels = any(map(by_name.LABELS.match, kind.inputs)) and len(kind.inputs) > 1
    annotations = {**annotations_of(kind.made), **annotations_of(getattr(kind.made, kind.forward))}
    best, accepted = Sought(kind), 0
    likely = reads_logarithms(getattr(kind.made, kind.forward)) if labels else ""
    hint = f"{'of_a_vector ' if by_name.says_adjoint(kind.backward) else ''}{kind.made.__name__}"
    sized = kind.constructor
    for trial in trials(
        names, hint, annotations, labels=labels, known=known, sized=sized, likely=likely, objects=objects
    ):
        if (accepted >= ENOUGH and not trial.world.degenerate) or (sandbox.time_is_up and best.refused):
            continue
        trial.arguments(0)
        one = _tried(sandbox, kind, trial.plan())
        if one.found is not None and one.found.fits:
            return one if best.found is None or not trial.world.degenerate else _asking(best, one)
        accepted += one.found is not None
        best.refused = best.refused or one.refused
        best = best if best.found is not None or one.found is None else one
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
    build = _builder(kind, plan)
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
        return holding.fetched(before[OWNER], after[OWNER], OWNER, list(inputs), repr(RATE), drifting)

    backward = getattr(made, kind.backward)
    path = output.path if output is not None else ""
    pair = Pair(getattr(made, kind.forward), backward, call, f"{OWNER}.{kind.backward}", held, path)
    found = examined(sandbox, pair, plan, inputs, result, 0)
    if any(late) and not kind.warm:
        return _tried(sandbox, replace(kind, warm=True), plan)
    return Sought(kind, found)


# -- telling it


def _refused(text: str, sought: Sought) -> UsageError:
    kind = sought.kind
    how = f"{kind.made.__name__}({', '.join(kind.constructor)}).{kind.forward}({', '.join(kind.inputs)})"
    told = f" It said: {sought.refused}." if sought.refused else ""
    return UsageError(
        f"TARGET {text!r}: nothing was found that {how} takes.{told} Write a function that builds it and runs one step,"
        f" and check that: gradcheck run {text.partition(':')[0]}:step."
    )


def _notes(kind: Kind, found: Found, reading: Reading) -> tuple[str, ...]:
    plan = found.plan.arguments
    built = ", ".join(f"{n}={plan[n]}" for n in kind.constructor if not (kind.fills and n == _FILLING))
    filled = f"; {OWNER}.{kind.fills}() each of {plan[_FILLING]}" if kind.fills else ""
    inputs = ", ".join(f"{n} {plan[n]}" for n in kind.inputs)
    notes = [f"{OWNER} = {kind.made.__name__}({built}){filled}; {'; '.join(reading.call.splitlines())}"]
    notes.append(f"driven with {inputs}: found by trying" if inputs else "its forward takes nothing")
    held = [f"{g} with {p}" for g, of in reading.gradients.items() if (p := reading.paths[of]).startswith(f"{OWNER}.")]
    if held:
        notes.append(f"paired {', '.join(held)}, by their names")
    return (*notes, *reading.guesses, *filter(None, [found.passed_over]))
