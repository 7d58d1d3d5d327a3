"""From a right program to everything that can be planted in it: one edited copy of the source for each bug."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from gradcheck.capture.pairing import is_update
from gradcheck.capture.program import Program
from gradcheck.gradients import Gradient
from gradcheck.mutate import algebra, derivatives, operands, reductions, statements
from gradcheck.mutate.spot import Array, Bug, Spot
from gradcheck.mutate.text import Text

Operator = Callable[[Spot], Iterator[Bug]]
OPERATORS: tuple[Operator, ...] = (
    algebra.transposes,
    algebra.order,
    algebra.signs,
    algebra.factors,
    reductions.axes,
    reductions.keepdims,
    reductions.missing,
    derivatives.dropped,
    derivatives.simplified,
    derivatives.masks,
    operands.names,
    operands.steps,
    statements.terms,
    statements.accumulated,
    statements.carried,
    statements.updates,
    statements.stale,
)
_BINDS = frozenset({"assign", "augment", "modify", "unpack", "return"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """A copy of one file with one bug in it."""

    kind: str
    """As the report groups it."""
    categories: tuple[str, ...]
    """What a right diagnosis may call it, the best first."""
    file: str
    """Absolute path."""
    line: int
    """1-based line of the statement."""
    lines: frozenset[int]
    """Where a right diagnosis may point: the statement's lines; of one that is gone, what else computes the same."""
    old: str
    """The line as it was."""
    new: str
    """The line with the bug."""
    text: str = field(repr=False)
    """The whole file with the bug."""
    updates: str = ""
    """The parameter that the line updates; "" for one that computes a gradient."""

    @property
    def overlay(self) -> Mapping[str, str]:
        """For a driver."""
        return {self.file: self.text}


def mutants(program: Program, gradients: Sequence[Gradient], base_of: Callable[[str], Sequence[str]]) -> list[Mutant]:
    """Every bug that the operators know to plant in the statements that compute gradients and updates."""
    found: dict[tuple[str, str], Mutant] = {}
    there = spots(program, gradients, base_of)
    single = len({s.updates for s in there if s.updates}) == 1
    for spot in there:
        for operator in OPERATORS:
            for bug in operator(spot):
                if bug.kind == "update dropped" and single:
                    continue  # what is left reads as code that only returns its gradients
                text = spot.text.edited(bug.edits)
                if (spot.file, text) not in found and (made := _mutant(spot, bug, text)) is not None:
                    found[spot.file, text] = made
    return list(found.values())


def _mutant(spot: Spot, bug: Bug, text: str) -> Mutant | None:
    try:
        edited = Text(text)
    except SyntaxError:
        return None
    if ast.dump(edited.tree) == ast.dump(spot.text.tree):
        return None
    at = next((n for n in range(1, edited.lines + 1) if edited.line(n) != spot.text.line(n)), spot.node.lineno)
    old, new = spot.text.line(at), edited.line(at)
    lines = spot.lines(spot.node)
    if new == "pass":
        lines |= {n for s in ast.walk(spot.text.tree) if spot.same_target(s) for n in spot.lines(s)}
    return Mutant(bug.kind, bug.categories, spot.file, spot.node.lineno, lines, old, new, text, spot.updates)


def spots(program: Program, gradients: Sequence[Gradient], base_of: Callable[[str], Sequence[str]]) -> list[Spot]:
    """The statements that compute gradients or update parameters, in the order in which they are first run."""
    texts: dict[str, Text | None] = {}
    made: dict[ast.stmt, Spot] = {}
    names: dict[tuple[str, str], dict[str, Array]] = {}
    own = {v.key for g in gradients for v in (*g.versions, g.value)}
    parameters = frozenset(n for g in gradients if g.kind == "parameter" for n in (g.of.last, f"self.{g.of.last}"))
    # what comes round with each sample is no update
    forward = {v.site.number for v in program.forward_values}
    held = {p: r.value for p, r in program.roots.items() if p.isidentifier() and isinstance(r.value, np.ndarray)}
    for i, value in enumerate(program.trace.values):
        file = value.site.file
        here = names.setdefault((file, value.site.function), dict(held))
        if i >= program.first_gradient and value.site.kind in _BINDS and value.site.number not in forward:
            gradient = value.key in own or bool(base_of(value.name))
            updates = "" if gradient else next((g.of.name for g in gradients if is_update(value, g.of)), "")
            text = texts[file] if file in texts else texts.setdefault(file, _text(file))
            found = text.statement(value.site.span) if text is not None else None
            if text is not None and found is not None and (updates or gradient):
                spot = Spot(file, text, *found, dict(here), lambda name: bool(base_of(name)), updates, parameters)
                made.setdefault(spot.node, spot)
        here[value.path] = value.array
    return [*made.values(), *_scattered(list(made.values()))]


def _scattered(made: Sequence[Spot]) -> Iterator[Spot]:
    """`np.add.at(dE, index, d)` binds nothing, and so is not recorded: it is found by its text."""
    for text in {s.text for s in made}:
        near = [s for s in made if s.text is text]
        for node, block in text.statements():
            call = node.value if isinstance(node, ast.Expr) else None
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "np.add.at":
                before = [s for s in near if s.node.lineno < node.lineno]
                if before and before[-1].gradients(ast.unparse(call.args[0])):
                    yield replace(max(before, key=lambda s: s.node.lineno), node=node, block=block, updates="")


def _text(file: str) -> Text | None:
    try:
        return Text(Path(file).read_bytes().decode())
    except (OSError, ValueError, SyntaxError):
        return None
