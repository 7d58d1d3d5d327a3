"""The user's state: what a run may change, saved before it and put back after it.

State is what can be reached from the driver's names and the globals of the project's own modules: arrays, containers,
instances of the project's classes, random generators, and the global generators of NumPy and Python.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Namespace = MutableMapping[str, Any]
IsMine = Callable[[type], bool]


@dataclass(frozen=True, slots=True)
class Root:
    """A numeric leaf of the state, and every place that holds it."""

    name: str
    """Its last name: W1 for parameters['W1']."""
    path: str
    """W1, parameters['W1'], net.W1."""
    value: Any
    """The array or float itself."""
    places: tuple[tuple[Any, tuple[Any, ...]], ...]
    """(mutable container, steps down from it): the steps after the first lead through tuples only."""


def roots(namespaces: Iterable[Namespace], is_mine: IsMine) -> list[Root]:
    """Every array and float that can be reached, each object once with all of its places."""
    found: dict[int, list[tuple[str, str, Any, tuple[Any, tuple[Any, ...]]]]] = {}
    taken: set[str] = set()
    seen: set[int] = set()
    for namespace in namespaces:
        for name, value in list(namespace.items()):
            # a global that bears the name of something the driver handed over is not what the code sees
            if not name.startswith(("_", "@")) and (name not in taken or isinstance(value, np.ndarray)):
                path = f"{namespace.get('__name__', '')}.{name}" if name in taken else name
                taken.add(name)
                for leaf in _walk(value, path, name, (namespace, (name,)), is_mine, seen):
                    found.setdefault(id(leaf[2]), []).append(leaf)
    return [Root(group[0][1], group[0][0], group[0][2], tuple(g[3] for g in group)) for group in found.values()]


def _walk(
    value: Any, path: str, name: str, place: tuple[Any, tuple[Any, ...]], is_mine: IsMine, seen: set[int]
) -> Iterator[tuple[str, str, Any, tuple[Any, tuple[Any, ...]]]]:
    if isinstance(value, (np.ndarray, float, np.floating)):
        if not isinstance(value, np.ndarray) or value.dtype.kind in "fcbiu":
            yield path, name, value, place
        return
    if isinstance(value, (str, bytes, int, type, ModuleType, FunctionType)) or value is None or id(value) in seen:
        return
    seen.add(id(value))
    holder, steps = place
    for key, child_path, child_name, child in _children(value, path, name, is_mine):
        inside = (holder, (*steps, key)) if isinstance(value, tuple) else (value, (key,))
        yield from _walk(child, child_path, child_name, inside, is_mine, seen)


def _children(value: Any, path: str, name: str, is_mine: IsMine) -> Iterator[tuple[Any, str, str, Any]]:
    if isinstance(value, dict):
        for k, child in list(value.items()):
            yield k, f"{path}[{k!r}]", k if isinstance(k, str) else f"{name}[{k!r}]", child
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for i, (field_name, child) in enumerate(zip(value._fields, value, strict=False)):
            yield i, f"{path}.{field_name}", field_name, child
    elif isinstance(value, (list, tuple)):
        for i, child in enumerate(value):
            yield i, f"{path}[{i}]", f"{name}[{i}]", child
    elif is_mine(type(value)):
        for k, child in attributes(value).items():
            yield k, f"{path}.{k}", k, child


def attributes(instance: Any) -> dict[str, Any]:
    """An instance's own attributes, from __dict__ and __slots__."""
    found = dict(getattr(instance, "__dict__", {}))
    for kind in type(instance).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if hasattr(instance, slot) and slot not in ("__dict__", "__weakref__"):
                found[slot] = getattr(instance, slot)
    return found


def assign(place: tuple[Any, tuple[Any, ...]], value: Any) -> None:
    """Put `value` at a place, rebuilding the tuples on the way."""
    holder, (first, *rest) = place
    if rest:
        value = _rebuilt(_get(holder, first), tuple(rest), value)
    if isinstance(holder, (list, MutableMapping)):
        holder[first] = value
    else:
        object.__setattr__(holder, first, value)


def _get(holder: Any, key: Any) -> Any:
    return holder[key] if isinstance(holder, (list, tuple, MutableMapping)) else getattr(holder, key)


def _rebuilt(old: Any, steps: tuple[Any, ...], value: Any) -> Any:
    inner = _rebuilt(old[steps[0]], steps[1:], value) if len(steps) > 1 else value
    items = [*old[: steps[0]], inner, *old[steps[0] + 1 :]]
    return type(old)(*items) if hasattr(old, "_fields") else type(old)(items)


@dataclass(slots=True)
class State:
    """A saved state; `restore` puts back what is seen to be touched, `restore_all` whatever differs."""

    containers: list[tuple[Any, Any]] = field(default_factory=list)
    arrays: list[tuple[Array, Array]] = field(default_factory=list)
    generators: list[tuple[Any, Any]] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    """Positions, over the three lists in turn, of what a run has been seen to change."""

    def restore_all(self) -> None:
        """Compare everything with what was saved, put back what differs, and remember that it is touched."""
        self.touched |= {i for i, (item, saved) in enumerate(self._items()) if not _same(item, saved)}
        self.restore()

    def restore(self) -> None:
        """Put back what earlier runs were seen to touch: free for code that changes nothing."""
        if self.touched:
            items = list(self._items())
            for i in self.touched:
                _put_back(*items[i])

    def edited(self) -> list[Any]:
        """Arrays changed in place and generators drawn from, as far as runs have been seen to."""
        return [item for i, (item, _) in enumerate(self._items()) if i in self.touched and i >= len(self.containers)]

    def _items(self) -> Iterator[tuple[Any, Any]]:
        yield from self.containers
        yield from self.arrays
        yield from self.generators


def save(namespaces: Iterable[Namespace], is_mine: IsMine) -> State:
    """Save everything that can be reached from the namespaces, and the global random generators."""
    state = State()
    seen: set[int] = set()

    def visit(value: Any) -> None:
        if value is None or isinstance(value, (str, bytes, int, float, type, ModuleType, FunctionType)):
            return
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            if value.dtype != object:
                state.arrays.append((value, value.copy()))
        elif isinstance(value, (np.random.Generator, np.random.RandomState, random.Random)):
            state.generators.append((value, _generator_state(value)))
        elif isinstance(value, (dict, list)):
            state.containers.append((value, value.copy()))
            for child in list(value.values() if isinstance(value, dict) else value):
                visit(child)
        elif isinstance(value, (tuple, set)):
            for child in value:
                visit(child)
        elif is_mine(type(value)):
            own = attributes(value)
            state.containers.append((value, own))
            for child in own.values():
                visit(child)

    for namespace in namespaces:
        state.containers.append((namespace, dict(namespace)))
        seen.add(id(namespace))
        for name, value in list(namespace.items()):
            if not name.startswith(("__", "@")):
                visit(value)
    for generator in (np.random.mtrand._rand, random._inst):  # type: ignore[attr-defined,unused-ignore]
        visit(generator)
    return state


def _generator_state(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    return generator.getstate()


def _same(item: Any, saved: Any) -> bool:
    if isinstance(item, np.ndarray):
        return item.shape == saved.shape and np.asarray(item).tobytes() == np.asarray(saved).tobytes()
    if isinstance(item, (np.random.Generator, np.random.RandomState, random.Random)):
        return _equal_states(_generator_state(item), saved)
    if isinstance(item, list):
        return len(item) == len(saved) and all(a is b for a, b in zip(item, saved))
    now = item if isinstance(item, MutableMapping) else attributes(item)
    return bool(now.keys() == saved.keys()) and all(now[k] is saved[k] for k in saved)


def _equal_states(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return all(_equal_states(a[k], b[k]) for k in b)
    return bool(a == b if isinstance(a, tuple) else np.array_equal(a, b))


def _put_back(item: Any, saved: Any) -> None:
    if isinstance(item, np.ndarray):
        np.copyto(item, saved)
    elif isinstance(item, np.random.Generator):
        item.bit_generator.state = saved
    elif isinstance(item, np.random.RandomState):
        item.set_state(saved)
    elif isinstance(item, random.Random):
        item.setstate(saved)
    elif isinstance(item, list):
        item[:] = saved
    elif isinstance(item, MutableMapping):
        for extra in [k for k in item if k not in saved]:
            del item[extra]
        for k, value in saved.items():
            if item.get(k, item) is not value:
                item[k] = value
    else:
        for extra in [k for k in attributes(item) if k not in saved]:
            object.__delattr__(item, extra)
        for k, value in saved.items():
            if getattr(item, k, item) is not value:
                object.__setattr__(item, k, value)
