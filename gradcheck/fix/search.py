"""The search: edits of a guilty line, evaluated where the line stands, held against the numeric truth."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from gradcheck.blame.judged import in_layout
from gradcheck.capture.otherwise import Scope
from gradcheck.fix.allowance import Share
from gradcheck.fix.candidates import candidates
from gradcheck.fix.candidates.chain import Style
from gradcheck.fix.candidates.factor import divided, without_factor
from gradcheck.fix.candidates.paths import Lacking, added, guessed, normalised, two_added
from gradcheck.fix.candidates.slices import elsewhere
from gradcheck.fix.candidates.terms import blind, missing, rescaled, rescaled_sum, unread, within_factors
from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression, as_array
from gradcheck.fix.line import Line, trying
from gradcheck.fix.operators import other_operators
from gradcheck.fix.pool import Pool, pool
from gradcheck.fix.wanted import Wanted

Array = np.ndarray[Any, Any]
TRIED = 40
"""Survivors that are kept."""
UNLIKELY = 1.0
"""What an edit costs in addition that comes to nothing else where the line stands first."""
UNSETTLED = 150
"""Edits that are kept where each takes a run of the whole step to be tried."""
PATHS = 50
"""Of them, how many may add a product that the chain rule makes of a gradient."""


@dataclass(slots=True)
class Search:
    """Edits of one line. It is handed to a backward run as what computes the line's value, and leaves that as it is."""

    line: Line
    wanted: Mapping[int, Wanted | None]
    """What the line should come to, by how many times it had been passed before; None where nothing tells."""
    settled: bool
    """Whether what one passing computes is the gradient itself, so that it can be held against the truth right there;
    False for a sum that goes on over the passings."""
    free: bool
    """Whether a factor may be a convention that later lines take out: that of an intermediate."""
    share: Share
    """What it may take."""
    factor: float | None = None
    """By how much what rests on the line is too large, where that is known and nothing else is."""
    found: list[Edit] = field(default_factory=list)
    """What agrees, or where that can't be told yet all there is; the cheapest first."""
    _passed: int = 0
    _begun: bool = False

    def __call__(self, scope: Scope, value: Any, before: Any) -> Any:
        passed, self._passed = self._passed, self._passed + 1
        if passed in self.wanted:
            wanted = self.wanted[passed]
            with self.share.counted(), trying():
                if self._begun:
                    self.found = [e for e in self.found if self._agrees(e, scope, value, before, wanted)]
                else:
                    self._begun = True
                    self.found = self._begin(scope, value, before, wanted)[: TRIED if self.settled else UNSETTLED]
        return value

    def _agrees(self, edit: Edit, scope: Scope, value: Any, before: Any, wanted: Wanted | None) -> bool:
        if wanted is None or not self.settled or edit.operator:
            return True  # only the whole step tells
        a = self._run(edit, scope, value, before)
        return a is not None and (wanted.factor(a) is not None if self.free else wanted.holds(a))

    def _came_to(self, edit: Edit, scope: Scope, value: Any, before: Any) -> Array | None:
        """What the line computes with an edit, without running that where it is known from what was computed."""
        if edit.comes_to is None or self.line.pick is not None:
            return self._run(edit, scope, value, before)
        known = edit.comes_to()
        return None if known is None else as_array(self.line.computed(scope, known, before))

    def _run(self, edit: Edit, scope: Scope, value: Any, before: Any) -> Array | None:
        try:
            with np.errstate(all="ignore"):
                return as_array(self.line.runner(edit)(scope, value, before))
        except Exception:
            return None

    def _begin(self, scope: Scope, value: Any, before: Any, wanted: Wanted | None) -> list[Edit]:
        own = as_array(value)
        again = self._run(Edit(self.line.text, "literal", 0), scope, value, before)
        if own is None or again is None or own.shape != again.shape or not _same(own, again):
            return []  # the scope does not tell what the line computes
        if self.line.whole:  # the statement has been made by now
            scope = {**scope, self.line.site.name: before}
        e = Expression(self.line.text, scope, statement=self.line.whole)
        there = pool(scope, self.line.source.text, self.line.turns)
        carried = [*unread(e, self.line.unread), *elsewhere(e, self.line.indices)]
        edits = candidates(e, there, self.share)
        operators = other_operators(self.line)
        if wanted is None or not self.settled:
            # all that rests on it is off by that much: that is tried before anything else
            known = () if self.factor is None else divided(e, there, self.factor)
            told = [replace(edit, cost=edit.cost - 1) for edit in known]
            cheapest = sorted([*told, *edits, *blind(e, there)], key=lambda one: one.cost)
            likely = self._likelier(cheapest, scope, value, before, own)
            # what is carried to the next turn is often zero at the first
            every = sorted([*operators, *carried, *likely], key=lambda one: one.cost)
            contributed = () if self.line.whole else guessed(e, there, self.line.target, self._style(there))
            paths = list(islice(self.share.within(contributed), PATHS))
            return [edit for edit in (*every[: UNSETTLED - len(paths)], *paths) if self._can_be_run(edit)]
        mine, (_, turned) = wanted.factor(own), in_layout(own, wanted.truth.shape)
        found: list[Edit] = []
        if not self.line.whole:
            found += [*missing(e, there, wanted), *rescaled(e, there, wanted), *within_factors(e, there, wanted)]
            found += self._factored(Edit(e.text, "literal", 0), mine, scope, there)
            if isinstance(self.line.statement, ast.AugAssign) and isinstance(
                self.line.statement.op, (ast.Add, ast.Sub)
            ):
                sign = 1.0 if isinstance(self.line.statement.op, ast.Add) else -1.0
                found += rescaled_sum(e, there, wanted, own, sign)
        for edit in self.share.within([*carried, *edits]):
            a = self._came_to(edit, scope, value, before)
            k = None if a is None else wanted.factor(a)
            if k is None or a is None:
                continue
            if wanted.holds(a):
                # () for (1,) is right only as long as nobody looks at its shape
                reshaped = in_layout(a, wanted.truth.shape)[1] == "reshaped"
                found.append(replace(edit, cost=edit.cost + 0.4 * reshaped))
            elif not self.line.whole:
                if self.free and (mine is None or turned is not None or not np.isclose(k, mine, rtol=1e-6)):
                    found.append(replace(edit, cost=edit.cost + 0.7))
                found += self._factored(edit, k, scope, there)
        kept = [edit for edit in found if self._agrees(edit, scope, value, before, wanted)]
        if not kept and not self.line.whole:
            kept = self._with_paths(e, there, own, scope, value, before, wanted)
        return sorted([*kept, *operators], key=lambda one: (one.cost, len(one.text)))

    def _likelier(self, edits: Sequence[Edit], scope: Scope, value: Any, before: Any, own: Array) -> Iterator[Edit]:
        """As many edits as are kept, of which only the whole step tells: those that change nothing here cost more."""
        likely = 0
        for edit in self.share.within(edits):
            if likely == UNSETTLED:
                return
            a = self._came_to(edit, scope, value, before)
            unlikely = a is None or np.array_equal(a, own)
            likely += not unlikely
            yield replace(edit, cost=edit.cost + UNLIKELY * unlikely)

    def _with_paths(
        self, e: Expression, there: Pool, now: Array, scope: Scope, value: Any, before: Any, wanted: Wanted
    ) -> list[Edit]:
        """What a path that was left out contributes, put in."""
        line = Lacking(e, there, now, wanted, self.line.target, self.line.parts, self._style(there), self.share)

        def holding(edits: Iterator[Edit]) -> list[Edit]:
            ran = ((edit, self._run(edit, scope, value, before)) for edit in edits)
            return [edit for edit, a in ran if a is not None and wanted.holds(a)]

        return holding(added(line)) or holding(normalised(line)) or holding(two_added(line))

    def _style(self, there: Pool) -> Style:
        return Style.of(self.line.source.text, there.numpy)

    def _can_be_run(self, edit: Edit) -> bool:
        try:
            self.line.runner(edit)
        except SyntaxError:
            return False
        return True

    def _factored(self, edit: Edit, factor: float | None, scope: Scope, there: Pool) -> list[Edit]:
        """An edit that is right but for a factor, with that factor taken out as well."""
        if factor is None:
            return []
        found = without_factor(Expression(edit.text, scope), there, factor)
        if edit.cost == 0:
            return list(found)
        return [replace(edit, text=one.text, cost=edit.cost + one.cost) for one in found]


def _same(a: Array, b: Array) -> bool:
    return bool(np.allclose(a, b, rtol=1e-9, atol=0, equal_nan=True))
