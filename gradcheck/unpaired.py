"""What the backward names like a gradient and nothing was found for: told in the report, never dropped unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradcheck.capture.pairing import is_drivers
from gradcheck.capture.program import Program
from gradcheck.capture.record import Value
from gradcheck.capture.steps import BINDS, says_little

_NAME = re.compile(r"^[\w.]+(\[(\d+|'\w+')\])*$")
"""What bears a name of its own: dW, dW[0], grads['W'], and no part of an array."""
MOST = 8
"""Names that a note lists."""


def unpaired(program: Program, *, traced: bool) -> str:
    """One line on the gradients that were paired with nothing; "" where there are none.

    Of a target with a driver (`traced`), what its functions keep to themselves is left out: the driver names what is
    handed back.
    """
    found: dict[str, str] = {}
    for value in _like_gradients(program):
        if not traced or value.owner or is_drivers(value):
            found.setdefault(value.name, f"{value.name} (line {value.site.line})")
    if not found:
        return ""
    first = next(iter(found))
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    listed = ", ".join(list(found.values())[:MOST])
    return (
        f"not checked: {listed}{more}: nothing was found that it is the gradient of, such as"
        f" {program.base_of(first)[0]} for {first}; --grad {first}=NAME says of what"
    )


def _like_gradients(program: Program) -> Iterator[Value]:
    values, begin = program.trace.values, program.first_gradient
    groups = program.gradients
    names = {name for g in groups for name in (g.name, *g.names, *(v.name for v in g.versions))}
    names |= {v.name for v in values[:begin]} | {r.name for r in program.roots.values()}
    arrays = {v.identity for g in groups for v in g.versions}
    for value in values[begin:]:
        own = value.site.kind in BINDS - {"loop"} and value.site.form != "literal" and value.array.dtype.kind == "f"
        known = value.name in names or value.identity in arrays or _made_of(value.name, names)
        if (
            own
            and not known
            and _NAME.match(value.name)
            and program.base_of(value.name)
            and not says_little(value.name)
            and value.array.any()
        ):
            yield value


def _made_of(name: str, names: set[str]) -> bool:
    """Whether a name says that it was made of a gradient: dW_corrected of dW."""
    return any(name.startswith(f"{one}_") for one in names)
