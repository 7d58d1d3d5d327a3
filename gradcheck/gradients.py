"""Which recorded values are gradients, of what, and what the update does with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck import conventions
from gradcheck.capture.program import Program, Trace, Variable
from gradcheck.capture.record import Key, Value
from gradcheck.errors import UsageError

Array = NDArray[Any]
_UPDATES = ("assign", "augment", "modify")
_BINDS = ("assign", "augment", "modify", "unpack", "return")


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

    @property
    def array(self) -> Array:
        """As it is judged."""
        return self.value.array

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
    found: dict[str, Gradient] = {}
    owners: dict[int, str] = {}
    for value in program.trace.values[program.first_gradient :]:
        of = _of(program, value, told)
        if of is None or value.site.kind not in _BINDS or value.array.dtype.kind not in "fc":
            continue
        known = found.get(value.name)
        if (
            value.identity in owners
            and owners[value.identity] == value.name
            and value.site.kind in ("unpack", "return")
        ):
            continue  # the same array under the same name again: handed from function to function
        if not value.plain and known is not None:
            continue
        other = found.get(owners.get(value.identity, ""))
        if other is not None and other is not known and other.of.ref == of.ref:
            continue  # and under the driver's name for it
        owners[value.identity] = value.name
        versions = (*known.versions, value) if known else (value,)
        found[value.name] = Gradient(value.name, of, _at_origin(program, value), versions, _kind(program, of, inputs))
    _demand(told or {}, set(found), "--grad", "gradient", program)
    wanted = [g for g in found.values() if not only or g.of.name in only]
    _demand(only, {g.of.name for g in wanted}, "--params", "parameter with a gradient", program)
    return wanted


def _of(program: Program, value: Value, told: Mapping[str, str] | None) -> Variable | None:
    for base in conventions.bases(value.name, told):
        of = program.variable(base)
        if of is not None and of.array.dtype.kind == "f":
            return of
    return None


def _at_origin(program: Program, value: Value) -> Value:
    """A gradient that only gradcheck's own driver names is shown where the user's code made it."""
    if not value.site.file.startswith("<"):
        return value
    same = (v for v in program.trace.values if v.identity == value.identity)
    origin = next((v.site for v in same if not v.site.file.startswith("<")), value.site)
    return replace(value, site=origin)


def _kind(program: Program, of: Variable, inputs: Collection[str]) -> str:
    if of.order >= 0:
        # a local that gets a new value once the gradients are known is a parameter, wherever it was made
        later = program.trace.values[program.first_gradient :]
        moved = any(v.name == of.name and v.site.kind in _UPDATES and v.array.shape == of.array.shape for v in later)
        return "parameter" if moved else "intermediate"
    return "input" if of.name in inputs else "parameter"


def _demand(names: Collection[str], have: Collection[str], option: str, what: str, program: Program) -> None:
    for name in names:
        if name not in have:
            there = ", ".join(sorted(have)) or "none"
            raise UsageError(f"{option} {name}: the code computes no {what} of that name; it has {there}.")


def updated(program: Program, trace: Trace, gradient: Gradient) -> tuple[Value, Array] | None:
    """The first new version of the gradient's parameter after the gradient, and its change; None if none is seen."""
    after = False
    for value in trace.values:
        after = after or value.key == gradient.key
        if after and value.name == gradient.of.name and value.site.kind in _UPDATES:
            return value, _change(value.array, gradient.of.array)
    return None


def _change(new: Array, old: Array) -> Array:
    try:
        return np.asarray(new - old)
    except ValueError:
        return np.full(new.shape, np.nan)
