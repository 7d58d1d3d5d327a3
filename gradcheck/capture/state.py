"""The user's state: what a run may change, saved before it and put back after it.

State is what can be reached from the driver's names and the globals of the project's own modules: arrays, containers,
instances, classes and functions of the project's own with their defaults and closures, random generators, and the
global generators of NumPy and Python. Iterators, open files and what a library keeps to itself are not.
"""

from __future__ import annotations

import functools
import random
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass, field
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.attributes import CLASS, FUNCTION, INSTANCE, attributes, cells_of, class_attributes, held_by
from gradcheck.capture.contents import ARRAY, BY_TYPE, DICT, Kind, items_of

Array = NDArray[Any]
Names = MutableMapping[str, Any]
IsMine = Callable[[Any], bool]
"""Whether a class or a function is the project's own."""


Where = tuple[Any, tuple[Any, ...]]
"""(what holds it and can be changed, the steps down from there): all steps but the first lead through tuples."""


@dataclass(frozen=True, slots=True)
class Root:
    """A numeric leaf of the state, and every place that holds it."""

    name: str
    """Its last name: W1 for parameters['W1']."""
    path: str
    """W1, parameters['W1'], net.W1."""
    value: Any
    """The array or float itself."""
    places: tuple[Where, ...]
    """(mutable container, steps down from it): the steps after the first lead through tuples only."""


@dataclass(slots=True)
class Kept:
    """One respect of one object, as it was."""

    item: Any
    kind: Kind
    saved: Any

    def same(self) -> bool:
        return self.kind.same(self.item, self.saved)

    def seems_same(self) -> bool:
        return (self.kind.seems_same or self.kind.same)(self.item, self.saved)

    def put_back(self) -> None:
        self.kind.put_back(self.item, self.saved)


@dataclass(slots=True)
class State:
    """A saved state; `restore` puts back what is seen to be touched, `restore_all` whatever differs."""

    kept: list[Kept] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    """Positions of what a run has been seen to change."""
    arrays: dict[int, int] = field(default_factory=dict)
    """Positions of arrays, by id."""
    looks: int = 0
    """How often everything was compared."""

    def restore_all(self) -> None:
        """Compare everything with what was saved, put back what differs, and remember that it is touched.

        A data set that run after run leaves alone is looked through as a whole at every first, second, fourth, eighth
        time and so on, and by some thousands of its entries at the others.
        """
        self.looks += 1
        same = Kept.same if self.looks & (self.looks - 1) == 0 else Kept.seems_same
        self.touched |= {i for i, kept in enumerate(self.kept) if i not in self.touched and not same(kept)}
        self.restore()

    def restore(self) -> None:
        """Put back what earlier runs were seen to touch: free for code that changes nothing."""
        for i in self.touched:
            kept = self.kept[i]
            if kept.kind.cheap or not kept.same():
                kept.put_back()

    def touch(self, array: Any) -> None:
        """An array has been seen to be edited: it, or the one that it is a view of, is touched."""
        while issubclass(type(array), np.ndarray):
            if id(array) in self.arrays:
                self.touched.add(self.arrays[id(array)])
            array = array.base

    def edited(self) -> list[Any]:
        """Arrays changed in place and generators drawn from, as far as runs have been seen to."""
        kinds = {id(kind) for base, kind in BY_TYPE if kind is ARRAY or _is_generator(base)}
        return [self.kept[i].item for i in self.touched if id(self.kept[i].kind) in kinds]


def _is_generator(base: Any) -> bool:
    return isinstance(base, tuple) and random.Random in base


def save(namespaces: Iterable[Names], is_mine: IsMine, *, known: State | None = None) -> State:
    """Save everything that can be reached from the namespaces, and the global random generators.

    What `known` holds a copy of that is still right is not copied again.
    """
    state = State()
    seen: set[int] = set()
    waiting: deque[Any] = deque((np.random.mtrand._rand, random._inst))  # type: ignore[attr-defined,unused-ignore]
    for namespace in namespaces:
        seen.add(id(namespace))
        state.kept.append(Kept(namespace, DICT, items_of(namespace)))
        waiting.extend(value for name, value in namespace.items() if not name.startswith("__"))
    while waiting:
        value = waiting.popleft()
        if id(value) in seen or type(value) in _LEAVES:
            continue
        seen.add(id(value))
        for kind in _kinds_of(value, is_mine):
            if kind is ARRAY:
                state.arrays[id(value)] = len(state.kept)
            state.kept.append(Kept(value, kind, _copy(value, kind, known)))
        waiting.extend(_children(value, is_mine))
    return state


def _copy(value: Any, kind: Kind, known: State | None) -> Any:
    if kind is ARRAY and known is not None and id(value) in known.arrays:
        kept = known.kept[known.arrays[id(value)]]
        if kept.item is value and kept.same():
            return kept.saved
    return kind.saved(value)


_LEAVES = {type(None), str, bytes, int, float, bool, complex, ModuleType, np.float64, np.float32, np.int64, np.bool_}


def _kinds_of(value: Any, is_mine: IsMine) -> Iterator[Kind]:
    kind = type(value)
    for base, found in BY_TYPE:
        if issubclass(kind, base):
            yield found
            break
    if issubclass(kind, type):
        if is_mine(value):
            yield CLASS
    elif kind is FunctionType:
        if is_mine(value):
            yield FUNCTION
    elif has_attributes(kind, is_mine):
        yield INSTANCE


def has_attributes(kind: type, is_mine: IsMine) -> bool:
    """Whether instances are looked into: the project's own, and plain namespaces."""
    if is_mine(kind) or issubclass(kind, (SimpleNamespace, Namespace)):
        return True
    # a subclass of a built-in container may carry attributes beside its contents, as a masked array does its mask
    built_in = issubclass(kind, (dict, list, set, deque, np.ndarray))
    return built_in and kind.__module__ != "builtins" and bool(kind.__dictoffset__)


def _children(value: Any, is_mine: IsMine) -> list[Any]:
    """What can be reached from a value in one step."""
    kind = type(value)
    held: list[Any] = []
    if issubclass(kind, dict):
        held += dict.values(value)
    elif issubclass(kind, np.ndarray):
        held += np.asarray(value).reshape(-1).tolist() if value.dtype == object else ()
    elif issubclass(kind, type):
        return list(class_attributes(value).values()) if is_mine(value) else []
    elif kind is FunctionType:
        return _held_by_function(value) if is_mine(value) else []
    elif kind in _WRAPPERS:
        held += _WRAPPERS[kind](value)
    for base in (list, tuple, set, frozenset, deque):
        if issubclass(kind, base):
            held += base.__iter__(value)
    if has_attributes(kind, is_mine):
        held += [*attributes(value).values(), kind]
    return held


def _held_by_function(function: FunctionType) -> list[Any]:
    named = (function.__kwdefaults__ or {}).values()
    cells = map(held_by, cells_of(function).values())
    return [*(function.__defaults__ or ()), *named, *function.__dict__.values(), *cells]


_WRAPPERS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    MethodType: lambda m: (m.__self__, m.__func__),
    functools.partial: lambda p: (p.func, *p.args, *p.keywords.values()),
    property: lambda p: (p.fget, p.fset, p.fdel),
    staticmethod: lambda s: (s.__func__,),
    classmethod: lambda c: (c.__func__,),
    type(functools.cache(lambda: None)): lambda c: (c.__wrapped__,),
}
"""What stands between a name and a function."""
