"""The search: edits of a guilty line, evaluated where the line stands, held against the numeric truth."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck.capture.otherwise import Scope
from gradcheck.fix.candidates import candidates
from gradcheck.fix.candidates.factor import without_factor
from gradcheck.fix.candidates.terms import missing, rescaled
from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression, as_array
from gradcheck.fix.line import Line
from gradcheck.fix.pool import Pool, pool
from gradcheck.fix.wanted import Wanted

SECONDS = 0.5
"""Of search, for one line."""
TRIED = 40
"""Survivors that are kept."""


@dataclass(slots=True)
class Search:
    """Edits of one line. It is handed to a backward run as what computes the line's value, and leaves that as it is."""

    line: Line
    wanted: Mapping[int, Wanted]
    """What the line should come to, by how many times it had been passed before."""
    settled: bool
    """Whether what one passing computes is the gradient itself, so that it can be held against the truth right there;
    False for a sum that goes on over the passings."""
    free: bool
    """Whether a factor may be a convention that later lines take out: that of an intermediate."""
    found: list[Edit] = field(default_factory=list)
    """What agrees, or where that can't be told yet all there is; the cheapest first."""
    _passed: int = 0
    _begun: bool = False

    def __call__(self, scope: Scope, value: Any, before: Any) -> Any:
        wanted = self.wanted.get(self._passed)
        self._passed += 1
        if wanted is not None:
            if self._begun:
                self.found = [e for e in self.found if self._agrees(e, scope, value, before, wanted)]
            else:
                self._begun = True
                self.found = self._begin(scope, value, before, wanted)[:TRIED]
        return value

    def _agrees(self, edit: Edit, scope: Scope, value: Any, before: Any, wanted: Wanted) -> bool:
        if not self.settled:
            return True
        a = self._run(edit, scope, value, before)
        return a is not None and (wanted.factor(a) is not None if self.free else wanted.holds(a))

    def _run(self, edit: Edit, scope: Scope, value: Any, before: Any) -> np.ndarray[Any, Any] | None:
        try:
            with np.errstate(all="ignore"):
                return as_array(self.line.runner(edit)(scope, value, before))
        except Exception:
            return None

    def _begin(self, scope: Scope, value: Any, before: Any, wanted: Wanted) -> list[Edit]:
        own = as_array(value)
        again = self._run(Edit(self.line.text, "literal", 0), scope, value, before)
        if own is None or again is None or own.shape != again.shape or not np.allclose(own, again, rtol=1e-9):
            return []  # the scope does not tell what the line computes
        deadline = time.monotonic() + SECONDS
        e = Expression(self.line.text, scope, statement=self.line.whole)
        there = pool(scope, _literals(self.line.source.text))
        edits = [*self._other_operators(), *candidates(e, there)]
        if not self.settled:
            return sorted(edits, key=lambda one: one.cost)
        mine = wanted.factor(own)
        found: list[Edit] = []
        if not self.line.whole:
            found += [*missing(e, there, wanted), *rescaled(e, there, wanted)]
            found += self._factored(Edit(e.text, "literal", 0), mine, scope, there)
        for edit in edits:
            if time.monotonic() > deadline:
                break
            a = self._run(edit, scope, value, before)
            k = None if a is None else wanted.factor(a)
            if k is None or a is None:
                continue
            if wanted.holds(a):
                found.append(edit)
            elif not self.line.whole:
                if self.free and (mine is None or not np.isclose(k, mine, rtol=1e-6)):
                    found.append(replace(edit, cost=edit.cost + 0.7))
                found += self._factored(edit, k, scope, there)
        kept = [edit for edit in found if self._agrees(edit, scope, value, before, wanted)]
        return sorted(kept, key=lambda one: (one.cost, len(one.text)))

    def _factored(self, edit: Edit, factor: float | None, scope: Scope, there: Pool) -> list[Edit]:
        """An edit that is right but for a factor, with that factor taken out as well."""
        if factor is None:
            return []
        found = without_factor(Expression(edit.text, scope), there, factor)
        if edit.cost == 0:
            return list(found)
        return [replace(edit, text=one.text, cost=edit.cost + one.cost) for one in found]

    def _other_operators(self) -> list[Edit]:
        if self.line.adds and isinstance(self.line.statement, ast.AugAssign):
            add = isinstance(self.line.statement.op, ast.Add)
            return [Edit(self.line.text, "overwrite", 1.0, "+=", "=", operator="=")] if add else []
        plain = isinstance(self.line.statement, ast.Assign) and not self.line.whole and bool(self.line.target)
        return [Edit(self.line.text, "accumulate", 1.0, "=", "+=", operator="+=")] if plain else []


def _literals(text: str) -> tuple[float, ...]:
    found = (n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and type(n.value) is float)
    return tuple(dict.fromkeys(v for v in found if 0 < v < 1))[:6]


def applied(chosen: Sequence[tuple[Line, Edit]]) -> dict[int, Callable[[Scope, Any, Any], Any]]:
    """What the edited lines compute, by the number of their site."""
    return {line.site.number: line.runner(edit) for line, edit in chosen}
