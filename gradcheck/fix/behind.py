"""A guilty line that is right in what it does with a name, and the line above that gave the name a wrong value.

`du = 1 + a * x**2; return g * (s + x * du)`: no gradient is known of `du`, but what the second line comes to with
another one is had without running the step again.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from gradcheck.blame.judged import Array, Judged
from gradcheck.capture.otherwise import Scope
from gradcheck.capture.pairing import is_update
from gradcheck.capture.program import Program, Ref
from gradcheck.capture.record import Value
from gradcheck.fix.allowance import Share
from gradcheck.fix.candidates import candidates
from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression, as_array
from gradcheck.fix.guilty import Guilty
from gradcheck.fix.line import Line, line_of_site, trying
from gradcheck.fix.pool import pool
from gradcheck.fix.wanted import Wanted

NAMES = 6
"""Names of a line that are looked at, those made last first."""


@dataclass(slots=True)
class Behind:
    """Edits of the line that makes a name, held against what the line that reads it should come to."""

    made: Line
    reads: Line
    name: str
    wanted: Mapping[int, Wanted]
    """What the second line should come to, by how many times it had been passed before."""
    share: Share
    found: list[Edit] = field(default_factory=list)
    _at: tuple[Scope, Any, Any] | None = None
    _passed: int = 0
    _begun: bool = False

    def making(self, scope: Scope, value: Any, before: Any) -> Any:
        """Where the name is made."""
        self._at = dict(scope), value, before
        return value

    def reading(self, scope: Scope, value: Any, before: Any) -> Any:
        """Where it is read."""
        passed, self._passed = self._passed, self._passed + 1
        if passed in self.wanted and self._at is not None:
            with self.share.counted(), trying():
                edits = self.found if self._begun else self._edits()
                self._begun = True
                self.found = [e for e in self.share.within(edits) if self._holds(e, scope, before, self.wanted[passed])]
        return value

    def _edits(self) -> list[Edit]:
        assert self._at is not None
        scope = self._at[0]
        e = Expression(self.made.text, scope)
        return candidates(e, pool(scope, self.made.source.text, self.made.turns), self.share)

    def _holds(self, edit: Edit, scope: Scope, before: Any, wanted: Wanted) -> bool:
        assert self._at is not None
        try:
            with np.errstate(all="ignore"):
                other = self.made.runner(edit)(*self._at)
                code = self.reads.runner(Edit(self.reads.text, "literal", 0))
                a = as_array(code({**scope, self.name: other}, None, before))
        except Exception:
            return False
        return a is not None and wanted.holds(a)


def makers(
    program: Program, one: Guilty, judged: Sequence[Judged], overlay: Mapping[str, str]
) -> Iterator[tuple[str, Line]]:
    """Names that a guilty line reads and that a line without a gradient has given a value, the latest first.

    An update is none: less of it would only leave the parameter where it was.
    """
    if one.line.whole or not one.at:
        return
    known = {j.gradient.value.site.number for j in judged}
    tree = ast.parse(f"(\n{one.line.text}\n)", mode="eval")
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    seen: set[str] = set()
    for value in reversed(_above(program, one.at[0])):
        name = value.site.name
        if name in read and name not in seen and value.site.kind in ("assign", "unpack"):
            seen.add(name)
            moves = value.site.number in known or any(is_update(value, j.gradient.of) for j in judged)
            line = None if moves else line_of_site(value.site, overlay)
            if line is not None and not line.whole:
                yield name, line


def _above(program: Program, at: Value) -> list[Value]:
    """What the same call had computed by then."""
    values = program.trace.values
    before = values[: next(i for i, v in enumerate(values) if v.key == at.key)]
    return [v for v in before if (v.site.file, v.site.function, v.call) == (at.site.file, at.site.function, at.call)]


def behind(
    program: Program,
    one: Guilty,
    makers: Iterable[tuple[str, Line]],
    wanted: Mapping[int, Wanted],
    fed: Mapping[Ref, Array],
    share: Share,
) -> Iterator[tuple[Line, list[Edit]]]:
    """Lines that make such a name, with the edits of each that make the guilty line come to what it should."""
    for name, made in share.within(islice(makers, NAMES)):
        search = Behind(made, one.line, name, wanted, share)
        program.backward(fed, {made.site.number: search.making, one.line.site.number: search.reading})
        if search.found:
            yield made, search.found
