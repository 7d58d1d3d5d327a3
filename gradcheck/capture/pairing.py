"""Which recorded gradient belongs to which value of the forward, where a name alone does not say.

Layers share their code, and so their names: every `dW` of a network is computed on one line. So a name is looked up
where the line would look it up: among the names of the same call, which may hold the very array that the forward
used; in the instance whose method it is; among the module's own; and only then anywhere.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

import numpy as np

from gradcheck.capture.forward import Forward, is_drivers, variable_of
from gradcheck.capture.rates import is_average, names_in
from gradcheck.capture.record import Key, Value
from gradcheck.capture.scoping import is_known_to_functions, is_local
from gradcheck.capture.state import Root
from gradcheck.capture.steps import BINDS, EDITS, FirstStep, among_gradients, keys_of, may_be_gradient
from gradcheck.capture.trace import Variable

_FRESH = frozenset({"assign", "unpack", "return"})


@dataclass(slots=True)
class Group:
    """The versions of one gradient, oldest first."""

    name: str
    of: Variable
    versions: list[Value]
    names: list[str] = field(default_factory=list)
    """Other names under which the same array went."""
    driven: bool = False
    """Whether the driver has given it a name: it is what the target hands back."""
    handed: int = 0
    """The id of the array that it hands back; 0 for none."""
    closed: bool = False
    """Whether the parameter has been updated with it: what bears the name from then on is something else."""
    moves: bool = False
    """Whether its one version is the parameter after its update, from which the gradient is to be had."""

    @property
    def each_anew(self) -> bool:
        """Whether one line computes it several times, each time afresh: for each sample of a step."""
        return _repeated(self) is not None


@dataclass(frozen=True, slots=True)
class Pairing:
    """What came of it."""

    variables: dict[str, Variable]
    """Every name of the forward, with the value it stood for last."""
    gradients: tuple[Group, ...]
    """In the order in which the code first computes them."""
    rounds: tuple[dict[str, Variable], ...] = ()
    """The values of each run of the forward, where a step adds up the gradients of several: one a sample."""


class _Pairs:
    """Walks a run from its first gradient on."""

    def __init__(self, forward: Forward, step: FirstStep, base_of: Callable[[str], Sequence[str]]) -> None:
        self.forward = forward
        self.step = step
        self.base_of = base_of
        self.groups: dict[tuple[str, object], Group] = {}
        self.later: set[Key] = set()
        """Values of the backward of other samples than the first."""
        self._by_array: dict[int, Group] = {}
        self._homes: dict[str, tuple[str, str]] = {}
        """Where each name was first a gradient's."""
        self._scopes: dict[tuple[str, str], tuple[int, dict[str, int]]] = {}
        self._namesakes: dict[tuple[int, str], int] = {}
        """By an entry of what a function is handed and its name, the entry of that name of what it was handed before:
        f(net, target) has a W in each."""

    def bind(self, value: Value) -> None:
        """Note what a name stands for in its function; what `layer.W -= ...` has moved is no W of its own."""
        if value.site.form == "moved" and value.site.name != value.name:
            return
        names = self._scope(value)
        before = names.get(value.name, value.identity)
        if before != value.identity and value.site.kind == "argument" and not value.plain:
            self._namesakes[value.identity, value.name] = before
        names[value.name] = value.identity

    def _scope(self, value: Value) -> dict[str, int]:
        where = value.site.file, value.site.function
        call, names = self._scopes.get(where, (-1, {}))
        if call != value.call:
            names = {}
            self._scopes[where] = value.call, names
        return names

    def take(self, value: Value, leaf: object) -> None:
        """Note a value of the backward, if it is a gradient or updates what one belongs to."""
        if value.site.kind not in BINDS - {"element", "loop"}:
            return
        known, edit = self._by_array.get(value.identity), value.site.kind in EDITS
        if known is not None and edit:
            if not known.closed:  # what is set back to zero behind its update is no other gradient
                known.versions.append(value)
            return
        owner, sure = self._owner(value, leaf)
        if known is not None and owner is not None and known.of.ref != owner.ref and is_drivers(value):
            del self.groups[
                known.name, known.of.ref
            ]  # what the driver calls it, it is: a name of the user's is his own
        elif known is not None and (owner is None or self._is_the_same(known, value, owner)):
            known.names.append(value.name)  # the same array, handed from function to function
            if is_drivers(value):
                known.driven, known.handed = True, value.identity
            return
        if owner is None:
            if not self._rounded(value):
                self._close(value)
            return
        if self.forward.drivers and value.site.form == "refined" and _laid_out_anew(value, owner):
            return
        otherwise = value.array.ndim != owner.array.ndim and value.array.size == owner.array.size > 1
        if otherwise and (not sure or (value.site.kind in EDITS and not value.plain)):
            return  # what a helper calls da is laid out otherwise there
        where = value.site.file, value.site.function
        group = self.groups.get((value.name, owner.ref))
        if group is None and not sure and self._homes.get(value.name, where) != where:
            return  # a name that goes from layer to layer: `d = layer.backward(d)`
        if group is None and value.array.shape != owner.array.shape and self._has_been_anothers(value.name):
            return  # likewise, in a loop over layers in which it was the gradient of the last one
        self._homes.setdefault(value.name, where)
        if group is None:
            group = self.groups[value.name, owner.ref] = Group(value.name, owner, [])
            group.driven = is_drivers(value)
        elif group.closed or not (value.plain or value.site.form == "refined"):
            return
        group.versions.append(value)
        self._by_array[value.identity] = group

    def _is_the_same(self, known: Group, value: Value, owner: Variable) -> bool:
        """Whether an array that is a gradient already is that under another name as well: by its owner, its own name,
        or where it only has come to a function under a name of which another one holds what it has not the shape of.
        """
        bound = owner.order < 0 or any(base in self._scope(value) for base in self.base_of(value.name))
        fits = not bound and known.of.array.shape == value.array.shape != owner.array.shape
        return known.of.ref == owner.ref or value.name == known.name or fits

    def _has_been_anothers(self, name: str) -> bool:
        return any(name in group.names for group in self.groups.values())

    def _rounded(self, value: Value) -> bool:
        """Whether a gradient's name now stands for whole numbers of the same shape: they are judged as the gradient."""
        for group in self.groups.values():
            alike = group.name == value.name and group.of.array.shape == value.array.shape
            if alike and value.plain and value.array.dtype.kind in "iub" and not group.closed:
                group.versions.append(value)
                self._by_array[value.identity] = group
                return True
        return False

    def _of_its_shape(self, value: Value, base: str, found: Variable | None) -> Variable | None:
        """Of what bore a name one after the other, `col` before and after it was laid out anew, the one that a gradient
        has the shape of."""
        if not self.forward.drivers or found is None or is_drivers(value) or value.array.shape == found.array.shape:
            return found
        same = (v for v in reversed(self.forward.versions.get(base, ())) if v.array.shape == value.array.shape)
        return next((v for v in same if v.array.size == found.array.size), found)

    def _of_several(self, value: Value, base: str, names: Mapping[str, int]) -> Variable | None:
        """Of what bears a name in several places, all away from the gradient's: the one that the step moves, or that
        was computed in the call that most of what the gradient's function has at hand comes from.

        Of two networks with a W each, one may only be asked for its output.
        """
        refs = {v.ref: v for v in self.forward.versions.get(base, ()) if v.array.shape == value.array.shape}
        if len(refs) < 2:
            return None
        moved = [v for v in refs.values() if v.ref in self.moved]
        if moved:
            return moved[-1] if len(moved) == 1 else None
        at_hand = (self.forward.by_identity.get(identity) for identity in names.values())
        calls = Counter(self.forward.calls.get(v.ref) for v in at_hand if v is not None)
        count = {ref: calls[self.forward.calls.get(ref)] for ref in refs}
        most = max(count.values())
        return next(v for v in reversed(refs.values()) if count[v.ref] == most) if most else None

    @functools.cached_property
    def moved(self) -> frozenset[object]:
        """What the step adds to or takes from."""
        found = (self.forward.moved_by(m) for m in self.step.moves)
        return frozenset(of.ref for of in found if of is not None)

    def _is_of_several(self, value: Value, base: str, found: Variable) -> bool:
        """Whether a name is that of several things, layer for layer, and another one has a gradient's shape, or
        another that the step moves: `for W in Ws[:-1]` goes through all layers but the last.
        """
        shape = value.array.shape
        if shape == found.array.shape or is_drivers(value):
            return False
        bearers = self.forward.versions.get(base, ())
        lines = [v.site and v.site.number for v in bearers]
        by_layer = [v for v, line in zip(bearers, lines) if lines.count(line) > 1]
        return any(v.array.shape == shape for v in by_layer) or (len(by_layer) > 1 and shape in self._shapes_moved)

    @functools.cached_property
    def _shapes_moved(self) -> frozenset[tuple[int, ...]]:
        return frozenset(of.array.shape for m in self.step.moves if (of := self.forward.moved_by(m)) is not None)

    def _read_by(self, value: Value, base: str, names: Mapping[str, int]) -> Variable | None:
        """Of what bears a name layer for layer the one that a gradient's line reads under another name: behind
        `_, Zp = caches[l - 2]`, dZ = dA * (Zp > 0) is made for the layer below.
        """
        read = {names.get(name) for name in names_in(value.site)}
        fits = [v for v in self.forward.versions.get(base, ()) if v.array.shape == value.array.shape]
        return next((v for v in fits if v.order >= 0 and v.identity in read), None)

    def _but_running(self, base: str, found: Variable | None) -> Variable | None:
        """Of self.var, computed from what it was, and the var beside it: the one that the forward goes on with."""
        if found is None or found.site is None or not (found.owner and found.site.form in ("refined", "moved")):
            return found
        if "." not in found.site.name:
            return found  # h = tanh(x @ Wx + h @ Wh): a step of time
        plain = (v for v in reversed(self.forward.versions.get(base, ())) if v.site and v.site.form in ("", "alias"))
        return next((v for v in plain if v.array.shape == found.array.shape), found)

    def _local(self, names: Mapping[str, int], base: str, owner: int) -> Variable | None:
        """What a name stands for in a call: of a value with other uses beside that, what the function was handed."""
        known = self.forward.by_identity.get(names[base]) if base in names else None
        other = self.forward.by_identity.get(self._namesakes.get((names.get(base, 0), base), 0))
        if other is not None and other.ref in self.moved and (known is None or known.ref not in self.moved):
            known = other
        if known is None or known.order < 0 or known.name == base:
            return known
        return self.forward.arguments.get((names[base], base, owner)) or known

    def _owner(self, value: Value, leaf: object) -> tuple[Variable | None, bool]:
        """What a value is the gradient of, and whether that is sure: found in its call, its instance or its module."""
        names = self._scope(value)
        keyed = self.forward.by_keys(keys_of(value.path))
        if keyed is not None and may_be_gradient(value, leaf, keyed.array.shape):
            return keyed, True
        for base in self.base_of(value.name):
            own = self._local(names, base, value.owner) or self.forward.by_owner.get((value.owner, base))
            if is_drivers(value) and base not in self.forward.drivers:
                own = self.forward.top.get(base) or own  # not the entry of that name in a cache that it was handed
            outer = (self.forward.top.get(base), self.forward.by_name.get(base))
            inside = any(name.startswith(f"{base}[") for name in names) and base not in names
            top, anywhere = (None if inside and _is_hidden(of, value, base) else of for of in outer)
            nearest = self._but_running(base, own or top)
            found = self._of_its_shape(value, base, nearest or self._of_several(value, base, names) or anywhere)
            if nearest is None and found is not None and _is_anothers(found, value):
                continue
            if found is not None and _is_the_scripts(found, value, base) and found.ref not in self.moved:
                continue
            several = found is not None and self._is_of_several(value, base, found)
            if several and base not in names:
                continue
            if several and found is not None and found.order >= 0:
                begun = (value.name, found.ref) in self.groups  # in a loop over layers it ends as another one's
                found = self._read_by(value, base, names) or (found if begun else None)
            if found is not None and found.array.dtype.kind == "f" and may_be_gradient(value, leaf, found.array.shape):
                # a value of the forward goes by the name that its gradient has it under, whatever else it is called
                named = found if found.order < 0 else replace(found, name=base, last=base)
                return named, nearest is not None or ("." in base and base == found.ref)  # layer.b, as it was told
        return None, False

    def _close(self, value: Value) -> None:
        if value.site.kind not in EDITS and value.identity in self.forward.by_identity:
            return  # x, h = cache: what the forward put there
        for group in self.groups.values():
            # x, h = cache[t] may also be a row of what goes by that name, which nothing has recorded
            a_part = value.site.kind in ("unpack", "loop") and value.array.shape != group.of.array.shape
            if is_update(value, group.of) and not a_part and not np.array_equal(value.array, group.of.array):
                group.closed = True

    def result(self) -> list[Group]:
        """The gradients that can be judged."""
        kept = [g for g in self.groups.values() if self._settle(g)]
        kept = _with_their_own(kept)
        driven = {g.of.ref for g in kept if g.driven}
        kept = [g for g in kept if g.driven or g.of.ref not in driven]  # others are a part of what is handed back
        summed = {g.of.ref for g in kept if not _repeated(g)}
        added = {g.of.ref: g for g in kept if self.step.turns and _is_added_up(g)}
        for group in kept:
            if group.of.ref in added and added[group.of.ref] is not group:
                added[group.of.ref].names.append(group.name)
        whole = [g for g in kept if added.get(g.of.ref, g) is g and not (added and self._is_later(g))]
        return [g for g in whole if not (_repeated(g) and g.of.ref in summed)]

    def _is_later(self, group: Group) -> bool:
        """Whether it belongs to another than the first of the samples that a step adds up."""
        ref = group.of.ref
        return not isinstance(ref, str) and group.versions[0].key in self.later

    def _settle(self, group: Group) -> bool:
        """Keep what is surely the gradient where a loop gives its name to several things; False for nothing."""
        versions = group.versions
        turns = {v.array.shape for v in versions if v.site.number == versions[0].site.number}
        if len(turns) > 1 and group.of.array.shape not in turns:
            return False  # `dout = W.T @ dz` in a loop over layers: the name goes on, what it was of is behind
        if _is_of_a_row(group):
            versions[:] = [v for v in versions if v.array.shape == group.of.array.shape]
            return bool(versions)
        while len(versions) > 1 and versions[-1].site.form == "passed":
            versions.pop()
        del versions[_passed_on(group) :]
        again = _repeated(group)
        if self.step.turns or again is None:
            return True
        mine = [v for v in versions if v.identity == group.handed]
        if mine and not any(v is again for v in mine):
            versions[:] = mine  # a step's own dW, which the loop over time adds to the dW that is handed back
            return True
        del versions[versions.index(again) :]
        ref = group.of.ref
        # one turn's share of a parameter that is used at every step of time is not the parameter's gradient
        share = again.site.function == versions[0].site.function and again.call != versions[0].call
        return not share if isinstance(ref, str) else ref.occurrence == 0


def _with_their_own(groups: list[Group]) -> list[Group]:
    """The groups without those that the driver had from an update, where the user's function has the very gradient."""
    found: list[Group] = []
    for told in groups:
        last = told.versions[-1]
        if told.driven and is_drivers(told.versions[0]) and last.site.kind == "assign":
            mine = [g for g in groups if not g.driven and g.of.ref == told.of.ref]
            own = next((g for g in mine if _is_same(g.versions[-1].array, last.array)), None)
            if own is not None:
                own.driven = True
                own.names += [told.name, *told.names]
                found.append(told)
    return [g for g in groups if g not in found]


def _is_of_a_row(group: Group) -> bool:
    """Whether it is computed row by row of a value of the forward: of the K of all samples dK of one at a time."""
    shape, own = group.of.array.shape, group.versions[0].array.shape
    if isinstance(group.of.ref, str) or len(shape) < 2 or own != shape[1:]:
        return False
    line = group.versions[0].site.number
    # a state is kept from before the first step on, too
    return sum(v.site.number == line for v in group.versions) in (shape[0], shape[0] - 1)


def _is_same(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12)


def _is_hidden(of: Variable | None, gradient: Value, base: str) -> bool:
    """Whether what bears a name in the module is another thing in the gradient's function: h, a dictionary by steps."""
    modules = of is not None and not of.owner and (of.site is None or not of.site.function)
    return modules and is_local(gradient.site.file, gradient.site.line, base)


def _is_the_scripts(of: Variable, gradient: Value, base: str) -> bool:
    """Whether a name of the module is one that its functions never say: z, the noise that a script draws for itself,
    beside a function's dz of another shape.
    """
    modules = of.ref == base if of.site is None else not of.site.function and of.site.file == gradient.site.file
    apart = modules and gradient.site.function and gradient.array.shape != of.array.shape
    # of b[0] the functions say b
    return bool(apart) and not is_known_to_functions(gradient.site.file, re.split(r"\W", base)[0])


def _is_anothers(of: Variable, gradient: Value) -> bool:
    """Whether what bears the name is only what a helper calls its argument: sigmoid(z), where dz has another shape."""
    handed = of.site is not None and of.site.kind == "argument" and of.site.function != gradient.site.function
    return handed and of.array.shape != gradient.array.shape


def _is_added_up(group: Group) -> bool:
    """Whether a gradient is a sum over samples: computed from what it was, once for each."""
    form = group.versions[-1].site.form
    return len(group.versions) > 1 and (form in ("refined", "moved") or group.versions[-1].site.kind in EDITS)


def _repeated(group: Group) -> Value | None:
    """The first version that a line computes afresh, having computed an earlier one."""
    seen: dict[int, Value] = {}
    for value in group.versions:
        if value.site.kind in _FRESH and value.site.form not in ("refined", "moved"):
            before = seen.setdefault(value.site.number, value)
            if before is not value and not np.array_equal(before.array, value.array):
                return value
    return None


def _passed_on(group: Group) -> int:
    """Where a loop over layers begins to hand the name on, `d = -layer.backward(d)`, and it comes to another shape."""
    fresh = [v for v in group.versions if v.site.kind in _FRESH]
    lines = [v.site.number for v in fresh]
    other = {v.site.number for v in fresh if v.array.shape != group.of.array.shape and lines.count(v.site.number) > 1}
    at = (i for i, v in enumerate(group.versions) if i and v.site.number in other)
    return next(at, len(group.versions))


def _laid_out_anew(value: Value, of: Variable) -> bool:
    """Whether a gradient has got other axes for what follows: `dout = dout.transpose(0, 2, 3, 1).reshape(-1, C)`."""
    shape, own = value.array.shape, of.array.shape
    return shape != own and value.array.size == of.array.size and max(len(shape), len(own)) > 2


def is_update(value: Value, of: Variable) -> bool:
    """Whether a value recorded behind its gradient is what a parameter is from then on."""
    if value.site.kind not in ("assign", "augment", "modify", "unpack"):
        return False
    if value.identity == of.identity:
        return value.site.kind in EDITS
    if among_gradients(value.path):
        return False
    if of.owner and value.owner == of.owner and of.last.rpartition(".")[2] == value.name:
        return True  # layer.W of net[2].W
    return of.last in (value.name, value.site.last) and (not of.owner or value.owner in (0, of.owner))


Feeds = Callable[[Variable, Value], bool]
"""Whether anything that was computed before a value depends on a variable."""
Rests = Callable[[Collection[Variable], Collection[Key], Collection[int]], bool]
"""Whether what some sites compute rests on values, given by their keys, that are made of some variables."""


def first_update(
    values: Sequence[tuple[Value, object]],
    moves: Sequence[Value],
    roots: Mapping[str, Root],
    instances: Mapping[int, str],
    feeds: Feeds,
) -> tuple[Key, Key] | None:
    """The first of the moves that updates a parameter, in a run that names no gradient, behind what it is made of."""
    forward = Forward(roots, instances)
    waiting = {m.key: m for m in moves}
    for i, (value, _) in enumerate(values):
        if value.key in waiting:
            of = forward.moved_by(value)
            if of is not None and feeds(of, value):
                own = called_gradient([v for v, _ in values], value, of)
                return value.key if own is None else own.key, value.key
        forward.take(i, value)
    return None


CALLED = re.compile(r"(?i)(?:grad|gradient|derivative)s?(?:\(\))?$")
"""Names of gradients that don't say whose they are, and of functions that hand such back."""


def called_gradient(values: Sequence[Value], update: Value, of: Variable) -> Value | None:
    """What an update takes a multiple of, where the code computes it under the bare name of a gradient and once."""
    values = list(takewhile(lambda v: v.key != update.key, values))
    change = np.asarray(of.array) - update.array if of.array.shape == update.array.shape else np.zeros(1)
    named = [v for v in values if v.site.kind in _FRESH and CALLED.match(v.name) and v.array.shape == change.shape]
    named = [v for v in named if v.array.dtype.kind == "f" and v.key.occurrence == 0 and _is_along(change, v.array)]
    return named[-1] if named and sum(v.site.number == named[-1].site.number for v in values) == 1 else None


def _is_along(change: np.ndarray[Any, Any], gradient: np.ndarray[Any, Any]) -> bool:
    """Whether a step of several entries is a multiple of a gradient, but for the rounding of the parameter."""
    size = float(np.linalg.norm(change) * np.linalg.norm(gradient))
    return change.size > 1 and size > 0 and abs(abs(float(np.vdot(change, gradient))) / size - 1) < 1e-9


def pair(
    values: Sequence[tuple[Value, object]],
    step: FirstStep,
    roots: Mapping[str, Root],
    instances: Mapping[int, str],
    base_of: Callable[[str], Sequence[str]],
    feeds: Feeds,
    rests: Rests,
) -> Pairing:
    """Find the gradients of a run, and what each is the gradient of."""
    forward = Forward(roots, instances)
    pairs = _Pairs(forward, step, base_of)
    begun = False
    rounds: list[dict[str, Variable]] = []
    names: set[str] = set()
    for i, (value, leaf) in enumerate(values):
        begun = begun or value.key == step.first_gradient
        if (value.key, value.path) in step.called:
            value = replace(value, name=step.called[value.key, value.path])
        if not begun or value.key in step.turns:
            forward.take(i, value)
            names.add(value.name)
        else:
            if (rounds and value.key in step.rounds and names) or pairs.later:
                pairs.later.add(value.key)
            pairs.take(value, leaf)
            if value.key in step.rounds and names:
                rounds.append({name: forward.by_name[name] for name in names if name in forward.by_name})
                names = set()
        pairs.bind(value)
    if step.turns and _is_over_time([value for value, _ in values], step, pairs, rests):
        step.turns, step.rounds = set(), set()
        return pair(values, step, roots, instances, base_of, feeds, rests)
    variables = forward.by_name
    found = pairs.result()
    for i, value in _late(values, step, {g.of.identity for g in found}):
        known = variables.get(value.name)
        # a step of time at a time, loss, gradients, `loss += ...`: the loss is what it has come to in the end
        if known is None or known.site in (None, value.site) or value.site.kind == "augment":
            variables[value.name] = variable_of(i, value)
    groups = _told_apart(found, forward, base_of)
    if not any(is_drivers(value) and base_of(value.name) for value, _ in values):  # which says what it looks for
        moved = _from_updates(values, step, forward, groups, feeds)
        of_all = {g.of.ref for g in moved}  # what is added up over samples takes the place of each one's own
        groups = [*(g for g in groups if g.of.ref not in of_all), *moved]
    own = {name: variables[name] for name in forward.drivers if name in variables}
    named = {**variables, **{g.of.name: g.of for g in groups}, **own}
    return Pairing(named, tuple(groups), tuple(rounds))


def _late(values: Sequence[tuple[Value, object]], step: FirstStep, graded: set[int]) -> Iterator[tuple[int, Value]]:
    """What is called a loss and written down behind the gradients, as long as nothing that has one is changed."""
    begun = not step.late
    for i, (value, _) in enumerate(values):
        begun = begun or value.key == step.first_gradient
        if begun and value.site.kind in EDITS and value.identity in graded:
            return
        if value.key in step.late:
            yield i, value


def _is_over_time(values: Sequence[Value], step: FirstStep, pairs: _Pairs, rests: Rests) -> bool:
    """Whether what comes round again is no forward of another sample: it rests on one that was over before.

    A loop back over time computes dy of each step from what the forward made of all of them.
    """
    first = next((i for i, v in enumerate(values) if v.key == step.first_gradient), 0)
    again = {key.site for key in step.turns}
    owners = {g.of.ref: g.of for g in pairs.groups.values()}
    made = [ref for ref in owners if isinstance(ref, Key)]
    if any(key.site in again for key in made):
        return False
    known = {of.identity for of in owners.values()}
    floats = (v for v in values[:first] if v.plain and v.array.dtype.kind == "f" and v.identity not in known)
    over = {v.key for v in floats if v.site.kind != "argument" and v.key.site not in again}
    return rests(owners.values(), {*over, *made}, again)


def _from_updates(
    values: Sequence[tuple[Value, object]], step: FirstStep, forward: Forward, groups: list[Group], feeds: Feeds
) -> list[Group]:
    """Parameters that are moved, and that no gradient is named after."""
    have = {g.of.ref for g in groups} | {v.key for g in groups for v in g.versions}
    each = {g.of.ref: {g.name, *g.names} for g in groups if step.turns and g.each_anew}
    names = {name for g in groups for name in (g.name, *g.names)}
    moved = {m.key for m in step.moves}
    found: list[Group] = []
    in_forward: set[int] = set()
    first = next((i for i, (v, _) in enumerate(values) if v.key == step.first_gradient), len(values))
    again = {v.site.number for v, _ in values[first:]}
    begun = False
    stood: dict[tuple[str, str, str], int] = {}
    for value, _ in values:
        begun = begun or value.key == step.first_gradient
        where = value.site.file, value.site.function, value.path
        was, stood[where] = stood.get(where, 0), value.identity  # `layer["W"] = layer["W"] - ...`, layer for layer
        if not begun:
            in_forward.add(value.site.number)  # z = z - z.max() of a softmax: what runs it again updates nothing
        elif value.site.number in in_forward:
            continue
        is_move = begun and value.key in moved and value.name not in names
        of = forward.moved_by(value, was) if is_move else None
        if of is not None and (more := _other_rows(value, of, found)) is not None:
            more.versions.append(value)
            continue
        anew = of is not None and of.site is not None and of.site.number in again  # dy = p.copy(), then dy[y] -= 1
        summed = of is not None and of.ref in each and not each[of.ref] & names_in(value.site)
        if of is not None and not anew and (of.ref not in have or summed) and feeds(of, value):
            have.add(of.ref)
            named = called_gradient([v for v, _ in values], value, of)
            found.append(Group(of.name, of, [value], moves=True) if named is None else Group(named.name, of, [named]))
    trained = [g for g in found if not (g.moves and is_average(g.versions[0].site))]
    found = trained if trained or groups else found  # a baseline of rewards is no parameter; a map's weights are
    for name, several in _by([g for g in found if g.moves], lambda g: g.name):
        for k, group in enumerate(several):
            own = name if len(several) == 1 else _own_name(name, group.of, k)  # several layers may have a bias
            group.name, group.of = f"{own}{MOVED}", replace(group.of, name=own)
    return found


def _other_rows(value: Value, of: Variable, found: Sequence[Group]) -> Group | None:
    """What has moved a part of a parameter, where another line moves more of it: W[i] -= ..., then W[js] -= ..."""
    group = next((g for g in found if g.of.ref == of.ref), None)
    parts = group is not None and {value.site.kind, *(v.site.kind for v in group.versions)} == {"modify"}
    return group if parts and group and value.site.number not in {v.site.number for v in group.versions} else None


MOVED = " (from its update)"
"""What the name of a gradient ends with that is had from an update of what it is the gradient of."""

_NONE = Variable("", "", np.array(0.0), None, -1)


def _told_apart(groups: list[Group], forward: Forward, base_of: Callable[[str], Sequence[str]]) -> list[Group]:
    """Gradients of one name get names of their own, and so do the values that they belong to."""
    taken = [name for g in groups for name in {g.name, *g.names}]
    for name, several in _by(groups, lambda g: g.name):
        for k, group in enumerate(sorted(several, key=lambda g: g.of.order)):
            if len(several) > 1 and not is_drivers(group.versions[0]):
                own = [n for n in group.names if n != name and taken.count(n) == 1 and "[-" not in n]
                group.name = own[-1] if own else _own_name(name, group.of, k)
                same = (b for b in base_of(group.name) if forward.by_name.get(b, _NONE).ref == group.of.ref)
                last = next(same, group.of.last)
                group.of = replace(group.of, name=last, last=last)
    for _, several in _by(groups, lambda g: g.of.last):
        refs = sorted({g.of.ref: g.of for g in several}.values(), key=lambda v: v.order)
        if len(refs) > 1:
            called = {v.ref: v.ref if isinstance(v.ref, str) else f"{v.last}[{k}]" for k, v in enumerate(refs)}
            for group in several:
                group.of = replace(group.of, name=called[group.of.ref])
    return groups


def _own_name(name: str, of: Variable, k: int) -> str:
    if isinstance(of.ref, str) and of.ref.endswith(f".{of.last}"):
        return of.ref[: -len(of.last)] + name
    return f"{name}[{k}]"


def _by(groups: list[Group], key: Callable[[Group], str]) -> list[tuple[str, list[Group]]]:
    found: dict[str, list[Group]] = {}
    for group in groups:
        found.setdefault(key(group), []).append(group)
    return list(found.items())
