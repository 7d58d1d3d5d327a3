"""A forward and a backward function of a module as a target: inputs found, the reading settled, both told."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from gradcheck.adapters.exampled import Exampled, from_examples
from gradcheck.adapters.inputs import required
from gradcheck.adapters.pairs import Pair, beside
from gradcheck.adapters.plan import Drawn, Plan, by_spec
from gradcheck.adapters.reading import Reading, one_line
from gradcheck.adapters.seeking import Found, found_with, seek
from gradcheck.adapters.taking import leaves_of
from gradcheck.adapters.trying import Sandbox, on_trial
from gradcheck.errors import TargetError, UsageError
from gradcheck.target import Target


def target_of_pair(
    text: str,
    module: ModuleType,
    pair: Pair,
    *,
    call: str | None = None,
    shapes: str | None = None,
    examples: bool = False,
) -> Target:
    """A pair, driven with what `call` or `shapes` say, else as an example call has it, else with what is found by
    trying.

    Raises UsageError where nothing can be found that the forward takes, or where it can't be told what is what.
    """
    names = {pair.f: pair.forward, pair.b: pair.backward}
    exampled = Exampled()
    if examples and not call and not shapes:
        with on_trial(module, names=names) as sandbox:
            exampled = from_examples(sandbox, module, pair)
    with on_trial(module, names=names) as sandbox:
        if call:
            found = _given(sandbox, text, module, pair, call)
        else:
            found = _sought(sandbox, text, pair, by_spec(shapes, required(pair.forward)), exampled)
    reading = found.reading(text, pair.b)
    draw = "_example" if found is exampled.found else "_draw"
    return Target(
        text,
        module=module,
        setup=_binding(found.plan, reading, draw),
        call=reading.call,
        loss=reading.asked,
        grads=reading.told,
        names={**names, draw: _drawing(found, reading)},
        shapes=shapes or "",
        notes=(*_notes(pair, found, reading, "by --shapes" if shapes else ""), *exampled.notes),
        asks=(exampled.asks if found is exampled.found else "") or found.asks,
        seeded=True,
        traced=True,
    )


# -- what it is driven with


def _sought(sandbox: Sandbox, text: str, pair: Pair, known: Mapping[str, Drawn], exampled: Exampled) -> Found:
    if exampled.found is not None and exampled.fits:
        return exampled.found
    sought = seek(sandbox, pair, known)
    if exampled.found is not None and (sought.found is None or sought.found.settled.taken is None):
        return exampled.found
    if sought.found is None:
        names = required(pair.forward)
        said = f" It said: {sought.refused}." if sought.refused else ""
        said += "".join(f" {note[0].upper()}{note[1:]}." for note in exampled.notes)
        raise UsageError(
            f"TARGET {text!r}: nothing was found that {pair.f}({', '.join(names)}) takes.{said} Say what it is called"
            f' with, --call "{pair.f}(...)", or the shapes, --shapes "{" ".join(f"{n}:(...)" for n in names)}".'
        )
    return sought.found


def _given(sandbox: Sandbox, text: str, module: ModuleType, pair: Pair, call: str) -> Found:
    plan = plan_of_call(module, pair.forward, pair.f, call)
    found = found_with(sandbox, pair, plan)
    if found is None:
        said = sandbox.run(f"{pair.f}({', '.join(plan.arguments)})", dict(zip(plan.arguments, plan.draw(0)))).said
        raise TargetError(f"TARGET {text!r}: --call {call!r} raised {said}")
    return found


def plan_of_call(module: ModuleType, function: Callable[..., Any], name: str, call: str) -> Plan:
    """What a call that the user wrote hands over. Raises UsageError for what isn't a call of this function."""
    try:
        tree = ast.parse(call.strip(), mode="eval").body
    except SyntaxError as error:
        raise UsageError(f"--call {call!r} is not a Python expression: {error.msg}.") from None
    if not isinstance(tree, ast.Call) or ast.unparse(tree.func).rpartition(".")[2] != name:
        raise UsageError(f'--call {call!r}: expected a call of {name}, e.g. --call "{name}(...)".')
    tree.func = ast.Name("_bound", ast.Load())
    code = compile(ast.fix_missing_locations(ast.Expression(tree)), "<--call>", "eval")
    try:
        bound = eval(code, {**vars(module), "_bound": inspect.signature(function).bind})
    except Exception as error:
        raise UsageError(f"--call {call!r} raised {type(error).__name__}: {error}") from None
    return Plan({n: Drawn(value=v) for n, v in bound.arguments.items()}, "from --call")


# -- how it is read


def _binding(plan: Plan, reading: Reading, draw: str) -> str:
    names = [*plan.arguments, *reading.upstream, *reading.labels]
    return f"{', '.join(names)}{',' if len(names) == 1 else ''} = {draw}(seed)"


def _drawing(found: Found, reading: Reading) -> Callable[[int], tuple[Any, ...]]:
    plan, made, of = found.plan, found.made, dict(zip(reading.upstream, reading.outputs))
    labels = reading.labels
    return lambda seed: (*plan.draw(seed), *beside(made, of, labels, seed).values())


def _notes(pair: Pair, found: Found, reading: Reading, how: str) -> tuple[str, ...]:
    driven = f"driven with {found.plan}: {how or found.plan.how}"
    notes = [
        f"paired {pair.f} with {pair.b}: {one_line(reading)}",
        driven,
        *reading.guesses,
        *filter(None, [found.passed_over, found.asks]),
    ]
    notes += [f"it can be read otherwise too: {one_line(o.reading)}" for o in found.settled.others]
    without = [n for n in leaves_of(dict(zip(found.plan.arguments, found.plan.draw(0)))) if n not in _owned(reading)]
    if without and reading.gradients:
        notes.append(f"{pair.b} returns no gradient of {', '.join(without)}")
    return tuple(notes)


def _owned(reading: Reading) -> set[str]:
    return set(reading.gradients.values())
