"""Places that an assignment leads to, such as self.layers[0].W: found in the source, and reached at run time.

They are reached without running any code of the user's: a property or a container of the user's own is not asked.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

Step = str | tuple[Any]
"""An attribute's name, or an index in a tuple of one."""

NOTHING = object()
"""What is found where there is nothing, or where only the user's code could tell."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place as the source has it."""

    name: str
    """As written: self.dW, grads['W1']; without the indices into an array."""
    last: str
    """dW, W1."""
    root: str
    """The name that it starts from."""
    steps: tuple[ast.expr, ...]
    """The way from there, as expressions of steps."""
    rest: tuple[ast.expr, ...]
    """Indices behind it: into an array, or into a list that holds the array."""

    def arguments(self) -> tuple[ast.expr, ...]:
        """The place as arguments of a call: the root's value, the steps, the rest."""
        return (
            ast.Name(self.root, ast.Load()),
            ast.Tuple(list(self.steps), ast.Load()),
            ast.Tuple(list(self.rest), ast.Load()),
        )


def place_of(target: ast.expr, class_name: str, *, edited: bool = False, entry: bool = False) -> Place | None:
    """The place that a target is; with `edited` the array that the target is a part of, or with `entry` may be itself.

    None where it can't be reached again by names and constants alone.
    """
    rest: list[ast.expr] = []
    if edited:
        assert isinstance(target, ast.Subscript)
        if entry and (own := _index(target)) is not None:
            rest.append(own)
        target = target.value
        while isinstance(target, ast.Subscript) and not _is_key(target.slice):
            index = _index(target)
            rest = [index, *rest] if index is not None else []
            target = target.value
    steps: list[ast.expr] = []
    way = target
    while not isinstance(way, ast.Name):
        if isinstance(way, ast.Attribute):
            steps.insert(0, ast.Constant(_mangled(way.attr, class_name)))
        elif isinstance(way, ast.Subscript) and (index := _index(way)) is not None:
            steps.insert(0, index)
        else:
            return None
        way = way.value
    return Place(ast.unparse(target), last_name(target), way.id, tuple(steps), tuple(rest))


_WHOLE = frozenset({"T", "flat", "mT", "real"})
"""Attributes of an array that show the same memory."""
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_WRITERS = frozenset(
    "at copyto fill fill_diagonal itemset partition place put put_along_axis putmask setitem shuffle sort"
    " __iadd__ __imul__ __isub__ __itruediv__ __setitem__".split()
)
"""Methods and functions that write into an array they are handed, by name."""


def written_by(node: ast.stmt, class_name: str) -> Iterator[Place]:
    """Places whose array a statement may write into otherwise than by a plain subscript or an augmented assignment.

    np.add.at(dE, ids, d), np.multiply(dW, m, out=dW), dW.fill(0), dW.flat[0] = 0: a call that stands alone may write
    into whatever it is handed, one within an expression into its `out`. Of grads[k] that is the entry, if grads is no
    array itself.
    """
    found: dict[str, Place] = {}
    for expression in _written(node):
        whole, part = _whole(expression)
        if part is not None:
            place = place_of(part, class_name, edited=True, entry=True)
        else:
            place = place_of(whole, class_name) if isinstance(whole, (ast.Name, ast.Attribute, ast.Subscript)) else None
        if place is not None:
            found.setdefault(f"{place.name}{[ast.unparse(step) for step in place.rest]}", place)
    yield from found.values()


def added_at(node: ast.stmt) -> tuple[ast.expr, ast.expr] | None:
    """(W, lr * d) of np.add.at(W, ids, lr * d) and np.subtract.at(W, ids, lr * d), which move W; None of all else."""
    match node:
        case ast.Expr(ast.Call(ast.Attribute(ast.Attribute(attr="add" | "subtract"), "at"), [target, _, by])):
            return target, by
    return None


def _written(node: ast.stmt) -> Iterator[ast.expr]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    for target in targets:
        if isinstance(target, ast.Subscript) and not isinstance(target.value, ast.Name):
            yield target.value
    alone = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    for call in _certain(node):
        if isinstance(call, ast.Call):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if alone or name in _WRITERS:
                yield from (call.func.value,) if isinstance(call.func, ast.Attribute) else ()
                yield from (a.value if isinstance(a, ast.Starred) else a for a in call.args)
                yield from (k.value for k in call.keywords)
            else:
                yield from (k.value for k in call.keywords if k.arg == "out")


def _certain(node: ast.AST) -> Iterator[ast.AST]:
    """What is surely run where a simple statement is, with names of the statement's own scope."""
    if isinstance(node, (ast.BoolOp, ast.IfExp, ast.Compare, ast.Lambda, *_COMPREHENSIONS)):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _certain(child)


def _whole(expression: ast.expr) -> tuple[ast.expr, ast.Subscript | None]:
    """What an expression is a view of, dW of dW.T, dW[0] and dW.reshape(-1); and dW[0], if an index is next to it."""
    part = None
    while True:
        match expression:
            case ast.Call(func=ast.Attribute(value=value)):
                part = None
            case ast.Attribute(value=value, attr=name) if name in _WHOLE:
                part = None
            case ast.Subscript(value=value, slice=index) if not _is_key(index):
                part = expression
            case _:
                return expression, part
        expression = value


def last_name(target: ast.expr) -> str:
    """W1 of self.W1 and of grads['W1']; layers[0] of net.layers[0]."""
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript):
        if _is_key(target.slice):
            return str(target.slice.value)  # type: ignore[attr-defined]
        return f"{last_name(target.value)}[{ast.unparse(target.slice)}]"
    return ast.unparse(target)


def _index(node: ast.Subscript) -> ast.expr | None:
    """The index in a tuple of its own, so that it is told from an attribute's name."""
    index = node.slice
    if isinstance(index, ast.Constant):
        return ast.Tuple([ast.Constant(index.value)], ast.Load())
    return ast.Tuple([ast.Name(index.id, ast.Load())], ast.Load()) if isinstance(index, ast.Name) else None


def _is_key(index: ast.expr) -> bool:
    return isinstance(index, ast.Constant) and isinstance(index.value, str)


def _mangled(name: str, class_name: str) -> str:
    owner = class_name.lstrip("_")
    return f"_{owner}{name}" if owner and name.startswith("__") and not name.endswith("__") else name


def reach(value: Any, step: Step) -> Any:
    """What one step leads to, or NOTHING."""
    if isinstance(step, str):
        return _attribute(value, step)
    (index,) = step
    kind = type(value)
    if type(index) not in (int, str, bool, float):
        return NOTHING
    try:
        if issubclass(kind, dict):
            return dict.get(value, index, NOTHING)
        for base in (list, tuple):
            if issubclass(kind, base):
                return base.__getitem__(value, index)
    except (LookupError, TypeError):
        pass
    return NOTHING


def _attribute(value: Any, name: str) -> Any:
    kind = type(value)
    if issubclass(kind, type):
        return _of_classes(type.mro(value), name)
    own = instance_dict(value)
    if name == "__dict__":
        return NOTHING if own is None else own
    instead = _instead_of_its_own(kind, name)  # type: ignore[arg-type]
    if instead is None:
        return own.get(name, NOTHING) if own is not None else NOTHING
    try:
        return instead.__get__(value) if type(instead) is MemberDescriptorType else NOTHING
    except AttributeError:
        return NOTHING


@functools.lru_cache(2048)
def _instead_of_its_own(kind: type, name: str) -> Any:
    """What a class has that comes before an instance's own attribute: a slot or a property; None for nothing."""
    held = _of_classes(kind.__mro__, name)
    return held if held is not NOTHING and hasattr(type(held), "__set__") else None


def _of_classes(classes: Iterable[type], name: str) -> Any:
    """What the first of some classes holds under a name."""
    return next((c.__dict__[name] for c in classes if name in c.__dict__), NOTHING)


def instance_dict(value: Any) -> dict[str, Any] | None:
    """The dictionary of an instance's or module's own attributes, whatever its class makes of attribute access."""
    kind = type(value)
    if issubclass(kind, ModuleType):
        own: dict[str, Any] = vars(value)
        return own
    held = _holds_attributes(kind)  # type: ignore[arg-type]
    found = held.__get__(value) if held is not None else None
    return found if type(found) is dict else None


@functools.lru_cache(256)
def _holds_attributes(kind: type) -> GetSetDescriptorType | MemberDescriptorType | None:
    held = _of_classes(kind.__mro__, "__dict__")
    return held if isinstance(held, (GetSetDescriptorType, MemberDescriptorType)) else None


def fields_of(kind: type) -> tuple[str, ...] | None:
    """The names of a named tuple's fields; None of anything else."""
    fields = getattr(kind, "_fields", None) if issubclass(kind, tuple) else None
    return fields if isinstance(fields, tuple) else None
