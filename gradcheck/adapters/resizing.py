"""From the arguments of an example call to a plan: the user's own numbers and sizes, but for those that hide errors.

Axes and whole numbers of one size are told apart by giving some of them another: what the code takes then, it does not
tie to the rest.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.adapters import names as by_name
from gradcheck.adapters.plan import Drawn, is_positive
from gradcheck.adapters.worlds import role_of

Arguments = Mapping[str, Drawn]
Takes = Callable[[Arguments], bool]
"""Whether the code takes these arguments."""
LARGE = 24
"""A size beyond this is cut, if it can be."""
MOST = 7
"""Places of one size that are told apart."""
_FIXED = re.compile(r"(?i).*mask\w*$|.*(idx|index|indices|perm)$")
_NO_SIZE = re.compile(
    r"(?i)_*(strides?|pad(ding)?|axis|dim|seed|epochs?|\w*steps?|n_?iter\w*|iterations|\w*kernel\w*|pool\w*|groups?|p|s)"
)
_COUNTS = re.compile(r"(?i)m|n|batch\w*|num_(train|samples|examples)|n_samples|n_examples")


@dataclass(frozen=True, slots=True)
class Slot:
    """A place where a size stands."""

    path: tuple[str, ...]
    """The argument's name, and the keys below it."""
    at: int | None
    """The axis of an array or the place in a list; None for a whole number."""
    size: int


def own_values(arguments: Mapping[str, Any]) -> dict[str, Drawn]:
    """What the user handed over, as a plan has it."""
    return {name: _own(name, value, arguments) for name, value in arguments.items()}


def _own(name: str, value: Any, others: Collection[str]) -> Drawn:
    if type(value) is dict and value and all(isinstance(k, str) for k in value):
        return Drawn(entries={k: _own(k, v, value) for k, v in value.items()})
    if not isinstance(value, np.ndarray):
        return Drawn(value=value, said=_called(value) if " object at 0x" in repr(value) else "")
    kind = kind_of(name, value)
    return Drawn(value.shape, kind, value) if kind else Drawn(value=value)


def _called(value: Any) -> str:
    """Objects by their classes."""
    return f"[{', '.join(map(_called, value))}]" if isinstance(value, (list, tuple)) else type(value).__name__


def kind_of(name: str, value: Any) -> str:
    """Which numbers of a plan are like an array's; "" for none."""
    if _FIXED.match(name) or not value.size or value.dtype.kind not in "fiu" or not np.isfinite(value).all():
        return ""
    low, high = float(value.min()), float(value.max())
    if value.dtype.kind in "iu":
        return "" if low < 0 else "bits" if high < 2 else "classes"
    bits = bool(np.isin(value, (0, 1)).all())
    sums = bool(value.ndim and np.allclose(value.sum(axis=-1), 1) and low >= 0 and value.shape[-1] > 1)
    if low == high and not by_name.LABELS.match(name):
        return "positive" if is_positive(name) else "normal"
    if bits:
        return "one_hot" if sums and value.ndim > 1 else "binary"
    if by_name.LABELS.match(name) and (np.mod(value, 1) == 0).all():
        return ""  # whole numbers with a meaning of their own: -1 and 1
    return "distribution" if sums else "normal" if low < 0 else "probability" if high <= 1 else "positive"


def unhidden(arguments: Arguments, takes: Takes, is_late: Callable[[], bool]) -> dict[str, Drawn]:
    """The same with other numbers where all are one, zero biases, and other sizes where one stands for several."""
    found = dict(arguments)
    for path, drawn in _arrays(arguments):
        if drawn.value is not None and _says_nothing(path[-1], drawn.value):
            other = _with(found, path, replace(drawn, value=None))
            found = other if takes(other) else found
    return _resized(found, takes, is_late)


def _says_nothing(name: str, value: Any) -> bool:
    fixed = by_name.LABELS.match(name) or value.dtype.kind != "f" or value.ndim == 0
    return not fixed and bool((value == value.flat[0]).all()) and (value.size > 1 or role_of(name)[0] == "bias")


def grown(arguments: Arguments, takes: Takes, is_late: Callable[[], bool]) -> Iterator[dict[str, Drawn]]:
    """The same with several samples, units, filters or channels where there is one of them, if the code takes that.

    A sum over too much is the right one where there is only one.
    """
    ones = [slot for slot in _slots(arguments, 1) if slot.size == 1]
    for is_of in (_is_of_samples, _is_of_units, _is_of_filters, _is_of_channels):
        used = {slot.size for slot in _slots(arguments)}
        some = [slot for slot in ones if is_of(slot, _look(arguments, slot.path))]
        more = next(n for n in itertools.count(3) if n not in used)
        if some and not is_late() and takes(other := _changed(arguments, some, more)):
            yield other
            arguments = other


def _is_of_samples(slot: Slot, drawn: Drawn) -> bool:
    name = slot.path[-1]
    of_data = role_of(name)[0] == "data" and len(drawn.shape or ()) > 1
    return slot.at == 0 and (of_data or by_name.LABELS.match(name) is not None)


def _is_of_units(slot: Slot, drawn: Drawn) -> bool:
    """Those of a layer that isn't one of images: the columns of its weights, or the number that it is built with."""
    axes, name = len(drawn.shape or ()), slot.path[-1]
    of_labels = axes == 2 and by_name.LABELS.match(name) is not None
    of_layer = role_of(name)[0] in ("weight", "bias") and axes < 3
    return slot.at is None or (slot.at == axes - 1 and (of_layer or of_labels))


def _is_of_filters(slot: Slot, drawn: Drawn) -> bool:
    role, axes = role_of(slot.path[-1])[0], len(drawn.shape or ())
    return slot.at == 0 and ((role == "weight" and axes > 2) or (role == "bias" and axes == 1))


def _is_of_channels(slot: Slot, drawn: Drawn) -> bool:
    return slot.at == 1 and role_of(slot.path[-1])[0] in ("data", "weight") and len(drawn.shape or ()) > 2


def has_more(arguments: Arguments, own: Arguments) -> bool:
    """Whether there are several of what there is one of otherwise."""
    before = {path: drawn.shape or () for path, drawn in _arrays(own)}
    return any(
        a == 1 < b for path, drawn in _arrays(arguments) for a, b in zip(before.get(path, ()), drawn.shape or ())
    )


def shapes_of(arguments: Arguments) -> dict[str, tuple[int, ...]]:
    """The shapes of all arrays that are handed over, by name."""
    return {".".join(path): drawn.shape or () for path, drawn in _arrays(arguments) if drawn.kind == "normal"}


# -- sizes


def _resized(arguments: dict[str, Drawn], takes: Takes, is_late: Callable[[], bool]) -> dict[str, Drawn]:
    for size in sorted({slot.size for slot in _slots(arguments)}):
        mine = [slot for slot in _slots(arguments) if slot.size == size]
        groups = _groups(arguments, mine, takes, is_late)
        free = groups if size > LARGE else groups[: len(groups) - 1]  # the last goes on with the size
        for group in free:
            used = {slot.size for slot in _slots(arguments)}
            tried = (_changed(arguments, group, n) for n in _other_sizes(size) if n not in used)
            arguments = next((a for a in tried if not is_late() and _goes(a, group, takes)), arguments)
    return arguments


def _other_sizes(size: int) -> Sequence[int]:
    small = range(5, LARGE)
    return tuple(small) if size > LARGE else (size + 1, size + 2, 2 * size, size + 3, size + 4, *small)


def _groups(
    arguments: dict[str, Drawn], slots: list[Slot], takes: Takes, is_late: Callable[[], bool]
) -> list[frozenset[Slot]]:
    """Places of one size that only change together: the least that the code takes with another."""
    found: list[frozenset[Slot]] = []
    tied = _tied(arguments, slots)
    for count in range(1, len(tied) if len(tied) <= MOST else 0):
        for several in itertools.combinations(tied, count):
            if is_late():
                return []
            some, size = frozenset[Slot]().union(*several), slots[0].size
            apart = not any(some & other for other in found)
            sizes = (size + 1, size + 2, 2 * size)
            if apart and any(_goes(_changed(arguments, some, n), some, takes) for n in sizes):
                found.append(some)
    rest = frozenset(slots).difference(*found)
    return [*found, *([rest] if rest else [])]


def _goes(arguments: dict[str, Drawn], slots: Collection[Slot], takes: Takes) -> bool:
    """Whether the code takes them, and reads each place of another size to its end: nine biases for eight filters are
    taken as well, and the ninth is never looked at."""
    return takes(arguments) and not any(takes(_spoilt(arguments, slot)) for slot in slots if _is_real(arguments, slot))


def _is_real(arguments: Arguments, slot: Slot) -> bool:
    drawn = _look(arguments, slot.path)
    real = drawn.value is None or np.asarray(drawn.value).dtype.kind in "fc"
    return real and slot.at is not None and drawn.kind in ("normal", "positive")


def _spoilt(arguments: Arguments, slot: Slot) -> dict[str, Drawn]:
    """The same with NaN at the end of an array's axis, which no output survives that it goes into."""
    drawn = _look(arguments, slot.path)
    value = drawn.draw(np.random.default_rng(0))
    np.moveaxis(value, slot.at or 0, 0)[-1] = np.nan
    return _with(arguments, slot.path, replace(drawn, value=value))


def _tied(arguments: Arguments, slots: Sequence[Slot]) -> list[frozenset[Slot]]:
    """Places that belong together though the code may not look: one label, or one count, for the samples of each."""
    of_samples = {slot for slot in slots if _counts_samples(slot, _look(arguments, slot.path))}
    if not of_samples:
        return [frozenset({slot}) for slot in slots]
    others = [slot for slot in slots if slot not in of_samples and slot.at is not None]
    first = {slot for slot in others if slot.at == 0}
    together = of_samples | (first or set(others))
    return [frozenset(together), *(frozenset({slot}) for slot in slots if slot not in together)]


def _counts_samples(slot: Slot, drawn: Drawn) -> bool:
    name = slot.path[-1]
    if slot.at is None:
        return bool(_COUNTS.fullmatch(name))
    labels = by_name.LABELS.match(name) or drawn.kind in ("classes", "bits") or _FIXED.match(name)
    return slot.at == 0 and bool(labels)


def _changed(arguments: Arguments, slots: Collection[Slot], size: int) -> dict[str, Drawn]:
    found = dict(arguments)
    for slot in slots:
        found = _with(found, slot.path, _at(_look(found, slot.path), slot.at, size))
    return found


def _at(drawn: Drawn, at: int | None, size: int) -> Drawn:
    if at is None:
        return replace(drawn, value=size)
    if drawn.shape is None:
        return replace(drawn, value=type(drawn.value)([*drawn.value[:at], size, *drawn.value[at + 1 :]]))
    return replace(drawn, shape=(*drawn.shape[:at], size, *drawn.shape[at + 1 :]), value=None)


def _slots(arguments: Arguments, least: int = 2) -> list[Slot]:
    """Every size above 1: what has 1 may be there to be spread."""
    found = []
    for path, drawn in _leaves(arguments):
        if drawn.shape is not None:
            sizes: Sequence[Any] = drawn.shape
        elif type(drawn.value) in (list, tuple) and len(path) == 1 and all(type(n) is int for n in drawn.value):
            sizes = drawn.value
        else:
            whole = type(drawn.value) is int and len(path) == 1 and not _NO_SIZE.fullmatch(path[0])
            found += [Slot(path, None, drawn.value)] if whole and drawn.value >= least else []
            continue
        found += [Slot(path, at, n) for at, n in enumerate(sizes) if n >= least]
    return found


# -- what lies below a name


def _leaves(arguments: Arguments, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Drawn]]:
    for name, drawn in arguments.items():
        if drawn.entries is not None:
            yield from _leaves(drawn.entries, (*above, name))
        else:
            yield (*above, name), drawn


def _arrays(arguments: Arguments) -> Iterator[tuple[tuple[str, ...], Drawn]]:
    return ((path, drawn) for path, drawn in _leaves(arguments) if drawn.shape is not None)


def _look(arguments: Arguments, path: tuple[str, ...]) -> Drawn:
    found = arguments[path[0]]
    return found if len(path) == 1 else _look(found.entries or {}, path[1:])


def _with(arguments: Arguments, path: tuple[str, ...], drawn: Drawn) -> dict[str, Drawn]:
    if len(path) == 1:
        return {**arguments, path[0]: drawn}
    held = arguments[path[0]]
    return {**arguments, path[0]: replace(held, entries=_with(held.entries or {}, path[1:], drawn))}
