"""What the probes do while instrumented code runs: record everything, or only replace, watch and stop.

A value is known by its key: the site that made it and how many times that site had been passed before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture import kinks
from gradcheck.capture.rewrite import ARGUMENTS, COMPARE, KINK, MODIFIED, PROBE, Site

Array = NDArray[Any]
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
    """Its key; None of the parts of a container can be replaced by it, only plain values."""
    plain: bool
    """True when the site's value is the array itself, not a container that holds it."""
    array: Array
    """A copy, as it was at that moment."""
    identity: int
    """id() of the object, unique while the trace is alive."""


class StopRun(BaseException):
    """Ends an instrumented run once what was asked for is known; no `except Exception` of the user's catches it."""


Probes = Mapping[str, Callable[..., Any]]
"""What the rewritten code calls, by the names of `rewrite`."""


@dataclass(slots=True)
class Recorder:
    """Records every value of one run in order, on copies."""

    sites: list[Site]
    replace: Mapping[Key, Array] = field(default_factory=dict)
    stop: frozenset[Key] = frozenset()
    """The run ends when one of these is recorded."""
    watch: Callable[[Value], bool] | None = None
    """Asked after each value; True ends the run."""
    limit: int = 200_000
    """The run ends after this many values, however long it would go on."""
    values: list[Value] = field(default_factory=list)
    signature: list[tuple[int, Array]] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)
    alive: list[object] = field(default_factory=list)

    def probes(self) -> Probes:
        return {
            PROBE: self.probe,
            MODIFIED: self.modified,
            ARGUMENTS: self.arguments,
            COMPARE: self.compare,
            KINK: self.kink,
        }

    def probe(self, site: int, value: Any) -> Any:
        key = self._next(site)
        replacement = self.replace.get(key)
        self._record(site, key, value)  # before it is replaced: what this line computes from right inputs
        self._maybe_stop(key)
        return value if replacement is None else as_like(replacement, value)

    def modified(self, site: int, value: Any) -> None:
        key = self._next(site)
        replacement = self.replace.get(key)
        if not (self.sites[site].kind == "modify" and not isinstance(value, np.ndarray)):
            self._record(site, key, value)
        self._maybe_stop(key)
        if replacement is not None and isinstance(value, np.ndarray):
            np.copyto(value, replacement)

    def arguments(self, site: int, *values: Any) -> None:
        for i, value in enumerate(values):
            self._record(site + i, self._next(site + i), value)

    def compare(self, site: int, sign: str, left: Any, right: Any) -> Any:
        result = kinks.OPERATORS[sign](left, right)
        self._kink(site, kinks.of_comparison(result) if _is_float(left) or _is_float(right) else None)
        return result

    def kink(self, site: int, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self._kink(site, kinks.of_call(function, args, kwargs))
        return function(*args, **kwargs)

    def _kink(self, site: int, pattern: Array | None) -> None:
        if pattern is not None and len(self.signature) < self.limit:
            self.signature.append((site, pattern))

    def _next(self, site: int) -> Key:
        occurrence = self.counts.get(site, 0)
        self.counts[site] = occurrence + 1
        return Key(site, occurrence)

    def _maybe_stop(self, key: Key) -> None:
        if key in self.stop or len(self.values) > self.limit:
            raise StopRun

    def _record(self, site: int, key: Key, value: Any) -> None:
        place = self.sites[site]
        for path, name, leaf in leaves(value, place.name, _last(place.name)):
            copied = leaf if place.kind == "argument" and np.size(leaf) > LARGE else np.array(leaf)
            self.alive.append(leaf)
            recorded = Value(name, path, place, key, leaf is value, copied, id(leaf))
            self.values.append(recorded)
            if self.watch is not None and self.watch(recorded):
                raise StopRun


@dataclass(slots=True)
class Evaluator:
    """One forward run for the loss: replaces, keeps what the loss needs, and stops as soon as it has that."""

    wanted: frozenset[Key]
    replace: Mapping[Key, Array]
    found: dict[Key, Any] = field(default_factory=dict)
    signature: list[tuple[int, Array]] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)
    hot: frozenset[int] = frozenset()

    def probes(self) -> Probes:
        self.hot = frozenset(k.site for k in (*self.wanted, *self.replace))
        return {
            PROBE: self.probe,
            MODIFIED: self.modified,
            ARGUMENTS: _ignore,
            COMPARE: self.compare,
            KINK: self.kink,
        }

    def probe(self, site: int, value: Any) -> Any:
        if site not in self.hot:
            return value
        occurrence = self.counts.get(site, 0)
        self.counts[site] = occurrence + 1
        key = Key(site, occurrence)
        if key in self.replace:
            value = as_like(self.replace[key], value)
        self._keep(key, value)
        return value

    def modified(self, site: int, value: Any) -> None:
        if site in self.hot:
            occurrence = self.counts.get(site, 0)
            self.counts[site] = occurrence + 1
            key = Key(site, occurrence)
            if key in self.replace and isinstance(value, np.ndarray):
                np.copyto(value, self.replace[key])
            self._keep(key, value)

    def _keep(self, key: Key, value: Any) -> None:
        if key in self.wanted:
            self.found[key] = np.array(value)
            if len(self.found) == len(self.wanted):
                raise StopRun

    def compare(self, site: int, sign: str, left: Any, right: Any) -> Any:
        result = kinks.OPERATORS[sign](left, right)
        if _is_float(left) or _is_float(right):
            pattern = kinks.of_comparison(result)
            if pattern is not None:
                self.signature.append((site, pattern))
        return result

    def kink(self, site: int, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        pattern = kinks.of_call(function, args, kwargs)
        if pattern is not None:
            self.signature.append((site, pattern))
        return function(*args, **kwargs)


def _ignore(*_: object) -> None:
    return None


def as_like(array: Array, value: Any) -> Any:
    """The replacement in the form of what it replaces: an array of its own, or a Python or NumPy scalar."""
    if isinstance(value, np.ndarray):
        return np.array(array)
    return np.asarray(array)[()] if isinstance(value, np.generic) else np.asarray(array).item()


def is_numeric(value: object) -> bool:
    """Arrays of numbers or booleans, and floats; Python ints are counters and sizes, not data."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fcbiu"
    return isinstance(value, (float, complex, np.floating, np.complexfloating))


def leaves(value: Any, path: str, name: str, depth: int = 3, most: int = 64) -> Iterator[tuple[str, str, Any]]:
    """(path, last name, value) of each numeric leaf of nested lists, tuples, named tuples and dicts."""
    if is_numeric(value):
        yield path, name, value
    elif depth == 0:
        return
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for field_name, item in zip(value._fields, value, strict=False):
            yield from leaves(item, f"{path}.{field_name}", field_name, depth - 1)
    elif isinstance(value, (list, tuple)) and len(value) <= most:
        for i, item in enumerate(value):
            yield from leaves(item, f"{path}[{i}]", f"{name}[{i}]", depth - 1)
    elif isinstance(value, dict) and len(value) <= most:
        for k, item in value.items():
            last = k if isinstance(k, str) else f"{name}[{k!r}]"
            yield from leaves(item, f"{path}[{k!r}]", last, depth - 1)


def _last(path: str) -> str:
    """W1 of self.W1 and of grads['W1']."""
    if path.endswith(("']", '"]')):
        return path[:-2].rpartition(path[-2])[2]
    return path.rpartition(".")[2] if "(" not in path else path


def _is_float(value: object) -> bool:
    return isinstance(value, (float, np.floating)) or (isinstance(value, np.ndarray) and value.dtype.kind in "fc")
