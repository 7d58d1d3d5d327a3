"""The first step of a training loop, told from the second while it runs; and within it, forward from backward.

A gradient is told by its name, and by what can't be one: a number that is written down, a plain number where its value
is an array, zeros that a sum begins with. Lines that had run before the first gradient are the forward; the step is
over when they come round again after a parameter has changed. Where they come round without that, for the next sample
of a loop that adds gradients up, the step goes on.

Where no gradient is named at all, the step is told by what it moves: a value that is added to or taken from, and that
is still there, as that left it, when the same line comes round again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from gradcheck.capture.rates import names_in
from gradcheck.capture.record import Array, Key, Value
from gradcheck.capture.rewrite import Site
from gradcheck.capture.sums import is_sum

BaseOf = Callable[[str], Sequence[str]]
"""Names that a gradient's name may belong to: dW1 -> (W1, w1); () for a name that is no gradient's."""

_LOSS = re.compile(r"(?i)loss|cost|error|nll|mse|objective|^[jl]$")
_COUNTED = re.compile(r"(?i)loss|cost|err|total|sum|count|correct|acc|hits|norm|grad|^[ejlin]$")
"""Names of numbers that are added up over steps, and are no parameters."""
EDITS = frozenset({"augment", "modify"})
BINDS = frozenset({"assign", "augment", "modify", "unpack", "return", "element", "loop"})


_WEAK = re.compile(r"^(delta|g_|gs?\[|d\[|g[ac-vx-z]\d*$)|_(bar|diff)$")
"""Names of gradients that are as often names of something else: x_bar is a mean, delta_w an update."""
_SLIGHT = re.compile(r"^g(?P<of>[a-z])\d*$")
"""Names that tell a gradient only behind another one: gx may be a slope of the image x, gi a gate. With gw and gb,
where they have the shape of w and b, a backward may begin."""
_HOLDER = re.compile(
    r"^(?:.*[.\]])?(?:(?P<holder>\w*(?:grad|nabla|delta|deriv)\w*|d_?params)(?P<above>(?:\['\w+'\])*)"
    r"(?P<rest>\['\w+'\]|\.\w+)|(?P<short>(?-i:gs?|d))(?P<key>\['\w+'\]))$",
    re.IGNORECASE,
)
"""Entries of what is named for gradients; G.W1 may be a generator's."""
_LISTED = re.compile(r"(?i)^(?:.*[.\]])?(?:\w*(?:grad|nabla|deriv)\w*|d_?params)(?:\[\w+\])+(?:\['\w+'\]|\.\w+)$")
"""Entries of what stands in a list of such: grads[0]['W']."""


def among_gradients(path: str) -> bool:
    """Whether a value is an entry of what is named for gradients: grads['W1'] is no new W1."""
    return _HOLDER.match(path) is not None or _LISTED.match(path) is not None


def keys_of(path: str) -> str:
    """By what an entry of an entry of what is named for gradients is found there: ['layer1']['W']; "" for any other."""
    match = _HOLDER.match(path)
    return match["above"] + match["rest"] if match is not None and match["above"] else ""


def may_be_gradient(value: Value, leaf: Any, shape: tuple[int, ...]) -> bool:
    """Whether a value that is named like the gradient of something of this shape may be one.

    A gradient may have a wrong shape, which is to be told. But a plain number is no gradient of an array, and where
    the name says little the shape must fit.
    """
    if value.array.dtype.kind not in "fc" or (value.site.form == "literal" and value.site.kind == "assign"):
        return False
    if type(leaf) in (float, complex) and shape:
        return math.prod(shape) == 1
    return not _WEAK.search(value.name) or value.array.shape in (shape, shape[::-1])


def is_counted(value: Value) -> bool:
    """Whether it is no parameter though it is added to: whole numbers; a loss, hits, by their names; a sum."""
    named = value.array.ndim == 0 and _COUNTED.search(value.name) is not None
    return value.array.dtype.kind != "f" or named or is_sum(value.site)


def says_little(name: str) -> bool:
    """Whether a gradient's name is as often one of something else."""
    return _WEAK.search(name) is not None


def says_loss(name: str) -> bool:
    """Whether a number of this name may be a loss."""
    return _LOSS.search(name) is not None


def _is_late(value: Value) -> bool:
    """Whether a number behind the gradients may be the loss: by its name, or as what is handed back before them."""
    return says_loss(value.name) or (value.site.kind == "return" and value.name.endswith("()[0]"))


class FirstStep:
    """Watches a run from its beginning; `cut` is where the second step begins, if there is one."""

    def __init__(self, base_of: BaseOf, held: dict[str, Any], changed: Callable[[frozenset[str]], bool]) -> None:
        self.cut: Key | None = None
        """The first value of the second step."""
        self.first_gradient: Key | None = None
        self.phase = 0
        """How often forward and backward have taken turns."""
        self._base_of = base_of
        self._changed = changed
        self._known: dict[str, list[Any]] = {name: [value] for name, value in held.items()}
        self._forward: set[int] = set()
        self._handed: set[int] = set()
        self._backward: set[tuple[int, int]] = set()
        """Sites that have computed a gradient, and for which instance."""
        self._bases: set[str] = set()
        self._again: Key | None = None
        self._names: list[Value] = []
        """Names that were given again, and nothing computed since."""
        self._own_line: tuple[Key, str, int] | None = None
        """Where that is."""
        self._updated = False
        self._moved: set[str] = set()
        """Names of what has been added to or taken from since the first gradient."""
        self._reread = False
        """Whether such a one has gone into a line of the forward that came round again."""
        self.whole = False
        """Whether all that runs is one step, as a driver has it."""
        self.next: Site | None = None
        """Where another step computes its first gradient, one of other parameters: of the other network of two."""
        self.turns: set[Key] = set()
        """Values of the forward that came round again and that a gradient followed."""
        self._pending: set[Key] = set()
        self.rounds: set[Key] = set()
        """Where the backward begins, each time that forward and backward take turns."""
        self.moves: list[Value] = []
        """Values that were added to or taken from: what a step that names no gradient updates is among them."""
        self._sites: list[tuple[int, Key]] = []
        self._named = False
        self._begun: set[str] = set()
        """Names that something is named to be the gradient of, be it still zero."""
        self._left: dict[tuple[str, int], Site] = {}
        """Where each path was assigned last; the argument of another function is another variable."""
        self._stood: dict[tuple[str, int], Value] = {}
        """What was there."""
        self.late: set[Key] = set()
        """Scalars that by their names are the loss, written down behind the gradients but before the update."""
        self.borne: dict[int, str] | None = None
        """By id, the gradients' names that arrays have gone by; None where ids are not kept from being used again."""
        self.called: dict[tuple[Key, str], str] = {}
        """Edits of gradients under other names, by key and path, and the gradients' own names."""

    def begin(self, values: Sequence[Value], at: tuple[Key, Key] | None) -> None:
        """Where the backward begins in a run that names no gradient, and what is updated with it."""
        if at is not None:
            self.first_gradient, update = at
            keys = [v.key for v in values]
            between = values[keys.index(self.first_gradient) : keys.index(update)]
            self.late.update(v.key for v in between if v.plain and v.array.ndim == 0 and _is_late(v))

    def ends(self, value: Value, leaf: Any) -> bool:
        """Whether the second step has come to its first gradient: nothing more is to be learned."""
        if value.site.kind not in BINDS:
            self._hand(value)
            self._note(value)
            return False
        value = self._by_its_name(value, leaf)
        if self._is_named(value, leaf):
            self._go_on_with(value)
            if value.array.any():
                return self._at_gradient(value)
        if value.site.form == "moved":
            if self._goes_round(value):
                return True
            if self.first_gradient is not None and not is_counted(value) and not self._base_of(value.name):
                self._moved.add(value.site.last)
        if self.first_gradient is None:
            self._forward.add(value.site.number)
        elif value.site.number in self._forward:
            self._comes_round(value)
        elif value.name in self._bases and not self._is_known(value):
            self._updated = True
        elif not self._updated and value.plain and value.array.ndim == 0 and _is_late(value):
            self.late.add(value.key)
        self._note(value)
        return False

    def _hand(self, value: Value) -> None:
        """Arguments of the forward's calls go round with its lines: each sample's own label."""
        if self.first_gradient is None:
            self._handed.add(value.site.number)
        elif self._pending and value.site.number in self._handed:
            self._pending.add(value.key)

    def _by_its_name(self, value: Value, leaf: Any) -> Value:
        """What is written into a gradient under another name, as a helper's argument, is an edit of the gradient."""
        if self.borne is None:
            return value
        if self._base_of(value.name):
            self.borne.setdefault(value.identity, value.name)
        name = self.borne.get(value.identity, value.name) if value.site.kind in EDITS else value.name
        renamed = replace(value, name=name)
        if name == value.name or self.is_gradient(value, leaf) or not self.is_gradient(renamed, leaf):
            return value
        self.called[value.key, value.path] = name
        return renamed

    @property
    def comes_round(self) -> bool:
        """Whether lines of the forward have come round again, and no gradient since."""
        return self._again is not None

    @property
    def gradients(self) -> int:
        """How many lines have computed a gradient."""
        return len({number for number, _ in self._backward})

    def is_gradient(self, value: Value, leaf: Any) -> bool:
        """Whether a value is the gradient of an earlier one; zeros are what a sum begins with."""
        return self._is_named(value, leaf) and bool(np.any(value.array))

    def _is_named(self, value: Value, leaf: Any) -> bool:
        slight = _SLIGHT.match(value.name)
        if value.site.kind == "loop" or (slight and value.site.number in self._forward):
            return False  # `for layer, grad in zip(...)`: it was computed before
        begins = slight if self.first_gradient is None else None
        if begins and begins["of"] not in "wb":
            return False
        for base in self._base_of(value.name):
            shapes = (np.shape(owner) for owner in self._known.get(base, ()))
            if any(may_be_gradient(value, leaf, s) and not (begins and s != value.array.shape) for s in shapes):
                self._named = True
                self._begun.add(base)
                return True
        return False

    def naming(self, path: str, name: str) -> str:
        """The name of a value: that of its entry, but grads['W1'] where the entry is named like what it belongs to."""
        match = _HOLDER.match(path)
        if match is None or name not in self._known or any(base in self._known for base in self._base_of(name)):
            return name
        return (match["holder"] or match["short"]) + (match["rest"] or match["key"])

    def _go_on_with(self, value: Value) -> None:
        """A gradient's line that is run for another layer: this is the same backward, whatever came round meanwhile."""
        own = value.site.number, value.owner
        if value.owner and own not in self._backward and own[0] in {number for number, _ in self._backward}:
            self._again = self.cut = None
            self._pending.clear()

    def _at_gradient(self, value: Value) -> bool:
        own = value.site.number, value.owner
        self._names.clear()
        if self._again is not None and self._own_line == (self._again, value.site.file, value.site.line):
            self._pending.discard(self._again)  # `grads[k][:] = ...` binds a value and writes it: one statement
            self._again = None
        if own not in self._backward and self._again is not None and self._reread and not self.whole:
            self.cut, self.next = self._again, value.site
            return True
        if own in self._backward and self._again is not None:
            if self.cut is None and self._changed(frozenset(self._bases)):
                self.cut = self._again
            if self.cut is not None:
                return True
        if self.first_gradient is None or self._again is not None:
            self.rounds.add(value.key)
        self.first_gradient = self.first_gradient or value.key
        self._backward.add(own)
        # of dW the W: what goes by w beside that, as `w, b = vjp(v)` hands back, is not updated where it is another
        self._bases.update(islice((b for b in self._base_of(value.name) if b in self._known), 1))
        self._reread = False
        if self._again is not None:
            self.phase += 1
            self._again = None
        self.turns |= self._pending
        self._pending.clear()
        return False

    def _goes_round(self, value: Value) -> bool:
        """Whether a step without named gradients is over: what one of its lines moved, the same line moves again."""
        if is_counted(value):
            return False
        number = value.site.number
        mine = [m for m in self.moves if m.site.number == number]
        again = self._left.get((value.path, value.owner)) is value.site or any(
            m.identity == value.identity or self._is_there(m, value) for m in mine
        )
        first = next((m.key for m in self.moves if m.site.number == number), None)
        self.moves.append(value)
        named = self._named and value.name not in self._begun  # a gradient that stays zero: it is written unseen
        if not again or first is None or named or self.first_gradient is not None:
            return False
        before: set[int] = set()
        passed = False
        for site, key in self._sites:
            passed = passed or key == first
            if not passed:
                before.add(site)
            elif site in before:
                self.cut = key
                return True
        return False

    def _is_there(self, moved: Value, value: Value) -> bool:
        """Whether a value takes the place of what an earlier move has left: `p["W"] = p["W"] - g`, p of a layer."""
        stood = self._stood.get((value.path, value.owner))
        same = stood is not None and stood.identity == moved.identity  # of what is gone an id is used again
        return same and stood is not None and np.array_equal(stood.array, moved.array)

    def _comes_round(self, value: Value) -> None:
        """A line of the forward is run again; of one that only names, `W = self.W`, the next one must be as well."""
        self._reread = self._reread or bool(self._moved and self._moved & names_in(value.site))
        self._names.append(value)
        if value.site.form == "alias":
            return
        first = self._names[0]
        if self._again is None:
            self._again = first.key
            self._own_line = first.key, first.site.file, first.site.line
        self._pending.update(v.key for v in self._names)
        self._names.clear()
        if self._updated:
            self.cut = self.cut or first.key

    def _is_known(self, value: Value) -> bool:
        return any(np.array_equal(value.array, other) for other in self._known.get(value.name, ()))

    def _note(self, value: Value) -> None:
        if self.first_gradient is None:
            self._sites.append((value.site.number, value.key))
            before = self._left.get((value.path, value.owner), value.site)
            kind = value.site.kind
            if kind in BINDS or (kind == "argument" and before.function == value.site.function):
                self._left[value.path, value.owner] = value.site
                self._stood[value.path, value.owner] = value
        if _HOLDER.match(value.path):
            return  # an entry of grads is no value of the forward, whatever its key
        known = self._known.setdefault(value.name, [])
        if len(known) < 64 and not any(other is value.array for other in known):
            known.append(value.array)


def recomputed(values: Sequence[Value]) -> dict[Key, tuple[Key, ...]]:
    """The other keys of values that the code computes twice: a backward that runs the forward again has two of each.

    Two values are one if they have the same name and the same numbers and were computed in different functions, or in
    two calls of one function with the same arguments; not in two instances, which are two layers of one input.
    """
    named: dict[tuple[str, tuple[int, ...]], list[tuple[Value, _Call]]] = {}
    for value, call in _with_calls(values):
        if value.plain and value.array.ndim and value.site.kind in BINDS:
            named.setdefault((value.name, value.array.shape), []).append((value, call))
    twins: dict[Key, tuple[Key, ...]] = {}
    for several in named.values():
        if len({value.identity for value, _ in several}) > 1:
            for alike in _grouped(several).values():
                for value, call in alike:
                    others = tuple(v.key for v, c in alike if v is not value and _recomputes(v, c, value, call))
                    twins.update({value.key: others} if others else {})
    return twins


_Call = list[int]


def _grouped(values: Sequence[tuple[Value, _Call]]) -> dict[int, list[tuple[Value, _Call]]]:
    groups: dict[int, list[tuple[Value, _Call]]] = {}
    for value, call in values:
        groups.setdefault(_fingerprint(value.array), []).append((value, call))
    return groups


def _recomputes(a: Value, call: _Call, b: Value, other: _Call) -> bool:
    if a.identity == b.identity or (a.owner and b.owner and a.owner != b.owner):
        return False
    if (a.site.file, a.site.function) != (b.site.file, b.site.function):
        return True
    return call is not other and bool(call) and call == other


def _with_calls(values: Sequence[Value]) -> Iterator[tuple[Value, _Call]]:
    """Each value with the arguments of the call that it was computed in, as far as they are numbers."""
    calls: dict[tuple[str, str], tuple[int, _Call]] = {}
    for value in values:
        where = value.site.file, value.site.function
        if value.site.kind == "argument":
            if where not in calls or calls[where][0] != value.key.occurrence:
                calls[where] = value.key.occurrence, []
            calls[where][1].append(_fingerprint(value.array))
        yield value, calls[where][1] if where in calls else []


def _fingerprint(array: Array) -> int:
    """Equal for equal arrays, and as good as never for others; of a whole data set a sample will do."""
    sample = array if array.size <= 1 << 16 else array.reshape(-1)[:: array.size >> 16]
    return hash((array.shape, array.dtype.str, sample.tobytes()))
