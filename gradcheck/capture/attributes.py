"""What instances, classes and functions hold, read and written past whatever their classes make of attribute access."""

from __future__ import annotations

import functools
import operator
from types import CellType, FunctionType, MemberDescriptorType
from typing import Any

from gradcheck.capture.contents import MISSING, Kind, put_back_dict, same_items, same_objects
from gradcheck.capture.places import instance_dict

Attributes = dict[str, Any]


# -- instances


def attributes(instance: Any) -> Attributes:
    """An instance's own attributes, from __dict__ and __slots__."""
    found = dict(instance_dict(instance) or {})
    for name, slot in _slots(type(instance)):  # type: ignore[arg-type]
        try:
            found[name] = slot.__get__(instance)
        except AttributeError:
            continue
    return found


def set_attribute(instance: Any, name: str, value: Any) -> None:
    """Set an own attribute, be the instance frozen or its class's properties in the way."""
    slot = dict(_slots(type(instance))).get(name)  # type: ignore[arg-type]
    own = instance_dict(instance)
    if issubclass(type(instance), type):
        type.__setattr__(instance, name, value)
    elif slot is not None:
        slot.__set__(instance, value)
    elif own is not None:
        own[name] = value


def _delete_attribute(instance: Any, name: str) -> None:
    slot = dict(_slots(type(instance))).get(name)  # type: ignore[arg-type]
    if slot is not None:
        slot.__delete__(instance)
    else:
        (instance_dict(instance) or {}).pop(name, None)


@functools.lru_cache(256)
def _slots(kind: type) -> tuple[tuple[str, MemberDescriptorType], ...]:
    owners = [c for c in kind.__mro__ if "__slots__" in c.__dict__]
    return tuple((n, d) for c in owners for n, d in c.__dict__.items() if type(d) is MemberDescriptorType)


def _put_back_attributes(instance: Any, saved: Attributes) -> None:
    own = instance_dict(instance)
    if own is not None and not _slots(type(instance)):  # type: ignore[arg-type]
        put_back_dict(own, saved)
        return
    now = attributes(instance)
    for extra in now.keys() - saved.keys():
        _delete_attribute(instance, extra)
    for name, value in saved.items():
        if now.get(name, MISSING) is not value:
            set_attribute(instance, name, value)
    if own is not None:
        put_back_dict(own, {name: value for name, value in saved.items() if name in own})


INSTANCE = Kind(attributes, lambda item, saved: same_items(attributes(item), saved), _put_back_attributes)


# -- classes


def class_attributes(kind: type) -> Attributes:
    """What a class itself defines."""
    return dict(type.__getattribute__(kind, "__dict__"))


def _same_class(kind: type, saved: Attributes) -> bool:
    now = class_attributes(kind)  # in any order: what was deleted and is set again comes last
    return now.keys() == saved.keys() and all(map(operator.is_, map(now.get, saved), saved.values()))


def _put_back_class(kind: type, saved: Attributes) -> None:
    now = class_attributes(kind)
    for extra in now.keys() - saved.keys():
        type.__delattr__(kind, extra)
    for name, value in saved.items():
        if now.get(name, MISSING) is not value:
            type.__setattr__(kind, name, value)


CLASS = Kind(class_attributes, _same_class, _put_back_class)


# -- functions


def cells_of(function: FunctionType) -> dict[str, CellType]:
    """The variables of a closure."""
    return dict(zip(function.__code__.co_freevars, function.__closure__ or ()))


def held_by(cell: CellType) -> Any:
    """What a closure's variable is bound to, or MISSING."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


def _function_state(function: FunctionType) -> tuple[Any, ...]:
    cells = tuple(map(held_by, function.__closure__ or ()))
    return function.__defaults__, dict(function.__kwdefaults__ or {}), dict(function.__dict__), cells


def _same_function(function: FunctionType, saved: tuple[Any, ...]) -> bool:
    defaults, named, own, cells = saved
    return (
        function.__defaults__ is defaults
        and same_items(function.__kwdefaults__ or {}, named)
        and same_items(function.__dict__, own)
        and (not cells or same_objects(tuple(map(held_by, function.__closure__ or ())), cells))
    )


def _put_back_function(function: FunctionType, saved: tuple[Any, ...]) -> None:
    function.__defaults__ = saved[0]
    if function.__kwdefaults__ is not None:
        put_back_dict(function.__kwdefaults__, saved[1])
    elif saved[1]:
        function.__kwdefaults__ = dict(saved[1])
    put_back_dict(function.__dict__, saved[2])
    for cell, value in zip(function.__closure__ or (), saved[3]):
        if value is not MISSING:
            cell.cell_contents = value
        elif held_by(cell) is not MISSING:
            del cell.cell_contents


FUNCTION = Kind(_function_state, _same_function, _put_back_function)
