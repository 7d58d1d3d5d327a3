"""Values of the backward that may be gradients though no name tells, and what in the forward they may belong to."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.blame.judged import Judged, before_reuse
from gradcheck.blame.rerun import again, other_than
from gradcheck.capture.program import Program, Variable
from gradcheck.capture.rates import statement_at
from gradcheck.capture.record import Key, Value
from gradcheck.capture.steps import BINDS
from gradcheck.source import line_of

VALUES = 40
"""Values of the forward that each may belong to, the latest first: the derivative by each has to be measured."""
ENTRIES = 2048
"""Of what a function is handed, to be tried."""


def suspects(program: Program, judged: Sequence[Judged], orphans: Sequence[Judged]) -> Iterator[Value]:
    """Values that no gradient's name covers, that wrong gradients rest on, and the loss does not; latest first.

    What a function hands back counts once, where it is computed.
    """
    named = {v.identity for j in judged for v in before_reuse(j).versions}
    first: dict[int, Value] = {}
    for value in program.trace.values:
        first.setdefault(value.identity, value)
    roots = {id(r.value) for r in program.roots.values()}
    lines = {(j.gradient.value.site.file, j.gradient.value.site.line) for j in judged}
    refs = {v.identity: v.ref for v in program.variables.values()}  # where a value handed on comes from
    last = max(i for i, v in enumerate(program.trace.values) if any(v.key == o.gradient.key for o in orphans))
    for value in reversed(program.trace.values[:last]):
        fits = value.plain and value.array.ndim and value.array.dtype.kind == "f" and value.site.kind in BINDS
        renamed = renames(value)
        known = value.identity in roots or (value.site.file, value.site.line) in lines
        known = known or (value.identity in named and not renamed)
        passes = renamed or _passes_on(value, first[value.identity])
        handed_on = first[value.identity] is not value and value.site.kind not in ("augment", "modify") and not passes
        if not fits or known or handed_on or not np.isfinite(value.array).all() or _begins(value):
            continue
        other = other_than(value.array)
        now = again(program, orphans, {value.key: other})
        rests = any(not np.array_equal(now.get(o.gradient.key, o.gradient.array), o.gradient.array) for o in orphans)
        ref = refs.get(value.identity, value.key)
        if rests and program.loss({ref: other}).value == program.base_value:
            yield value


@dataclass(frozen=True, slots=True)
class Turns:
    """How the loops of the backward go through the turns of those of the forward."""

    count: Mapping[int, int]
    """Of each site, how often it was passed."""
    ways: frozenset[bool]
    """Whether they are known to go back over them (True), or the same way (False)."""

    @classmethod
    def of(cls, program: Program, judged: Sequence[Judged]) -> Turns:
        count = Counter(v.key.site for v in program.trace.values if v.plain)
        both = Turns(count, frozenset({True, False}))
        pairs = ((j.gradient.versions[0], j.gradient.of) for j in judged)
        gaps = [(both._gap(v, of, True), both._gap(v, of, False)) for v, of in pairs if both._share_turns(v, of)]
        return Turns(count, frozenset(back < same for back, same in gaps if back != same) or both.ways)

    def may_be_gradient(self, value: Value, of: Variable) -> bool:
        """Whether it was computed at the turn at which the other one was, or at one next to it."""
        return not self._share_turns(value, of) or any(self._gap(value, of, back) <= 1 for back in self.ways)

    def _share_turns(self, value: Value, of: Variable) -> bool:
        """Whether the two loops have as many turns; a helper that each turn calls twice is passed twice as often."""
        count = self.count[value.key.site]
        there = self.count[of.ref.site] if isinstance(of.ref, Key) else 0
        return count > 1 and there > 0 and there % count == 0

    def _gap(self, value: Value, of: Variable, back: bool) -> int:
        count = self.count[value.key.site]
        assert isinstance(of.ref, Key)
        there = of.ref.occurrence * count // self.count[of.ref.site]
        return abs((count - 1 - value.key.occurrence if back else value.key.occurrence) - there)


def renames(value: Value) -> bool:
    """Whether its line only gives it another name, `dz = dh`: an activation's derivative may be missing there."""
    statement = statement_at(value.site.file, value.site.line) if value.site.kind == "assign" else None
    return statement is not None and isinstance(statement.value, ast.Name)


def _passes_on(value: Value, computed: Value) -> bool:
    """Whether it is what a call has handed back that another function computed: right there, it may lack something
    here, where it is used."""
    if value.site.kind not in ("assign", "unpack") or value.site.function == computed.site.function:
        return False
    statement = statement_at(value.site.file, value.site.line)
    return statement is not None and isinstance(statement.value, ast.Call)


def _begins(value: Value) -> bool:
    """Whether it is what a sum begins with, `np.zeros_like(W)`: that computes no gradient."""
    return not np.any(value.array) and "zeros" in line_of(value.site.file, value.site.line)


def values_of_the_forward(program: Program) -> list[Variable]:
    """What a value of the backward may be the gradient of, the latest first: in a loop over layers each turn's z, and
    what bore the name before it was computed from itself, a before `a = a * mask`.
    """
    found = {v.ref: v for v in program.variables.values()}
    sites = [v.site for v in found.values() if v.site is not None]
    lines, refined = {s.number for s in sites}, {(s.file, s.function, s.name) for s in sites if s.form == "refined"}
    for i, v in enumerate(program.forward_values):
        before = (v.site.file, v.site.function, v.name) in refined
        if v.plain and (v.site.number in lines or before) and v.key not in found:
            found[v.key] = Variable(
                f"{v.name}[{v.key.occurrence}]", v.key, v.array, v.site, i, v.name, v.owner, v.identity
            )
    floats = (v for v in found.values() if v.order >= 0 and v.array.dtype.kind == "f")
    return sorted(floats, key=lambda v: -v.order)[:VALUES]


def handed_over(program: Program) -> list[Variable]:
    """What the forward's functions are handed, as each of them has it: of x + f(x) f's own x."""
    values, roots = program.forward_values, {id(r.value) for r in program.roots.values()}
    begun = next((i for i, v in enumerate(values) if v.site.kind != "argument"), len(values))
    handed = [
        Variable(f"{v.name} of {v.site.function}", v.key, v.array, v.site, i, v.name, v.owner, v.identity)
        for i, v in enumerate(values)
        if v.site.kind == "argument" and v.plain and i > begun and v.identity not in roots
    ]
    floats = [v for v in handed if v.array.ndim and v.array.dtype.kind == "f" and v.array.size <= ENTRIES]
    return floats[::-1][:VALUES]


def of_one_class(value: Value, handed: Variable) -> bool:
    cls = value.site.function.rpartition(".")[0]
    here = handed.site is not None and handed.site.function.rpartition(".")[0] == cls
    return value.site.kind == "return" and bool(cls) and here
