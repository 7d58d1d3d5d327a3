"""Updates that go wrong though the gradients are right: an edit is right if the step is the gradient times the rate."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gradcheck.blame.judged import Judged
from gradcheck.capture.pairing import is_update
from gradcheck.capture.program import Program, Trace, Variable
from gradcheck.capture.record import Value
from gradcheck.fix.allowance import Share
from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression
from gradcheck.fix.line import Line, line_of_site
from gradcheck.fix.search import Search
from gradcheck.gradients import holder_of, updated

ROUNDED = 1e-6
"""How far a step may be off being a multiple of its gradient: it is the difference of two rounded parameters."""


def rates(program: Program, trace: Trace, judged: Sequence[Judged]) -> dict[str, float | None]:
    """By how much each parameter moves down its own gradient, by its name; None where it does something else.

    A parameter that is moved twice does.
    """
    found: dict[str, float | None] = {}
    for j in judged:
        seen = updated(program, trace, j.gradient) if j.gradient.kind == "parameter" else None
        if seen is not None:
            others = (v for v in trace.values if v.key != seen[0].key and v.owner == seen[0].owner)
            held = holder_of(seen[0].path)
            again = [v for v in others if is_update(v, j.gradient.of) and holder_of(v.path) == held]
            moved_on = j.gradient.rate is None and any(not _same(v, seen[0], j.gradient.of) for v in again)
            found[j.gradient.of.name] = None if moved_on else _rate(seen[1], j.gradient.array)
    return found


def _same(value: Value, update: Value, of: Variable) -> bool:
    """Whether it is what the parameter was before its update, or is behind it: one that is made twice is none."""
    return np.array_equal(value.array, update.array) or np.array_equal(value.array, of.array)


def _rate(change: np.ndarray, gradient: np.ndarray) -> float | None:
    gradient = gradient.T if gradient.shape != change.shape else gradient
    size = float(np.linalg.norm(gradient))
    if gradient.shape != change.shape or not size or not np.isfinite(change).all():
        return None
    rate = -float(np.vdot(change, gradient)) / size / size
    off = float(np.linalg.norm(change + rate * gradient))
    return rate if off < ROUNDED * abs(rate) * size else None


def expected(name: str, known: Mapping[str, float | None]) -> float | None:
    """The rate at which a parameter should move: as the others do, else as far as it does now; None if they differ."""
    others = [r for other, r in known.items() if other != name and r is not None and r > 0]
    own = known.get(name)
    if others:
        return others[0] if all(math.isclose(r, others[0], rel_tol=ROUNDED) for r in others) else None
    return None if own is None else abs(own)


def edits(
    program: Program, line: Line, at: Value, judged: Sequence[Judged], wrong: frozenset[str], share: Share
) -> Iterator[Edit]:
    """Edits of an update line with which all that is `wrong` moves as it should, and the rest as before."""
    before = rates(program, program.trace, judged)
    search = Search(line, {at.key.occurrence: None}, settled=False, free=True, share=share)
    program.backward(computes={line.site.number: search})
    own = [j.gradient.versions[-1].site.name for j in judged if j.gradient.of.name in wrong]
    for edit in share.within([*_taking(line, own), *search.found]):
        now = rates(program, program.backward(computes={line.site.number: line.runner(edit)}), judged)
        if moves_right(before, now, wrong):
            yield edit


def _taking(line: Line, gradients: Sequence[str]) -> Iterator[Edit]:
    """The line with one of its operands exchanged for a gradient, which may be of another shape."""
    e = Expression(line.text, {}, statement=line.whole)
    for node in e.nodes():
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            old = e.source(node)
            yield from (Edit(e.put(node, new), "operand", 1.2, old, new) for new in gradients if new != old)


def moves_right(before: Mapping[str, float | None], now: Mapping[str, float | None], wrong: frozenset[str]) -> bool:
    """Whether each wrong parameter moves at the rate expected of it, and every other one as it did."""
    sound = {name: rate for name, rate in before.items() if name not in wrong}
    for name in now.keys() | before.keys():
        own = {name: before[name]} if name in before else {}
        wanted = expected(name, {**sound, **own}) if name in wrong else before.get(name)
        rate = now.get(name)
        if (wanted is None) != (rate is None):
            return False
        if wanted is not None and rate is not None and not math.isclose(rate, wanted, rel_tol=ROUNDED):
            return False
    return all(now.get(name) is not None for name in wrong)


def lines(
    program: Program, judged: Sequence[Judged], wrong: frozenset[str], overlay: Mapping[str, str]
) -> dict[Line, tuple[Value, frozenset[str]]]:
    """The update lines of the parameters that go wrong, each with those that it moves."""
    found: dict[Line, tuple[Value, frozenset[str]]] = {}
    for j in judged:
        seen = updated(program, program.trace, j.gradient) if j.gradient.of.name in wrong else None
        line = line_of_site(seen[0].site, overlay) if seen is not None else None
        if seen is not None and line is not None:
            at, names = found.get(line, (seen[0], frozenset[str]()))
            found[line] = at, names | {j.gradient.of.name}
    return found
