"""What an object is put together from that is itself an object: layers of a container, a loss, an optimizer."""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck.adapters import names as by_name
from gradcheck.adapters.feeding import RATE, RATES
from gradcheck.adapters.inputs import required
from gradcheck.adapters.plan import Drawn, scalar_of
from gradcheck.adapters.sizes import sizes_of
from gradcheck.adapters.worlds import World

LAYERS = re.compile(r"(?i)_?(layers?|modules?|blocks?|layer_?list|stack|ops|operations|components)$")
LOSS = re.compile(r"(?i)_?(loss|criterion|cost|loss_?(fn|func|function|layer|class|obj\w*))$")
_KINDS = 4
"""Classes of layers with sizes that a container is tried with."""
ADDS = ("add", "add_layer", "append", "push", "addLayer", "append_layer")
"""Methods by which a container is filled."""
_Layer = tuple[type, tuple[str, ...]]
"""A class and the arguments that it is built with."""
Objects = Mapping[str, Callable[[World], list[Drawn]]]
"""What makes an argument, by its name."""


class Descent:
    """Stands for any optimizer that a layer may be handed: plain gradient descent, whatever its method is called.

    `swapped` are methods that take the gradient first, `in_place` those whose result the code has no use for.
    """

    def __init__(self, swapped: frozenset[str] = frozenset(), in_place: frozenset[str] = frozenset()) -> None:
        self._swapped, self._in_place = swapped, in_place

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return RATE if name.lower() in RATES else lambda *given, **named: self._step(name, [*given, *named.values()])

    def __call__(self, *given: Any) -> Any:
        return self._step("__call__", given)

    def __repr__(self) -> str:
        return "plain gradient descent"

    def _step(self, name: str, given: Sequence[Any]) -> Any:
        both = [g for g in given if isinstance(g, (np.ndarray, float, np.floating))][:2]
        if len(both) < 2:
            return None  # it is handed the layer itself, or told to begin: the gradients are looked up there
        value, gradient = reversed(both) if name in self._swapped else both
        if name in self._in_place and isinstance(value, np.ndarray):
            value -= RATE * gradient
            return value
        return value - RATE * gradient


def descent(module: ModuleType) -> Descent:
    """The optimizer as this module's layers call it."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return Descent()
    calls = (s.value for s in ast.walk(tree) if isinstance(s, ast.Expr) and isinstance(s.value, ast.Call))
    in_place = {c.func.attr for c in calls if isinstance(c.func, ast.Attribute)}
    methods = (
        f for c in ast.walk(tree) if isinstance(c, ast.ClassDef) for f in c.body if isinstance(f, ast.FunctionDef)
    )
    swapped = {f.name for f in methods if len(f.args.args) == 3 and _says_gradient(f.args.args[1].arg)}
    return Descent(frozenset(swapped), frozenset(in_place))


def _says_gradient(name: str) -> bool:
    return bool(re.match(r"(?i)(d_?w|g$|grad|gradient|nabla|delta)", name))


def stacks(layers: Sequence[_Layer], world: World, optimizer: Descent) -> Iterator[Drawn]:
    """Lists of a module's own layers that go together, the richest first."""
    first = [(layer, one) for layer in layers if (one := _built(layer, world, optimizer))]
    sized = [(layer, one) for layer, one in first if one.sized]
    plain = [one for _, one in first if not one.sized]
    for layer, one in sized[:_KINDS]:
        second = _built(layer, _next(world), optimizer)
        for between in (plain[:2], plain[:1], []):
            yield _stack([one, *between, *([second] if second else [])])
    if not sized:
        yield from (_stack([one]) for one in plain)


def _next(world: World) -> World:
    sizes = world.sizes
    return replace(world, sizes={**sizes, "d": sizes["h"], "h": sizes["k"]}) if "k" in sizes else world


def _stack(parts: Sequence[_Part]) -> Drawn:
    return Drawn(value=[part.made for part in parts], said=f"[{', '.join(part.said for part in parts)}]")


@dataclass(frozen=True, slots=True)
class _Part:
    """One layer of a stack."""

    made: Any
    said: str
    """As it is built."""
    sized: bool
    """Whether sizes went into it."""


def _built(layer: _Layer, world: World, optimizer: Descent) -> _Part | None:
    """One of them; None where something else is needed."""
    kind, names = layer
    given: dict[str, Any] = {}
    has_size = False
    for name in names:
        values = sizes_of(name, names, world)
        if by_name.OPTIMIZERS.match(name):
            given[name] = optimizer
        elif values:
            given[name], has_size = values[0], True
        elif (value := scalar_of(name, world)) is not None:
            given[name] = value
        else:
            return None
    made = _try(lambda: kind(**given))
    begin(made, optimizer)
    said = f"{kind.__name__}({', '.join(f'{n}={v!r}' for n, v in given.items())})"
    return _Part(made, said, has_size) if made is not None else None


def losses(classes: Sequence[_Layer]) -> Iterator[Drawn]:
    """Loss objects of the module that need no arguments, and their classes."""
    for kind, names in classes:
        if not names and re.search(r"(?i)loss|entropy|mse|cost|error", kind.__name__):
            made = _try(kind)
            if made is not None:
                yield Drawn(value=made, said=f"{kind.__name__}()")
                yield Drawn(value=kind, said=kind.__name__)


def begin(made: Any, optimizer: Descent) -> None:
    """Have an object make its parameters that does so when it is handed an optimizer, or on request."""
    for name in ("initialize", "initialise", "init_weights", "init_params", "initialize_weights"):
        method = getattr(made, name, None)
        wanted = required(method) if callable(method) else [""]
        if callable(method) and all(map(by_name.OPTIMIZERS.match, wanted)):
            _try(functools.partial(method, *(copy.copy(optimizer) for _ in wanted)))


def _try(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception:  # whatever the user's constructor says to a guess
        return None


def fills(kind: type) -> str:
    """The method by which a container without layers of its own is filled; "" where there is none."""
    return next((name for name in ADDS if inspect.isfunction(inspect.getattr_static(kind, name, None))), "")


def objects(names: Sequence[str], layers: Sequence[_Layer], classes: Sequence[_Layer], optimizer: Descent) -> Objects:
    """What constructor arguments may be that are objects of the module's own classes, by name."""
    found: dict[str, Callable[[World], list[Drawn]]] = {}
    for name in names:
        if LAYERS.match(name):
            found[name] = lambda world: list(stacks(layers, world, optimizer))
        elif by_name.OPTIMIZERS.match(name):
            found[name] = lambda _: [Drawn(value=optimizer)]
        elif LOSS.match(name):
            found[name] = lambda _: list(losses(classes))
    return found
