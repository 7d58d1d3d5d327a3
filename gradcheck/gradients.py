"""Which recorded values are gradients, of what, and what the update does with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.forward import is_drivers
from gradcheck.capture.pairing import Group, is_update
from gradcheck.capture.program import Program, Ref, Stepped, Trace, Variable
from gradcheck.capture.record import Key, Value
from gradcheck.capture.rewrite import CROSSING, Site
from gradcheck.capture.steps import EDITS
from gradcheck.conventions import DATA
from gradcheck.errors import UsageError

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Gradient:
    """An analytic gradient as the code computed it."""

    name: str
    """dW1."""
    of: Variable
    """What it is the gradient of."""
    value: Value
    """Its last version, where it is judged."""
    versions: tuple[Value, ...]
    """Every version, oldest first; the last one is what other lines read."""
    kind: str
    """parameter, intermediate or input."""
    rate: Stepped | None = None
    """By what its parameter's update was divided, for one that is had from that."""
    paired: str = ""
    """From which evidence it is taken for the gradient of that."""

    @property
    def array(self) -> Array:
        """As it is judged."""
        return self.value.array

    @property
    def rounding(self) -> float:
        """What the update's own rounding leaves unknown of it, relative to its largest entry."""
        largest = float(np.abs(self.array).max(initial=0.0))
        if self.rate is None or not largest:
            return 0.0
        unit = float(np.finfo(self.of.array.dtype).eps)
        return unit * float(np.abs(self.of.array).max(initial=0.0)) / abs(self.rate.value) / largest

    @property
    def key(self) -> Key:
        """The version that other lines read."""
        return self.versions[-1].key


def paired(
    program: Program,
    *,
    told: Mapping[str, str] | None = None,
    inputs: Collection[str] = (),
    only: Collection[str] = (),
) -> list[Gradient]:
    """Every gradient of the trace with the value it belongs to, in the order in which they are computed.

    `told` overrules the names' conventions, `inputs` are names of data, `only` keeps the gradients of these names.
    Raises UsageError for a name in `told` or `only` that the trace does not have.
    """
    made = _made_of_nothing(program)
    versions = {g.name: _before_lists(program, g.versions) for g in program.gradients}
    found = {
        g.name: Gradient(
            g.name,
            g.of,
            g.versions[-1] if g.moves else at_origin(program, versions[g.name][-1]),
            versions[g.name],
            "parameter" if g.moves else _kind(program, g, inputs, made),
            program.rates.get(g.name),
            _evidence(g, program.rates.get(g.name), told or {}),
        )
        for g in program.gradients
    }
    known = {name for g in program.gradients for name in (g.name, *g.names)}  # the driver's dw is grads['w'] inside
    _demand(told or {}, known, "--grad", "gradient", program)
    wanted = [g for g in found.values() if not only or g.of.name in only or g.of.last in only]
    _demand(only, {n for g in wanted for n in (g.of.name, g.of.last)}, "--params", "parameter with a gradient", program)
    return wanted


def _evidence(group: Group, rate: Stepped | None, told: Mapping[str, str]) -> str:
    if rate is not None:
        over = f"{rate.name} = {rate.value:.4g}" if rate.name else f"{rate.value:.4g}"
        return f"its update at line {group.versions[-1].site.line}, over {over}"
    if group.name in told:
        return "--grad"
    if group.name.endswith("']"):
        return "its key"
    return "its name and place" if group.name.endswith("]") else "its name"


def _before_lists(program: Program, versions: Sequence[Value]) -> tuple[Value, ...]:
    """The versions less those in which it is only put into a list, `grads.append(dW)`, or one is joined to another."""
    last = versions[-1]
    if last.plain:
        return tuple(versions)
    mine = (v for v in reversed(program.trace.values) if v.identity == last.identity and v.plain and _is_same(v, last))
    own = next((v for v in mine if v.site.kind not in {"argument", "loop", *CROSSING}), None)
    if own is None:
        return tuple(versions)
    kept = [v for v in versions if v.plain and v.key != own.key]
    return (*kept, own)


def _is_same(value: Value, other: Value) -> bool:
    return value.array.shape == other.array.shape and np.array_equal(value.array, other.array)


def at_origin(program: Program, value: Value) -> Value:
    """A gradient that a function hands back is shown where that function computes it."""
    same = [v for v in program.trace.values if v.identity == value.identity and v.site.kind not in CROSSING]
    at = same.index(value)
    while at > 0:
        before, here = same[at - 1], same[at]
        returned = before.site.kind != "argument" and _place(before) != _place(here)
        listed = here.site.kind == "return" and before.site.kind == "element"
        returned = returned or listed or is_drivers(before)
        if here.site.kind not in ("assign", "unpack", "return") or not returned:
            break
        at -= 1
    return replace(value, site=_users(program, same[at]))


def _users(program: Program, value: Value) -> Site:
    """Where the user's code computed it: of what the driver makes of a result, where that was computed."""
    if not is_drivers(value):
        return value.site
    values = program.trace.values
    at = next(i for i, v in enumerate(values) if v.key == value.key)
    return next((v.site for v in reversed(values[:at]) if not is_drivers(v)), value.site)


def _place(value: Value) -> tuple[str, str]:
    return value.site.file, value.site.function


def _kind(program: Program, group: Group, inputs: Collection[str], made: frozenset[Ref]) -> str:
    of = group.of
    if of.order < 0:  # an argument, z0, may be what its caller calls data
        return "input" if set(inputs) & {of.name, *re.split(r"\W+", str(of.ref))[-1:]} else "parameter"
    # a local that gets a new value once the gradients are known is a parameter, wherever it was made; but one that is
    # taken out of a cache again, `z, r = cache[t]`, is what the forward put there, and one that a line of the forward
    # computes anew belongs to the next sample, or to a loss that is computed once more
    values, begin = program.trace.values, program.first_gradient
    forward = {v.identity for v in values[:begin]} - {of.identity}
    # dx = y, and then dx[t] -= 1: the gradient is made in the forward's own array, which is no update of that
    lines = {v.site.number for v in (*values[:begin], *group.versions)}
    later = (v for v in values[begin:] if v.identity not in forward and v.site.number not in lines and is_update(v, of))
    moved = any(v.array.shape == of.array.shape and not np.array_equal(v.array, of.array) for v in later)
    own = of.ref in made and of.last not in DATA and not _FIRST.match(of.last)
    return "parameter" if (moved or own) and not _is_part(program, of) else "intermediate"


def _is_part(program: Program, of: Variable) -> bool:
    """Whether a local is a view of a part of something that has a gradient itself: v = W_in[center]."""
    part = program.trace.objects[of.order]
    roots = (program.roots[g.of.ref].value for g in program.gradients if isinstance(g.of.ref, str))
    wholes = [w for w in roots if isinstance(w, np.ndarray) and w.size > of.array.size]
    return isinstance(part, np.ndarray) and any(np.may_share_memory(part, whole) for whole in wholes)


_FIRST = re.compile(r"(?i)(h|c|s|state|hidden|cell)_?(prev|0|init|last)\d*$")
"""Names of the state that a recurrent network begins with: made of nothing, and no parameter."""


def _made_of_nothing(program: Program) -> frozenset[Ref]:
    """Locals that nothing else of the run goes into: of a run in which every value is another, those that stay."""
    mine = [g.of for g in program.gradients if g.of.order >= 0]
    if not mine:
        return frozenset()
    forward = [v for v in program.forward_values if v.plain and v.array.dtype.kind == "f"]
    others: dict[Ref, Array] = {v.key: 1.001 * v.array + 1e-3 for v in forward}
    others |= {path: 1.001 * r.value + 1e-3 for path, r in program.roots.items() if _is_float(r.value)}
    now: dict[Ref, Array] = {v.key: v.array for v in program.backward(others).values}
    return frozenset(v.ref for v in mine if v.ref in now and np.array_equal(now[v.ref], v.array))


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _demand(names: Collection[str], have: Collection[str], option: str, what: str, program: Program) -> None:
    for name in names:
        if name not in have:
            there = ", ".join(sorted(have)) or "none"
            raise UsageError(f"{option} {name}: the code computes no {what} of that name; it has {there}.")


def updated(program: Program, trace: Trace, gradient: Gradient) -> tuple[Value, Array] | None:
    """The first new version of the gradient's parameter after the gradient, and its change; None if none is seen."""
    if gradient.rate is not None:
        return gradient.value, -gradient.array * gradient.rate.value
    after, was, held, named = False, gradient.of.array, None, None
    for value in trace.values:
        after = after or value.key == gradient.key
        mine = value.identity == gradient.of.identity and value.site.kind in EDITS
        if after and is_update(value, gradient.of):
            found = value, _change(value.array, was)
            if mine:
                return found  # surer than speed['W'] = v, which only goes by its name
            held = held or (found if holder_of(value.path) == holder_of(str(gradient.of.ref)) != "" else None)
            named = named or found
        if mine:
            was = value.array  # the forward may have edited it in place
    return held or named


def holder_of(path: str) -> str:
    """What an entry stands in: params of self.params['W'] and of net.params['W']; "" of what has a name of its own."""
    return (re.findall(r"\w+", re.sub(r"(\.\w+|\[[^\]]*\])$", "", path)) or [""])[-1] if re.search(r"\W", path) else ""


def _change(new: Array, old: Array) -> Array:
    try:
        return np.asarray(new - old)
    except ValueError:
        return np.full(new.shape, np.nan)


def laid_out(gradient: Gradient) -> Array | None:
    """The gradient in the layout of its value; None where no transposition brings it there."""
    a, shape = gradient.array, gradient.of.array.shape
    if a.shape == shape:
        return a
    return a.T if a.ndim == 2 and a.T.shape == shape else None
