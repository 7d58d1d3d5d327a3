"""What the backward names like a gradient and nothing was found for: told in the report, never dropped unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.capture.forward import is_drivers
from gradcheck.capture.program import Program
from gradcheck.capture.record import Value
from gradcheck.capture.steps import BINDS, says_little

_NAME = re.compile(r"^[\w.]+(\[(\d+|'\w+')\])*$")
"""What bears a name of its own: dW, dW[0], grads['W'], and no part of an array."""
MOST = 8
"""Names that a note lists."""


@dataclass(frozen=True, slots=True)
class Unpaired:
    """What was paired with nothing."""

    note: str = ""
    """In one line; "" where there is nothing of the kind."""
    handed_back: bool = False
    """Whether the driver of a target has named some of it: it is what the target is for."""


def unpaired(program: Program, *, traced: bool) -> Unpaired:
    """The gradients of a run that were paired with nothing.

    Of a target with a driver (`traced`), what its functions keep to themselves is left out: the driver names what is
    handed back.
    """
    found: dict[str, str] = {}
    like = list(_like_gradients(program))
    for value in like:
        if not traced or value.owner or is_drivers(value):
            found.setdefault(value.name, f"{value.name} (line {value.site.line})")
    if not found:
        return Unpaired()
    first = next(iter(found))
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    listed = ", ".join(list(found.values())[:MOST])
    note = (
        f"not checked: {listed}{more}: nothing was found that it is the gradient of, such as"
        f" {program.base_of(first)[0]} for {first}; --grad {first}=NAME says of what"
    )
    return Unpaired(note, any(is_drivers(value) for value in like))


def complex_parameters(program: Program) -> list[str]:
    """Names of complex arrays that the step moves, or that a complex array is named to be the gradient of."""
    values = [v for v in program.trace.values if v.array.dtype.kind == "c" and v.plain]
    known = {v.name for v in values} | {r.name for r in program.roots.values() if np.iscomplexobj(r.value)}
    moved = [v.site.last for v in values if v.site.form == "moved"]
    graded = [base for v in values for base in program.base_of(v.name) if base in known]
    return list(dict.fromkeys([*moved, *graded]))


def complex_note(program: Program) -> str:
    """On those that the step begins with, beside real ones that are checked; "" where there are none."""
    held = {r.name for r in program.roots.values() if np.iscomplexobj(r.value)}
    names = [name for name in complex_parameters(program) if name in held]
    are = "is" if len(names) == 1 else "are"
    return f"not checked: {', '.join(names[:MOST])}, which {are} complex" if names else ""


def _like_gradients(program: Program) -> Iterator[Value]:
    values, begin = program.trace.values, program.first_gradient
    groups = program.gradients
    names = {name for g in groups for name in (g.name, *g.names, *(v.name for v in g.versions))}
    names |= {v.name for v in values[:begin]} | {r.name for r in program.roots.values()}
    arrays = {v.identity for g in groups for v in g.versions}
    checked = [g.versions[-1].array for g in groups]  # dW, copied into grads[0]
    for value in values[begin:]:
        known = value.name in names or value.identity in arrays or _made_of(value.name, names)
        known = known or any(np.array_equal(value.array, array) for array in checked)
        if not known and _may_be(value) and program.base_of(value.name):
            yield value


def _may_be(value: Value) -> bool:
    """Whether a value is one of its own, of real numbers, and its name says more than that."""
    own = value.site.kind in BINDS - {"loop"} and value.site.form != "literal" and value.array.dtype.kind == "f"
    named = _NAME.match(value.name) is not None and not says_little(value.name)
    return own and named and bool(value.array.any())


def _made_of(name: str, names: set[str]) -> bool:
    """Whether a name says that it was made of a gradient: dW_corrected of dW."""
    return any(name.startswith(f"{one}_") for one in names)
