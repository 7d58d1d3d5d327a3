"""A layer or a network as an object: built with sizes that all differ, driven, and looked into afterwards."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck.adapters import parts as parts_of
from gradcheck.adapters.exampled import square_notes
from gradcheck.adapters.feeding import OPTIMIZER
from gradcheck.adapters.kinds import FILLING, OWNER, Kind, arguments_of, builder, enliven, methods_of
from gradcheck.adapters.pairs import beside
from gradcheck.adapters.plan import by_spec
from gradcheck.adapters.reading import Reading
from gradcheck.adapters.resizing import shapes_of
from gradcheck.adapters.seeking import Found
from gradcheck.adapters.seeking_objects import Sought, object_of_examples, seek_object
from gradcheck.adapters.trying import on_trial
from gradcheck.errors import UsageError
from gradcheck.target import Target


def target_of_class(
    text: str, module: ModuleType, kind: type, *, shapes: str | None = None, examples: bool = False
) -> Target:
    """A class with a forward and a backward. Raises UsageError where nothing is found that it takes."""
    forward, backward = methods_of(kind) or ("", "")
    own = arguments_of(kind)
    optimizer = parts_of.descent(module)
    fills = "" if any(map(parts_of.LAYERS.match, own)) else parts_of.fills(kind)
    asked = Kind(kind, forward, backward, fills=fills, optimizer=optimizer)
    given = {kind.__name__: kind, OPTIMIZER: optimizer}
    exampled: Sought | None = None
    if examples and not shapes:
        with on_trial(module, names=given) as sandbox:
            exampled = object_of_examples(sandbox, module, asked)
    with on_trial(module, names=given) as sandbox:
        objects = parts_of.objects(asked.constructor, _layers(module, kind), _others(module, kind), optimizer)
        fits = exampled is not None and exampled.goes_through
        sought = exampled if exampled and fits else seek_object(sandbox, asked, by_spec(shapes, asked.inputs), objects)
        sought = exampled if exampled and not sought.goes_through else sought
    found, asked = sought.found, sought.kind
    if found is None:
        raise _refused(text, sought)
    reading = found.reading(text, f"{kind.__name__}.{backward}")
    asks = sought.asks or found.asks
    draw = "_draw" if asked.call is None else "_example"
    return Target(
        text,
        module=module,
        setup=_setup(asked, reading, draw),
        call=reading.call,
        loss=reading.asked,
        grads=reading.told,
        names={
            **given,
            "_build": builder(asked, found.plan),
            draw: _drawing(asked, found, reading),
            "_enliven": enliven,
        },
        shapes=shapes or "",
        notes=_notes(asked, found, reading, asks if asked.call is not None or not sought.asks else ""),
        asks=asks,
        seeded=True,
        traced=True,
    )


# -- building it


def _setup(kind: Kind, reading: Reading, draw: str) -> str:
    names = [*kind.inputs, *reading.upstream, *reading.labels]
    held = [path for path in reading.paths.values() if path.startswith(f"{OWNER}.")]
    return "\n".join(
        (
            f"{OWNER} = _build(seed)",
            f"_enliven(seed, [{', '.join(held)}])",
            *([f"{', '.join(names)}{',' if len(names) == 1 else ''} = {draw}(seed)"] if names else []),
        )
    )


def _layers(module: ModuleType, but: type) -> list[tuple[type, tuple[str, ...]]]:
    """The module's other classes with a forward and a backward, and what they are built with."""
    return [one for one in _others(module, but) if methods_of(one[0])]


def _others(module: ModuleType, but: type) -> list[tuple[type, tuple[str, ...]]]:
    own = [o for o in vars(module).values() if isinstance(o, type) and o is not but]
    return [(o, arguments_of(o)) for o in dict.fromkeys(own)]


def _drawing(kind: Kind, found: Found, reading: Reading) -> Callable[[int], tuple[Any, ...]]:
    plan, made, of = found.plan, found.made, dict(zip(reading.upstream, reading.outputs))

    def draw(seed: int) -> tuple[Any, ...]:
        inputs = dict(zip(plan.arguments, plan.draw(seed)))
        return (*(inputs[n] for n in kind.inputs), *beside(made, of, reading.labels, seed).values())

    return draw


# -- telling it


def _refused(text: str, sought: Sought) -> UsageError:
    kind = sought.kind
    how = f"{kind.made.__name__}({', '.join(kind.constructor)}).{kind.forward}({', '.join(kind.inputs)})"
    told = f" It said: {sought.refused}." if sought.refused else ""
    return UsageError(
        f"TARGET {text!r}: nothing was found that {how} takes.{told} Write a function that builds it and runs one step,"
        f" and check that: gradcheck run {text.partition(':')[0]}:step."
    )


def _notes(kind: Kind, found: Found, reading: Reading, asks: str) -> tuple[str, ...]:
    plan = found.plan.arguments
    built = ", ".join(f"{n}={plan[n]}" for n in kind.constructor if not (kind.fills and n == FILLING))
    filled = f"; {OWNER}.{kind.fills}() each of {plan[FILLING]}" if kind.fills else ""
    inputs = ", ".join(f"{n} {plan[n]}" for n in kind.inputs)
    made = f"{kind.made.__name__}({built}){filled}"
    if kind.call is not None and kind.kept:
        made = f"the {kind.made.__name__} that is called at {kind.call.at}, as it was before that"
    notes = [f"{OWNER} = {made}; {'; '.join(reading.call.splitlines())}"]
    notes.append(f"driven with {inputs}: {found.plan.how}" if inputs else "its forward takes nothing")
    held = [f"{g} with {p}" for g, of in reading.gradients.items() if (p := reading.paths[of]).startswith(f"{OWNER}.")]
    if held:
        notes.append(f"paired {', '.join(held)}, by their names")
    squares: tuple[str, ...] = ()
    if kind.call is not None:
        made = builder(kind, found.plan)(0)
        parameters = {p: np.shape(eval(p, {OWNER: made})) for p in reading.paths.values() if p.startswith(f"{OWNER}.")}
        squares = square_notes({**shapes_of(found.plan.arguments), **parameters})
    return (*notes, *reading.guesses, *filter(None, [found.passed_over, asks]), *squares)
