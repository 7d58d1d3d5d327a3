"""Recording one run: every value that the instrumented code binds, in order, on copies.

A value is known by its key: the site that made it and how many times that site had been passed before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.places import NOTHING, Step, fields_of, reach
from gradcheck.capture.probes import Probes, StopRun, stop
from gradcheck.capture.rewrite import Site
from gradcheck.capture.signature import Kinks

__all__ = ["Key", "Recorder", "StopRun", "Value"]

Array = NDArray[Any]
FEW = 32
"""Arrays on one memory up to which each edit is looked for in all of them, small ones included."""
LARGE = 1 << 20
"""Arguments with more entries than this are recorded by reference: copying a whole data set tells nothing."""


class Key(NamedTuple):
    """Which value: the `occurrence`-th that passed `site`."""

    site: int
    occurrence: int


@dataclass(frozen=True, slots=True)
class Value:
    """One recorded value."""

    name: str
    """Its last name: W1 for self.W1, dW1 for grads['dW1']."""
    path: str
    """As it was reached: Z1, layers[1].W, grads['dW1']."""
    site: Site
    """Where it was recorded."""
    key: Key
    """Its key; none of the parts of a container can be replaced by it, only plain values."""
    plain: bool
    """True when the site's value is the array itself, not a container that holds it."""
    array: Array = field(compare=False)
    """A copy, as it was at that moment."""
    identity: int
    """id() of the object, unique while the trace is alive."""
    owner: int = 0
    """id() of the instance whose attribute it is, or whose method computes it; 0 for none."""
    call: int = 0
    """Which call of its function it belongs to, counted from 1; 0 where functions have no arguments."""


NOWHERE = Site(-1, "", "", "", 0, (0, 0, 0, 0), "")
"""Where the values were made that were there before a run."""
NO_KEY = Key(-1, 0)


class Begun:
    """Arrays that were there before a run, as they were."""

    def __init__(self, held: Iterable[tuple[Value, Any]]) -> None:
        self.last = {id(array): (value, array) for value, array in held}
        """Each by its id, as if it had been recorded."""
        self.sharing: defaultdict[int, dict[int, None]] = defaultdict(dict)
        """Their ids by the id of what owns the memory."""
        for key, (_, array) in self.last.items():
            self.sharing[_memory(array)][key] = None

    def with_others(self, other: Mapping[int, Array]) -> Begun:
        """What a run begins with that has other numbers in some of the arrays, given by id, and in what views them."""
        moved = {_memory(array) for key, (_, array) in self.last.items() if key in other}
        same = ((v, a) for v, a in self.last.values() if id(a) in other or _memory(a) not in moved)
        held = ((replaced(v, array=other.get(id(a), v.array)), a) for v, a in same)
        return Begun(held) if moved else self


@dataclass(slots=True)
class Recorder:
    """Records every value of one run in order, on copies."""

    sites: list[Site]
    replace: Mapping[Key, Array] = field(default_factory=dict)
    stop: frozenset[Key] = frozenset()
    """The run ends when one of these is recorded."""
    watch: Callable[[Value, Any], bool] | None = None
    """Asked after each value, with the object itself; True ends the run."""
    naming: Callable[[str, str], str] | None = None
    """From a value's path and last name to the name that it goes by."""
    begun: Begun = field(default_factory=lambda: Begun(()))
    """What the state held before the run: an edit of it is seen, though nothing of the run has bound it."""
    limit: int = 300_000
    """The run ends after this many values, however long it would go on, or ten times as many probes passed."""
    most: int = 1 << 30
    """And after copies of this many bytes."""
    keeps: bool = True
    """False where only `watch` looks: nothing is kept then, and nothing large is copied."""
    phase: int = 0
    """Counted up by whoever watches, between parts of the run of which each may fill the same array anew."""
    ended: bool = False
    """Whether it was ended by one of its bounds."""
    kinks: Kinks = field(default_factory=Kinks)
    _values: list[Value | None] = field(default_factory=list)
    _alive: list[object] = field(default_factory=list)
    _alive_owners: list[object] = field(default_factory=list)
    _calls: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """Of each function, how often it was called and the instance whose method it was called as."""
    _counts: dict[int, int] = field(default_factory=dict)
    _held: defaultdict[int, list[tuple[Key, Any]]] = field(default_factory=lambda: defaultdict(list))
    _copies: dict[int, Array] = field(default_factory=dict)
    _edits: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    _last: dict[int, tuple[Value, Any]] = field(default_factory=dict)
    """Of each array, by id, what was recorded last, and the array."""
    _sharing: defaultdict[int, dict[int, None]] = field(default_factory=lambda: defaultdict(dict))
    """By the id of what owns the memory, the arrays that were recorded on it."""
    _passes: int = 0
    _bytes: int = 0

    def probes(self) -> Probes:
        names = ("value", "owned", "held", "attribute", "index", "augmented", "seen", "arguments")
        return {"binding": True, **{name: getattr(self, name) for name in names}, **self.kinks.probes()}

    def values(self) -> list[tuple[Value, object]]:
        """What was recorded, and the objects themselves."""
        return [(value, alive) for value, alive in zip(self._values, self._alive) if value is not None]

    @property
    def passed(self) -> int:
        """How many probes the run has passed."""
        return self._passes

    def recorded_of(self, array: Any) -> Array | None:
        """What was recorded last of this very array, or what the state held of it; None if nothing was."""
        last = self._known(array)
        return None if last is None else last[0].array

    def held_before(self, path: str) -> Array | None:
        """What was recorded last under this path; None if nothing was."""
        return next((v.array for v in reversed(self._values) if v is not None and v.path == path), None)

    # -- what the rewritten code calls

    def value(self, site: int, value: Any, holder: Any = None) -> Any:
        return self.owned(site, _put_into(holder, value), None)

    def owned(self, site: int, value: Any, owner: Any) -> Any:
        key = self._next(site)
        place = self.sites[site]
        if not (place.kind == "assign" and place.last.endswith("]") and _is_scalar(value)):
            self._record(place, key, value, place.name, place.last, owner)
        return self._replaced(key, value)  # after it was recorded: what this line computes from right inputs

    def held(self, site: int, value: Any) -> Any:
        key = self._next(site)
        self._held[site].append((key, value))
        replacement = self.replace.get(key)
        return value if replacement is None else as_like(replacement, value)

    def attribute(self, site: int, owner: Any, name: Any, value: Any) -> tuple[Any, ...]:
        key = self._next(site)
        place = self.sites[site]
        if type(name) is str:
            self._record(place, key, value, f"{place.name}.{name}", name, owner)
        return owner, name, self._replaced(key, value)

    def index(self, site: int, index: Any, holder: Any = None) -> Any:
        key, value = self._held[site].pop()
        place = self.sites[site]
        value = _put_into(holder, value)
        if type(index) is str:
            self._record(place, key, value, f"{place.name}[{index!r}]", index)
        elif not _is_scalar(value) or type(holder) in (list, dict):  # not one entry of an array
            at = repr(index) if type(index) is int else "..."
            self._record(place, key, value, f"{place.name}[{at}]", f"{place.last}[{at}]")
        self._maybe_stop(key)
        return index

    def augmented(self, site: int, value: Any) -> Any:
        key = self._next(site)
        place = self.sites[site]
        self._record(place, key, value, place.name, place.last)
        return written(self._replaced(key, value), value)

    def seen(self, site: int, root: Any, steps: tuple[Step, ...], rest: tuple[Step, ...]) -> None:
        key = self._next(site)
        place = self.sites[site]
        name, last, value, owner = found(place, root, steps, rest)
        if value is NOTHING or (place.form == "handed" and self.keeps and not self._is_written(value)):
            return
        self._record(place, key, value, name, last, owner)
        if place.kind == "modify" and self.keeps:
            self._forget_earlier(site, value)
        written(self._replaced(key, value), value)

    def arguments(self, site: int, *values: Any) -> tuple[Any, ...]:
        first = self.sites[site]
        owner = id(values[0]) if first.name == "self" else 0
        where = first.file, first.function
        self._calls[where] = self._calls.get(where, (0, 0))[0] + 1, owner
        passed = []
        for number, value in enumerate(values, site):
            key = self._next(number)
            place = self.sites[number]
            self._record(place, key, value, place.name, place.last)
            passed.append(self._replaced(key, value))
        return tuple(passed)

    # -- inside

    def _next(self, site: int) -> Key:
        self._passes += 1
        if self._passes > 10 * self.limit:
            self._end()
        occurrence = self._counts.get(site, 0)
        self._counts[site] = occurrence + 1
        return Key(site, occurrence)

    def _replaced(self, key: Key, value: Any) -> Any:
        self._maybe_stop(key)
        replacement = self.replace.get(key)
        return value if replacement is None else as_like(replacement, value)

    def _maybe_stop(self, key: Key) -> None:
        if key in self.stop:
            stop()
        if len(self._values) > self.limit or self._bytes > self.most:
            self._end()

    def _end(self) -> None:
        self.ended = True
        stop()

    def _record(self, place: Site, key: Key, value: Any, name: str, last: str, owner: Any = None) -> None:
        call, own = self._calls.get((place.file, place.function), (0, 0))
        if owner is not None:
            own = id(owner)
            self._alive_owners.append(owner)
        if place.form == "moved" and issubclass(type(value), (list, tuple)):
            place = replaced(place, form="")  # a list is made longer, no number is moved
        edit = place.kind in ("augment", "modify")
        # a label that a loop over an integer array hands out is data; a Python int is a counter
        label = [(name, last, value)] if place.kind == "loop" and issubclass(type(value), np.integer) else None
        for path, leaf_name, leaf in label or leaves(value, name, last):
            if self.keeps and not edit and self._is_written(leaf):
                self._written_before(place, key, leaf)
            if self.keeps and edit and issubclass(type(leaf), np.ndarray):
                self._record_shared(place, key, leaf)
            leaf_name = leaf_name if self.naming is None else self.naming(path, leaf_name)
            large = (place.kind == "argument" or not self.keeps) and np.size(leaf) > LARGE
            copied = leaf if large else self._copy(leaf)
            recorded = Value(leaf_name, path, place, key, leaf is value, copied, id(leaf), own, call)
            if self.keeps:
                self._keep(recorded, leaf)
            if self.watch is not None and self.watch(recorded, leaf):
                stop()

    def _known(self, leaf: Any) -> tuple[Value, Any] | None:
        return (self._last.get(id(leaf)) or self.begun.last.get(id(leaf))) if self.keeps else None

    def _is_written(self, leaf: Any) -> bool:
        """Whether an array is no longer what was recorded of it last."""
        last = self._known(leaf)
        return last is not None and not np.array_equal(last[0].array, leaf, equal_nan=leaf.dtype.kind in "fc")

    def _written_before(self, place: Site, key: Key, leaf: Any) -> None:
        """What was written into an array on the way to this place is an edit of it, under the name that it had."""
        known = self._known(leaf)
        assert known is not None
        site = replaced(place, kind="modify")
        edited = replaced(known[0], site=site, key=key, plain=False, array=self._copy(leaf))
        self._keep(edited, leaf)
        if self.watch is not None and self.watch(edited, leaf):
            stop()

    def _record_shared(self, place: Site, key: Key, array: Any) -> None:
        """An edit of a view is one of every array that was recorded on the same memory."""
        memory = _memory(array)
        sharing = {**self.begun.sharing.get(memory, {}), **self._sharing[memory]}
        for known in sharing:
            leaf = (self._last.get(known) or self.begun.last[known])[1]
            # of a thousand rows that a loop goes through, none is another's view
            apart = leaf is array or (leaf.size <= array.size and len(sharing) > FEW)
            if not apart and self._is_written(leaf):
                self._written_before(place, key, leaf)

    def _keep(self, recorded: Value, leaf: Any) -> None:
        self._alive.append(leaf)
        self._values.append(recorded)
        if issubclass(type(leaf), np.ndarray):
            self._last[id(leaf)] = recorded, leaf
            self._sharing[_memory(leaf)][id(leaf)] = None

    def _copy(self, leaf: Any) -> Array:
        """A copy; the one made before where the array is still the same, since it is handed from line to line."""
        size = np.size(leaf)
        if size < 256:
            return np.array(leaf)
        if not self.keeps:
            return np.array(leaf)
        before = self._copies.get(id(leaf))
        plain = type(leaf) is np.ndarray
        if plain and before is not None and before.dtype == leaf.dtype and np.array_equal(before, leaf):
            return before
        self._bytes += leaf.nbytes
        copied = self._copies[id(leaf)] = np.array(leaf)
        return copied

    def _forget_earlier(self, site: int, value: Any) -> None:
        """Of an array that a loop fills entry by entry only the last version is kept."""
        at, phase = self._edits.get((site, id(value)), (-1, -1))
        self._edits[site, id(value)] = len(self._values) - 1, self.phase
        before = self._values[at] if phase == self.phase else None
        if before is not None:
            self._values[at] = self._alive[at] = None
            if before.array.size >= 256:
                self._bytes -= before.array.nbytes


def found(place: Site, root: Any, steps: tuple[Step, ...], rest: tuple[Step, ...]) -> tuple[str, str, Any, Any]:
    """What a place leads to, its names there and what holds it; of an edit, the array that was edited, else NOTHING."""
    name, last, value, holder = place.name, place.last, root, None
    for step in steps:
        holder, value = value, reach(value, step)
    if last == "shape" and issubclass(type(holder), np.ndarray):
        name = name.removesuffix(".shape")  # img.shape += (1,) lays the array out anew
        return name, name.rpartition(".")[2], holder, None
    if place.kind != "modify":
        return name, last, value, holder
    for step in rest:
        if issubclass(type(value), np.ndarray):
            break
        holder, value = value, reach(value, step)
        key = step[0]
        name, last = f"{name}[{key!r}]", key if isinstance(key, str) else f"{last}[{key!r}]"
    number = rest and type(holder) in (list, dict) and issubclass(type(value), (float, np.floating))
    return name, last, value if number or issubclass(type(value), np.ndarray) else NOTHING, holder


def written(replacement: Any, value: Any) -> Any:
    """Put a replacement into the array that was edited in place, so that whoever else holds it sees it."""
    if replacement is not value and issubclass(type(value), np.ndarray):
        if not np.can_cast(replacement.dtype, value.dtype, "same_kind") or replacement.shape != value.shape:
            return replacement
        np.copyto(value, replacement)
        return value
    return replacement


def as_like(array: Array, value: Any) -> Any:
    """The replacement in the form of what it replaces: an array of its own, or a Python or NumPy scalar."""
    kind = type(value)
    if kind is np.ndarray:
        return np.array(array)
    if issubclass(kind, np.ndarray):
        return _of_subclass(np.asarray(array), value)
    if issubclass(kind, np.generic):
        return np.asarray(array)[()]
    return np.asarray(array).item() if issubclass(kind, (float, complex)) else value


def _of_subclass(array: Array, value: Any) -> Any:
    """A matrix stays a matrix, and what is masked stays masked."""
    if array.shape != value.shape:
        return np.array(array)
    made = value.astype(array.dtype)
    made.view(np.ndarray)[...] = array
    return made


def _put_into(holder: Any, value: Any) -> Any:
    """What is stored under a key: an array takes the numbers only, and what is done to them later is not seen there."""
    into_array = issubclass(type(holder), np.ndarray) and issubclass(type(value), np.ndarray)
    return np.array(value) if into_array else value


def _memory(array: Any) -> int:
    """The id of what owns an array's memory."""
    while issubclass(type(array.base), np.ndarray):
        array = array.base
    return id(array)


def _is_scalar(value: Any) -> bool:
    """One entry of an array is no value of its own."""
    return is_numeric(value) and np.ndim(value) == 0


def is_numeric(value: object) -> bool:
    """Arrays of numbers or booleans, and floats; Python ints are counters and sizes, not data."""
    kind = type(value)
    if issubclass(kind, np.ndarray):
        return value.dtype.kind in "fcbiu"  # type: ignore[attr-defined]
    return issubclass(kind, (float, complex, np.floating, np.complexfloating))


def leaves(value: Any, path: str, name: str, depth: int = 3, most: int = 64) -> Iterator[tuple[str, str, Any]]:
    """(path, last name, value) of each numeric leaf of nested lists, tuples, named tuples and dicts."""
    kind = type(value)
    if is_numeric(value):
        yield path, name, value
    elif depth == 0:
        return
    elif (fields := fields_of(kind)) is not None:
        for field_name, item in zip(fields, tuple.__iter__(value)):
            yield from leaves(item, f"{path}.{field_name}", field_name, depth - 1)
    elif issubclass(kind, (list, tuple)) and (list if issubclass(kind, list) else tuple).__len__(value) <= most:
        base = list if issubclass(kind, list) else tuple
        for i, item in enumerate(base.__iter__(value)):
            yield from leaves(item, f"{path}[{i}]", f"{name}[{i}]", depth - 1)
    elif issubclass(kind, dict) and dict.__len__(value) <= most:
        for k, item in list(dict.items(value)):
            shown = repr(k) if type(k) in (str, int, float, bool, tuple) else "..."
            yield from leaves(item, f"{path}[{shown}]", k if type(k) is str else f"{name}[{shown}]", depth - 1)
