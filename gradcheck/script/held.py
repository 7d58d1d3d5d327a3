"""What a script's state holds of numbers: arrays, lists of samples, plain numbers, and where each is held."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from gradcheck.capture.attributes import attributes, cells_of, held_by
from gradcheck.capture.state import IsMine, Where, has_attributes

FEW = 32
"""Lists with up to this many items are no samples, where nothing else says so."""
LONGEST = 1 << 12
"""Containers with more items are looked at as samples alone."""


@dataclass(frozen=True, slots=True)
class Held:
    """Something numeric that the state holds."""

    name: str
    value: Any
    where: Where
    handed: bool
    """Whether it is reached from the step's own arguments."""


def everything(
    handed: MutableMapping[str, Any], others: Iterable[MutableMapping[str, Any]], is_mine: IsMine, few: int = FEW
) -> list[Held]:
    """Arrays, lists of samples and plain numbers that can be reached, and where each is held."""
    found: list[Held] = []
    seen: set[int] = set()
    for own, namespace in ((True, handed), *((False, other) for other in others)):
        seen.add(id(namespace))
        waiting = [(name, value, (namespace, (name,))) for name, value in namespace.items() if name[:2] != "__"]
        while waiting:
            name, value, where = waiting.pop()
            if is_data(value, few) or isinstance(value, (int, float, np.integer, np.floating)):
                found.append(Held(name, value, where, own))
            elif id(value) not in seen:
                seen.add(id(value))
                waiting += _inside(name, value, where, is_mine)
    return found


def _inside(name: str, value: Any, where: Where, is_mine: IsMine) -> list[tuple[str, Any, Where]]:
    kind = type(value)
    if kind is dict and len(value) <= LONGEST:
        return [(k if type(k) is str else name, v, (value, (k,))) for k, v in value.items()]
    if kind is list and len(value) <= LONGEST:
        return [(name, v, (value, (i,))) for i, v in enumerate(value)]
    if kind is tuple and len(value) <= LONGEST:
        holder, steps = where
        return [(name, v, (holder, (*steps, i))) for i, v in enumerate(value)]
    if kind is FunctionType and is_mine(value):
        return [(k, held_by(cell), (value, (k,))) for k, cell in cells_of(value).items()]
    if not isinstance(value, type) and has_attributes(kind, is_mine):
        return [(k, v, (value, (k,))) for k, v in attributes(value).items()]
    return []


def is_data(value: Any, few: int = FEW) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fciub" and value.ndim > 0
    return type(value) in (list, tuple) and len(value) > few and _like_samples(value[0])


def _like_samples(item: Any) -> bool:
    """Whether a list's item is one sample: an array, a number, or some of these together."""
    if isinstance(item, (list, tuple)):
        return bool(item) and all(isinstance(i, (np.ndarray, list, tuple, int, float, np.generic)) for i in item)
    return isinstance(item, (np.ndarray, int, float, np.generic))


def dims_of(value: Any) -> tuple[int, ...]:
    return value.shape if isinstance(value, np.ndarray) else (len(value),)


def axis_of(value: Any, count: int, few: int = FEW) -> int | None:
    """The samples' axis of an array or a list; None where there is none, or two that may be it."""
    if not is_data(value, few):
        return None
    dims = dims_of(value)
    return dims.index(count) if dims.count(count) == 1 else None
