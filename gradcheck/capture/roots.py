"""The numeric leaves of the state: parameters, inputs, step sizes; where each is held, and how to put another there."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck.capture.attributes import attributes, cells_of, class_attributes, held_by, set_attribute
from gradcheck.capture.contents import MISSING
from gradcheck.capture.places import fields_of
from gradcheck.capture.state import IsMine, Names, Root, Where, has_attributes

_Leaf = tuple[str, str, Any, Where]


def roots(namespaces: Iterable[Names], is_mine: IsMine) -> list[Root]:
    """Every array and float that can be reached, each object once with all of its places."""
    return roots_and_instances(namespaces, is_mine)[0]


def roots_and_instances(namespaces: Iterable[Names], is_mine: IsMine) -> tuple[list[Root], dict[int, str]]:
    """The roots, and the paths of the instances that were met on the way, by id."""
    found: dict[tuple[int, str], list[_Leaf]] = {}
    taken: set[str] = set()
    walk = _Walk(is_mine)
    for namespace in namespaces:
        for name, value in list(namespace.items()):
            # a global that bears the name of something the driver handed over is not what the code sees
            if isinstance(value, ModuleType):
                continue  # net, of a package that holds net.py, hides nobody's net
            if not name.startswith(("_", "@")) and (name not in taken or isinstance(value, np.ndarray)):
                path = f"{namespace.get('__name__', '')}.{name}" if name in taken else name
                taken.add(name)
                for leaf in walk.leaves(value, path, name, (namespace, (name,))):
                    # equal floats may be one object by chance, as two constants of one file are
                    same = "" if isinstance(leaf[2], np.ndarray) else leaf[1]
                    found.setdefault((id(leaf[2]), same), []).append(leaf)
    return list(map(_root, found.values())), walk.instances


def _root(group: list[_Leaf]) -> Root:
    """One root with all of its places, by the plainest of its names: W1, or layer.W, rather than params[0]."""
    plainest = sorted(group, key=lambda leaf: (not leaf[0].isidentifier(), not leaf[1].isidentifier()))
    path, name, value, _ = plainest[0]
    return Root(name, path, value, tuple(where for *_, where in group))


class _Walk:
    def __init__(self, is_mine: IsMine) -> None:
        self.is_mine = is_mine
        self.seen: set[int] = set()
        self.instances: dict[int, str] = {}

    def leaves(self, value: Any, path: str, name: str, where: Where) -> Iterator[_Leaf]:
        waiting = [(value, path, name, where)]
        while waiting:
            value, path, name, where = waiting.pop()
            kind = type(value)
            if issubclass(kind, (np.ndarray, float, np.floating)):
                if not issubclass(kind, np.ndarray) or value.dtype.kind in "fcbiu":
                    yield path, name, value, where
                continue
            if kind in (str, bytes, int, bool, ModuleType, type(None)) or id(value) in self.seen:
                continue
            self.seen.add(id(value))
            holder, steps = where
            below = []
            for key, child_path, child_name, child in self._children(value, path, name):
                inside = (holder, (*steps, key)) if issubclass(kind, tuple) else (value, (key,))
                below.append((child, child_path, child_name, inside))
            waiting += reversed(below)

    def _children(self, value: Any, path: str, name: str) -> Iterator[tuple[Any, str, str, Any]]:
        kind = type(value)
        if issubclass(kind, dict):
            for k, child in list(dict.items(value)):
                shown = repr(k) if type(k) in (str, int, float, bool, tuple) else "..."
                yield k, f"{path}[{shown}]", k if type(k) is str else f"{name}[{shown}]", child
        elif (fields := fields_of(kind)) is not None:
            for i, (field_name, child) in enumerate(zip(fields, tuple.__iter__(value))):
                yield i, f"{path}.{field_name}", field_name, child
        elif issubclass(kind, (list, tuple)):
            for i, child in enumerate((list if issubclass(kind, list) else tuple).__iter__(value)):
                yield i, f"{path}[{i}]", f"{name}[{i}]", child
        elif issubclass(kind, type):
            if self.is_mine(value):
                yield from ((k, f"{path}.{k}", k, c) for k, c in class_attributes(value).items() if _is_data(k, c))
        elif kind is FunctionType:
            if self.is_mine(value):
                cells = ((k, held_by(cell)) for k, cell in cells_of(value).items())
                yield from ((k, f"{path}.{k}", k, c) for k, c in cells if _is_data(k, c))
        elif has_attributes(kind, self.is_mine):
            self.instances[id(value)] = path
            own = attributes(value)
            yield from ((k, f"{path}.{k}", k, child) for k, child in own.items())
            yield "__class__", path, name, kind  # what the class holds is its instances' too


def _is_data(name: str, value: Any) -> bool:
    return not name.startswith("__") and value is not MISSING and not issubclass(type(value), (type, FunctionType))


def assign(place: Where, value: Any) -> None:
    """Put `value` at a place, rebuilding the tuples on the way."""
    holder, (first, *rest) = place
    if rest:
        value = _rebuilt(_get(holder, first), tuple(rest), value)
    kind = type(holder)
    if kind is FunctionType:
        cells_of(holder)[first].cell_contents = value
    elif issubclass(kind, list):
        list.__setitem__(holder, first, value)
    elif issubclass(kind, dict):
        dict.__setitem__(holder, first, value)
    else:
        set_attribute(holder, first, value)


def hander(place: Where) -> tuple[Callable[[Any], None], Callable[[], None]]:
    """`assign` to one place, time and again; and what puts back the very objects that were there before."""
    holder, (first, *rest) = place
    before = _get(holder, first)
    back = functools.partial(assign, (holder, (first,)), before)
    if not issubclass(type(holder), dict) or len(rest) > 1:
        return functools.partial(assign, place), back
    put = functools.partial(dict.__setitem__, holder, first)
    if not rest:
        return put, back
    kind, items, at = type(before), list(tuple.__iter__(before)), rest[0]

    def put_among(value: Any) -> None:
        items[at] = value
        put(tuple.__new__(kind, items))

    return put_among, back


def look(place: Where) -> Any:
    """What is at a place now."""
    holder, steps = place
    value = holder
    for step in steps:
        value = _get(value, step)
    return value


def _get(holder: Any, key: Any) -> Any:
    kind = type(holder)
    if kind is FunctionType:
        return held_by(cells_of(holder)[key])
    if issubclass(kind, type):
        return class_attributes(holder)[key]
    for base in (list, tuple, dict):
        if issubclass(kind, base):
            return base.__getitem__(holder, key)
    return attributes(holder)[key]


def _rebuilt(old: Any, steps: tuple[Any, ...], value: Any) -> Any:
    inner = _rebuilt(old[steps[0]], steps[1:], value) if len(steps) > 1 else value
    items = [*old[: steps[0]], inner, *old[steps[0] + 1 :]]
    return type(old)(*items) if hasattr(old, "_fields") else type(old)(items)
