"""Edits of a line that adds up over its passings, `dU += np.outer(dc, h[t - 1])`, all of them tried in one run.

What each edit would have added is summed up from passing to passing; only then is there anything to hold it against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

import numpy as np

from gradcheck.capture.otherwise import Scope
from gradcheck.fix.allowance import Share
from gradcheck.fix.candidates import candidates
from gradcheck.fix.candidates.chain import Style
from gradcheck.fix.candidates.factor import without_factor
from gradcheck.fix.candidates.paths import guessed
from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression, as_array
from gradcheck.fix.line import Line
from gradcheck.fix.operators import other_operators
from gradcheck.fix.pool import pool
from gradcheck.fix.wanted import Wanted

Array = np.ndarray[Any, Any]
FIRST = 0.45
"""Of the line's time that the first passing may take, at which every edit is made and compiled."""
PART = 0.8
"""Of it that all passings together may take; the rest is for edits that only the whole step tells."""
PATHS = 50
"""Products that the chain rule makes of a gradient and that may be missing."""


@dataclass(slots=True)
class Adding:
    """It is handed to a backward run as what computes the line's value, and leaves that as it is."""

    line: Line
    passings: frozenset[int]
    """Which passings of the line add to the gradient, by how many there were before."""
    wanted: Wanted
    """What all of them together should come to."""
    share: Share
    found: list[Edit] = field(default_factory=list)
    """What agrees, the cheapest first."""
    _passed: int = 0
    _totals: dict[Edit, tuple[Callable[[Scope, Any, Any], Any], Array]] = field(default_factory=dict)

    def __call__(self, scope: Scope, value: Any, before: Any) -> Any:
        passed, self._passed = self._passed, self._passed + 1
        if passed in self.passings and isinstance(before, np.ndarray):
            with self.share.counted():
                known = self._totals or {edit: (runner, before) for edit, runner in self._edits(scope)}
                tried = self.share.within(known.items(), part=PART if self._totals else FIRST)
                self._totals = dict(self._added(tried, scope, value, before))
                if passed == max(self.passings):
                    self.found = sorted(self._holding(scope), key=lambda edit: (edit.cost, len(edit.text)))
        return value

    def _edits(self, scope: Scope) -> Iterator[tuple[Edit, Callable[[Scope, Any, Any], Any]]]:
        e, text = Expression(self.line.text, scope), self.line.source.text
        there = pool(scope, text, self.line.turns)
        paths = guessed(e, there, self.line.target, Style.of(text, there.numpy))
        own = Edit(self.line.text, "literal", 0)
        turned = (edit for edit in other_operators(self.line) if edit.operator != "=")
        for edit in chain([own], turned, islice(paths, PATHS), candidates(e, there, self.share)):
            try:
                yield edit, self.line.runner(edit)
            except SyntaxError:
                continue

    def _added(self, tried: Any, scope: Scope, value: Any, before: Array) -> Iterator[tuple[Edit, Any]]:
        for edit, (runner, total) in tried:
            try:
                with np.errstate(all="ignore"):
                    a = as_array(runner(scope, value, before))
            except Exception:
                continue
            if a is not None and a.shape == total.shape and np.isfinite(a).all():
                yield edit, (runner, total + (a - before))

    def _holding(self, scope: Scope) -> Iterator[Edit]:
        there = pool(scope, self.line.source.text, self.line.turns)
        for edit, (_, total) in self._totals.items():
            factor = self.wanted.factor(total)
            if factor is None:
                continue
            if edit.cost and self.wanted.holds(total):
                yield edit
            else:
                for one in without_factor(Expression(edit.text, scope), there, factor):
                    yield replace(one, cost=edit.cost + one.cost)
