"""A function or a method that returns a loss and its gradients: `loss, grads = f(W, X, y, reg)`, `net.loss(X, y)`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck import conventions
from gradcheck.adapters import holding
from gradcheck.adapters import names as by_name
from gradcheck.adapters.exampled import between, plans, square_notes
from gradcheck.adapters.examples import example_calls
from gradcheck.adapters.kinds import OWNER, arguments_of, built, enliven
from gradcheck.adapters.mirrored import mirrored
from gradcheck.adapters.overheard import Call
from gradcheck.adapters.parts import Descent
from gradcheck.adapters.plan import BY_TRYING, Drawn, Plan, annotations_of, is_penalty, reads_logarithms, trials
from gradcheck.adapters.reading import Reading, explains, outcome
from gradcheck.adapters.resizing import shapes_of
from gradcheck.adapters.taking import leaves_of, shape_of, taken_apart
from gradcheck.adapters.trying import Sandbox, copied, on_trial
from gradcheck.errors import UsageError
from gradcheck.target import Target

LOSS = "returned_loss"
_LOSS = re.compile(r"(?i)loss|cost|objective|error|energy|nll|^j$")
_GRADS = re.compile(r"(?i)^_?(g|delta|\w*grads?|\w*gradients?|nabla\w*|jac|der\w*|d_?params)$")


def returns_gradients(function: Callable[..., Any]) -> bool:
    """Whether a function, as it is written, returns a loss and then gradients."""
    definition = by_name.definition(function)
    return definition is not None and any(
        _is_both(node.value, definition.name)
        for node in ast.walk(definition)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)
    )


def _is_both(returned: ast.Tuple, function: str) -> bool:
    first, *rest = returned.elts
    if isinstance(first, ast.Name) and conventions.bases(first.id):
        return False
    told = _LOSS.search(ast.unparse(first)) or _LOSS.search(function)
    return bool(told) and any(_may_be_gradients(part, function) for part in rest)


def _may_be_gradients(part: ast.expr, function: str) -> bool:
    if isinstance(part, ast.Name):
        return bool(_GRADS.match(part.id) or conventions.bases(part.id))
    if isinstance(part, ast.BinOp) and isinstance(part.op, (ast.Div, ast.Mult)):
        return any(_may_be_gradients(side, function) for side in (part.left, part.right))  # loss, dx / m
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
        return bool(_GRADS.match(part.func.id.lower())) or "grad" in function
    return isinstance(part, (ast.Dict, ast.Tuple, ast.List)) or "grad" in function


def method_of(kind: type) -> str:
    """The name of a class's method that returns a loss, with its gradients or with another method for these."""
    methods = _methods(kind)
    both = next((n for n in methods if returns_gradients(getattr(kind, n))), "")
    return both or next((n for n in methods if gradients_beside(kind, n)), "")


def gradients_beside(kind: type, loss: str) -> str:
    """The method that returns the gradients of a loss that another one returns, `net.gradient(x, t)` beside
    `net.loss(x, t)`; "" for none."""
    if not _LOSS.search(loss) or by_name.stem_of_backward(loss) is not None:
        return ""
    wanted, stems = _inputs(getattr(kind, loss)), ((), by_name.stem_of_forward(loss))
    fitting = (n for n in _methods(kind) if n != loss and by_name.stem_of_backward(n) in stems)
    return next((n for n in fitting if len(wanted) > 1 and _inputs(getattr(kind, n)) == wanted), "")


def _methods(kind: type) -> list[str]:
    plain = (n for n in dir(kind) if not n.startswith("__"))
    return [n for n in plain if isinstance(inspect.getattr_static(kind, n, None), FunctionType)]


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is called."""

    call: str
    """loss_function, layer.loss"""
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    made: type | None = None
    constructor: tuple[str, ...] = ()
    held: Any = None
    """The object as an example call had it, which takes the place of one that is built."""
    asks: str = ""
    """What is for the user to say."""
    beside: str = ""
    """layer.gradient, where the call returns no gradients; "" where it does."""

    def builder(self, plan: Plan) -> Callable[[int], Any] | None:
        """What makes the object whose method is called; None for a function."""
        if self.held is not None:
            return lambda _: copied(self.held)
        return None if self.made is None else built(self.made, self.constructor, plan, Descent())


@dataclass(frozen=True, slots=True)
class _Found:
    plan: Plan
    lines: tuple[str, ...]
    gradients: Mapping[str, str]
    paths: Mapping[str, str]


def target_of_loss(
    text: str, module: ModuleType, subject: Any, *, shapes: str | None = None, examples: bool = False
) -> Target:
    """A function, or a class with a method, that returns a loss and gradients. Raises UsageError for what can't be
    driven or returns none."""
    asked = _subject(subject)
    draw_by, found, said = "_draw", None, ""
    if examples and not shapes:
        with on_trial(module, names={subject.__name__: subject}) as sandbox:
            draw_by, (found, asked) = "_example", _exampled(sandbox, module, asked)
    if found is None:
        with on_trial(module, names={subject.__name__: subject}) as sandbox:
            draw_by, (found, said) = "_draw", _sought(sandbox, module, asked)
    if found is None:
        how = f"{asked.call}({', '.join(asked.inputs)})"
        raise UsageError(
            f"TARGET {text!r}: nothing was found for which {how} returns a loss and gradients. It said: {said}."
            f" Write a function that calls it, and check that: gradcheck run {text.partition(':')[0]}:step."
        )
    names, plan = asked.inputs, found.plan
    held = [p for p in found.paths.values() if p.startswith(f"{OWNER}.")]

    def draw(seed: int) -> tuple[Any, ...]:
        drawn = dict(zip(plan.arguments, plan.draw(seed)))
        return tuple(drawn[n] for n in names)

    setup = [f"{', '.join(names)}{',' if len(names) == 1 else ''} = {draw_by}(seed)"] if names else []
    given: dict[str, Any] = {subject.__name__: subject, draw_by: draw}
    build = asked.builder(plan)
    if build is not None:
        setup = [f"{OWNER} = _build(seed)", f"_enliven(seed, [{', '.join(held)}])", *setup]
        given |= {"_build": build, "_enliven": enliven}
    sure = {g for g, of in found.gradients.items() if found.paths[of] == of and of in conventions.bases(g)}
    return Target(
        text,
        module=module,
        setup="\n".join(setup),
        call="\n".join(found.lines),
        grads={g: found.paths[of] for g, of in found.gradients.items() if g not in sure},
        names=given,
        shapes=shapes or "",
        notes=(*_notes(asked, found), *filter(None, [asked.asks])),
        asks=asked.asks,
        seeded=True,
        traced=True,
    )


def _subject(subject: Any) -> _Subject:
    if isinstance(subject, type):
        name = method_of(subject)
        function = getattr(subject, name)
        inputs = _inputs(function)[1:]
        beside = "" if returns_gradients(function) else f"{OWNER}.{gradients_beside(subject, name)}"
        return _Subject(f"{OWNER}.{name}", function, tuple(inputs), subject, arguments_of(subject), beside=beside)
    return _Subject(subject.__name__, subject, tuple(_inputs(subject)))


def _inputs(function: Callable[..., Any]) -> list[str]:
    """What must be handed over, and what has a default that hides the gradients: no labels, no penalty."""
    parameters = [p for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    found = []
    for p in parameters:
        hides = (p.default is None and by_name.LABELS.match(p.name)) or is_penalty(p.name)
        if p.default is not p.empty and not hides:
            break
        found.append(p.name)
    return found


# -- finding what it takes


def _sought(sandbox: Sandbox, module: ModuleType, asked: _Subject) -> tuple[_Found | None, str]:
    names = list(dict.fromkeys((*asked.constructor, *asked.inputs)))
    annotations = {**annotations_of(asked.function), **(annotations_of(asked.made) if asked.made else {})}
    likely = reads_logarithms(asked.function)
    first: _Found | None = None
    refused = ""
    # what the module has under the very names of the arguments is what its author calls it with
    own = {n: Drawn(value=v) for n in asked.inputs if isinstance(v := vars(module).get(n), np.ndarray)}

    def planned() -> Iterator[Plan]:
        for known in [own, {}] if own else [{}]:
            how = f"the module's own {' and '.join(known)}" if known else BY_TRYING
            for trial in trials(
                names, asked.call, annotations, labels=True, known=known, sized=asked.constructor, likely=likely
            ):
                trial.arguments(0)
                yield replace(trial.plan(), how=how)

    for plan in planned():
        if sandbox.time_is_up and refused:
            break
        found, said = _tried(sandbox, asked, plan)
        refused = refused or said
        if found is not None and _fits(sandbox, asked, found):
            return found, ""
        first = first or found
    return first, refused


def _exampled(sandbox: Sandbox, module: ModuleType, asked: _Subject) -> tuple[_Found | None, _Subject]:
    """By the first example call for which it returns a loss and gradients; what it is called by then."""
    for call in example_calls(module, asked.function, asked.made):
        sandbox.put_back()
        for one, arguments in _ways(asked, call):

            def takes(plan: Plan, seed: int, one: _Subject = one) -> bool:
                return _tried(sandbox, one, plan, seed)[0] is not None

            tried = [
                _tried(sandbox, one, plan)[0] for plan in plans(call, arguments, takes, lambda: sandbox.time_is_up)
            ]
            found = [f for f in tried if f is not None]
            if found:
                taken, asks = between(found, _arguments, lambda f, one=one: _explained(sandbox, one, f))  # type: ignore[misc]
                return taken, replace(one, asks=asks)
    sandbox.put_back()
    return None, asked


def _arguments(found: _Found) -> Mapping[str, Drawn]:
    return found.plan.arguments


def _explained(sandbox: Sandbox, asked: _Subject, found: _Found) -> bool:
    build = asked.builder(found.plan)
    if build is not None:
        sandbox.before = lambda: {OWNER: build(0)}
    inputs = {n: v for n, v in zip(found.plan.arguments, found.plan.draw(0)) if n in asked.inputs}
    reading = Reading("\n".join(found.lines), (LOSS,), (), found.gradients, found.paths, scalar=LOSS)
    return explains(sandbox, outcome(sandbox, reading, inputs, {}), 0)


def _ways(asked: _Subject, call: Call) -> Iterator[tuple[_Subject, Mapping[str, Any]]]:
    """An object is built anew where what that takes is known, else taken as it was; with all arguments."""
    inputs = tuple(call.arguments)
    constructor = call.constructor if asked.made is not None else {}
    if constructor is not None and not constructor.keys() & set(inputs):
        yield replace(asked, inputs=inputs, constructor=tuple(constructor)), {**constructor, **call.arguments}
    if asked.made is not None:
        yield replace(asked, inputs=inputs, constructor=(), held=call.made), call.arguments


def _tried(sandbox: Sandbox, asked: _Subject, plan: Plan, seed: int = 0) -> tuple[_Found | None, str]:
    build = asked.builder(plan)
    if build is not None:
        sandbox.before = lambda: {OWNER: build(seed)}
    inputs = {n: v for n, v in zip(plan.arguments, plan.draw(seed)) if n in asked.inputs}
    given = ", ".join(inputs)
    whole = f"({asked.call}({given}), {asked.beside}({given}))" if asked.beside else f"{asked.call}({given})"
    tried = sandbox.run(f"_result = {whole}", copied(inputs))
    if not tried:
        return None, tried.said
    result = tried.names["_result"]
    if not isinstance(result, tuple) or len(result) < 2 or not _is_a_loss(result[0]):
        return None, f"{asked.call} returned {type(result).__name__}, not a finite loss and gradients"
    paths = leaves_of(inputs)
    values = {n: eval(p, {}, dict(inputs)) for n, p in paths.items()}
    if asked.made is not None:
        held = {holding.driver_name(leaf): leaf for leaf in holding.leaves(tried.names[OWNER], OWNER)}
        own = {n: leaf for n, leaf in held.items() if n not in values and not holding.is_passing(n)}
        paths = {**{n: leaf.path for n, leaf in own.items()}, **paths}
        values = {**{n: leaf.value for n, leaf in own.items()}, **values}
    found = _apart(asked, plan, inputs, result, values, paths)
    return found, "" if found else f"nothing in what {asked.call} returned is the gradient of anything"


def _is_a_loss(value: Any) -> bool:
    return shape_of(value) is not None and np.size(value) == 1 and bool(np.all(np.isfinite(value)))


def _apart(
    asked: _Subject,
    plan: Plan,
    inputs: Mapping[str, Any],
    result: tuple[Any, ...],
    values: Mapping[str, Any],
    paths: Mapping[str, str],
) -> _Found | None:
    own = by_name.returned(asked.function, len(result))
    taken = [*inputs, LOSS, OWNER]
    call = f"{asked.call}({', '.join(inputs)})"
    rest = result[1] if len(result) == 2 else tuple(result[1:])
    nested = None if asked.beside else mirrored("grads", rest, inputs, taken)
    if nested is not None:
        first = f"{LOSS}, {'' if len(result) == 2 else '*'}grads = {call}"
        return _Found(plan, (first, *nested.lines), nested.gradients, nested.paths)
    if asked.beside:
        count = len(result[1]) if isinstance(result[1], (tuple, list)) else 1
        own = by_name.returned(getattr(asked.made, asked.beside.rpartition(".")[2]), count)
        apart = taken_apart(f"{asked.beside}({', '.join(inputs)})", result[1], own, values, taken)
        lines = () if apart is None else (f"{LOSS} = {call}", *apart.lines)
    elif len(result) == 2 and isinstance(result[1], (dict, tuple, list)):
        apart = taken_apart("grads", result[1], [None] * len(result[1]), values, taken)
        named = [] if apart is None else [line for line in apart.lines if line != "grads = grads"]
        lines = (f"{LOSS}, grads = {call}", *named)
    else:
        apart = taken_apart("", tuple(result[1:]), own[1:], values, taken)
        lines = () if apart is None else (f"{LOSS}, {apart.lines[0].rpartition(' = ')[0].rstrip(',')} = {call}",)
    if apart is None or not apart.gradients:
        return None
    return _Found(plan, lines, apart.gradients, {of: paths[of] for of in apart.gradients.values()})


def _fits(sandbox: Sandbox, asked: _Subject, found: _Found) -> bool:
    """Whether every gradient has its array's shape."""
    inputs = {n: v for n, v in zip(found.plan.arguments, found.plan.draw(0)) if n in asked.inputs}
    tried = sandbox.run("\n".join(found.lines), copied(inputs))
    names = {**inputs, **({OWNER: tried.names[OWNER]} if asked.made else {})}
    return bool(tried) and all(
        shape_of(tried.names.get(g)) == np.shape(eval(found.paths[of], {}, names)) for g, of in found.gradients.items()
    )


def _notes(asked: _Subject, found: _Found) -> tuple[str, ...]:
    plan = found.plan.arguments
    built_with = "as it was there" if asked.held is not None else ", ".join(f"{n}={plan[n]}" for n in asked.constructor)
    made = f"{OWNER} = {asked.made.__name__}({built_with}); " if asked.made is not None else ""
    return (
        f"{made}{'; '.join(found.lines)}",
        f"driven with {', '.join(f'{n} {plan[n]}' for n in asked.inputs)}: {found.plan.how}",
        *(square_notes(shapes_of(plan)) if found.plan.how != BY_TRYING else ()),
    )
