"""What containers, arrays and random generators hold: how it is saved, told to have changed, and put back.

Everything goes through the built-in types' own operations: no code of the user's runs, whatever their classes override.
"""

from __future__ import annotations

import array
import functools
import mmap
import operator
import random
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Kind(NamedTuple):
    """One respect in which an object can change."""

    saved: Callable[[Any], Any]
    same: Callable[[Any, Any], bool]
    put_back: Callable[[Any, Any], None]
    cheap: bool = False
    """Whether putting it back takes less than telling that it is the same."""
    seems_same: Callable[[Any, Any], bool] | None = None
    """Tells most changes at a fraction of the cost; None where that is no less."""


MISSING = object()


def same_items(now: dict[Any, Any], saved: dict[Any, Any]) -> bool:
    """Whether two dictionaries hold the same objects in the same order."""
    return same_objects(now.values(), saved.values()) and same_objects(now, saved)


def same_objects(now: Collection[Any], saved: Collection[Any]) -> bool:
    """Whether two collections hold the same objects in the same order."""
    return len(now) == len(saved) and all(map(operator.is_, now, saved))


def _dict_type(item: Any) -> Any:
    return OrderedDict if issubclass(type(item), OrderedDict) else dict


def items_of(item: Any) -> dict[Any, Any]:
    """A dictionary's own contents."""
    return dict(_dict_type(item).items(item))


def put_back_dict(item: Any, saved: dict[Any, Any]) -> None:
    """Make a dictionary hold what it held, in the order in which it did."""
    base = _dict_type(item)
    now = items_of(item)
    for extra in [k for k in now if k not in saved]:
        if not _is_submodule(saved, extra, now[extra]):
            base.__delitem__(item, extra)
    for k, value in saved.items():
        if now.get(k, MISSING) is not value:
            base.__setitem__(item, k, value)
    # a module's names are not all taken away at once, not even for the sake of their order
    if "__builtins__" not in saved and not same_items(items_of(item), saved):
        base.clear(item)
        for k, value in saved.items():
            base.__setitem__(item, k, value)


def _is_submodule(namespace: dict[Any, Any], name: Any, value: Any) -> bool:
    """Once imported, a package's submodule is its attribute for good: a second import would not set it again."""
    return isinstance(value, ModuleType) and value.__name__ == f"{namespace.get('__name__')}.{name}"


def _sequence(base: Any, put_back: Callable[[Any, Any], None]) -> Kind:
    def same(item: Any, saved: list[Any]) -> bool:
        return base.__len__(item) == len(saved) and all(map(operator.is_, base.__iter__(item), saved))

    return Kind(lambda item: list(base.__iter__(item)), same, put_back)


def _put_back_list(item: Any, saved: list[Any]) -> None:
    list.__setitem__(item, slice(None), saved)


def _put_back_deque(item: Any, saved: list[Any]) -> None:
    deque.clear(item)
    deque.extend(item, saved)


def _put_back_set(item: Any, saved: list[Any]) -> None:
    set.clear(item)
    set.update(item, saved)


def _same_members(item: Any, saved: list[Any]) -> bool:
    return {id(v) for v in set.__iter__(item)} == {id(v) for v in saved}


def _put_back_buffer(item: Any, saved: Any) -> None:
    item[:] = saved


def _same_dict(item: Any, saved: dict[Any, Any]) -> bool:
    return same_items(item if type(item) is dict else items_of(item), saved)


DICT = Kind(items_of, _same_dict, put_back_dict)
LIST = _sequence(list, _put_back_list)
DEQUE = _sequence(deque, _put_back_deque)
SET = Kind(lambda item: list(set.__iter__(item)), _same_members, _put_back_set)
BUFFER = Kind(lambda item: item[:], lambda item, saved: bool(item == saved), _put_back_buffer)


# -- arrays

_CHUNK = 1 << 20
_WORDS = 1 << 15


def _is_fixed(value: Any) -> bool:
    """Whether there is no way to write into an array: bytes, or a file mapped for reading."""
    while issubclass(type(value), np.ndarray):
        if value.flags.writeable or value.flags.owndata:
            return False
        value = value.base
    return issubclass(type(value), (bytes, mmap.mmap))


def _save_array(value: Any) -> tuple[Any, bool]:
    plain = value.view(np.ndarray)
    return plain if _is_fixed(value) else plain.copy(order="K"), value.flags.writeable


def _same_array(value: Any, saved: tuple[Any, bool]) -> bool:
    before, writeable = saved
    plain = value.view(np.ndarray)
    if plain.shape != before.shape or plain.dtype != before.dtype or value.flags.writeable != writeable:
        return False
    if plain.nbytes <= _CHUNK:
        return bool(plain.tobytes() == before.tobytes())
    # in pieces: two more copies of a whole data set would be too many
    if plain.flags.c_contiguous and before.flags.c_contiguous and plain.nbytes % 8 == 0 and not plain.dtype.hasobject:
        now, then = (a.reshape(-1).view(np.uint8).view(np.uint64) for a in (plain, before))
        return all(bool((now[i : i + _WORDS] == then[i : i + _WORDS]).all()) for i in range(0, now.size, _WORDS))
    rows = max(1, len(plain) * _CHUNK // plain.nbytes)
    return all(plain[i : i + rows].tobytes() == before[i : i + rows].tobytes() for i in range(0, len(plain), rows))


def _seems_same_array(value: Any, saved: tuple[Any, bool]) -> bool:
    """The same of an array of many entries, by some thousands of them."""
    before, writeable = saved
    plain = value.view(np.ndarray)
    if plain.nbytes <= _CHUNK:
        return _same_array(value, saved)
    if plain.shape != before.shape or plain.dtype != before.dtype or value.flags.writeable != writeable:
        return False
    some = np.unravel_index(_some(plain.size), plain.shape)
    return bool(plain[some].tobytes() == before[some].tobytes())


@functools.lru_cache(16)
def _some(size: int) -> NDArray[np.intp]:
    """Places all over an array: rows of pixels have the same zeros at the same places, so no regular ones."""
    return np.random.default_rng(0).integers(0, size, 4096)


def _put_back_array(value: Any, saved: tuple[Any, bool]) -> None:
    before, writeable = saved
    try:
        if not value.flags.writeable:
            value.flags.writeable = True
        if value.shape != before.shape:
            value.resize(before.shape, refcheck=False)
        np.copyto(value.view(np.ndarray), before, casting="no")
        value.flags.writeable = writeable
    except (ValueError, TypeError):  # its memory is lent to someone else, or of another type by now
        return


# -- random generators


def _generator_state(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        state = generator.get_state(legacy=False)
        if state["bit_generator"] == "MT19937":  # its 624 numbers are put back one by one: of a list in 2 µs, not in 50
            state["state"]["key"] = state["state"]["key"].tolist()
        return state
    return generator.getstate() if isinstance(generator, random.Random) else generator.state


def _set_generator_state(generator: Any, saved: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = saved
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(saved)
    elif isinstance(generator, random.Random):
        generator.setstate(saved)
    else:
        generator.state = saved


def _equal_states(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return all(_equal_states(a[k], b[k]) for k in b)
    return bool(a == b if isinstance(a, (tuple, list)) else np.array_equal(a, b))


def _same_generator(generator: Any, saved: Any) -> bool:
    return _equal_states(_generator_state(generator), saved)


ARRAY = Kind(_save_array, _same_array, _put_back_array, seems_same=_seems_same_array)
GENERATOR = Kind(_generator_state, _same_generator, _set_generator_state, cheap=True)

BY_TYPE: tuple[tuple[Any, Kind], ...] = (
    (np.ndarray, ARRAY),
    (dict, DICT),
    (list, LIST),
    (set, SET),
    (deque, DEQUE),
    ((bytearray, array.array), BUFFER),
    ((np.random.Generator, np.random.RandomState, np.random.BitGenerator, random.Random), GENERATOR),
)
"""The first that fits says how a value's contents are kept."""
