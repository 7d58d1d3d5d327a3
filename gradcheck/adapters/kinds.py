"""A class with a forward and a backward: what it is called with, and how an object of it is built."""

from __future__ import annotations

import ast
import functools
import inspect
import random
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np

from gradcheck.adapters import holding
from gradcheck.adapters import parts as parts_of
from gradcheck.adapters.inputs import required
from gradcheck.adapters.names import OPTIMIZERS
from gradcheck.adapters.overheard import Call
from gradcheck.adapters.plan import Plan, is_penalty
from gradcheck.adapters.sizes import sizes_of
from gradcheck.adapters.trying import copied
from gradcheck.adapters.worlds import WORLDS

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
FILLING = "layers"
"""What the plan calls layers that a container is filled with."""


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
    call: Call | None = None
    """The example call that it is driven by; None where it is driven by trying."""
    kept: bool = False
    """Whether it is taken as that call has it, rather than built anew."""

    @property
    def inputs(self) -> list[str]:
        """Arguments of its forward."""
        if self.call is not None:
            return list(self.call.arguments)
        return required(functools.partial(getattr(self.made, self.forward), None))

    @property
    def constructor(self) -> tuple[str, ...]:
        """Arguments that it is built with."""
        if self.call is not None:
            return () if self.kept else tuple(self.call.constructor or ())
        return (*arguments_of(self.made), *([FILLING] if self.fills else []))


def arguments_of(kind: type) -> tuple[str, ...]:
    """Arguments that a class is built with: those that it must have, and those that are sizes."""
    if kind.__init__ is object.__init__:  # type: ignore[misc]
        return ()
    try:
        parameters = list(inspect.signature(kind).parameters.values())
    except ValueError:
        return ()  # an exception's, or of another class without one
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


def built(
    kind: type, constructor: Sequence[str], plan: Plan, optimizer: parts_of.Descent, fills: str = ""
) -> Callable[[int], Any]:
    """What builds an object, by a seed; `optimizer` is for one that asks for it to begin, `fills` takes its layers."""
    filling = FILLING if fills else ""

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


def builder(kind: Kind, plan: Plan) -> Callable[[int], Any]:
    if kind.call is not None and kind.kept:
        made = kind.call.made
        return lambda _: copied(made)
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
