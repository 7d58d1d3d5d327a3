"""A contribution whose line is missing: `dW += x.T @ dz` behind the line that computes dz.

Behind every later line that computes a gradient, what the chain rule makes of that is added up over all times that the
line is passed, and held against what the sum lacks.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.blame.judged import Judged
from gradcheck.capture.otherwise import Compute, Scope
from gradcheck.capture.program import Program, Ref
from gradcheck.capture.record import Value
from gradcheck.fix.blocks import behind
from gradcheck.fix.candidates.chain import Style, contributions
from gradcheck.fix.candidates.paths import is_gradient
from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import as_array
from gradcheck.fix.line import Line, line_of_site
from gradcheck.fix.pool import Operand
from gradcheck.fix.wanted import Wanted

LINES = 12
"""Lines behind which a contribution is looked for."""
TERMS = 400
"""Contributions that are added up behind one of them."""
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Sum:
    """A gradient that contributions are added to."""

    text: str
    """As it is written."""
    array: Array
    """What it comes to as the code stands."""
    line: Line
    """Where it begins."""
    value: Value


def sum_of(program: Program, judged: Judged, overlay: Mapping[str, str]) -> Sum | None:
    """The array that a gradient is added up in; of one that is had from an update, the one that bears its name."""
    gradient = judged.gradient
    if gradient.rate is None:
        value, array = gradient.value, gradient.array
    else:
        named = [v for v in program.trace.values if _is_named(program, v, judged)]
        if not named:
            return None
        value, array = named[0], named[-1].array
    line = line_of_site(value.site, overlay)
    if line is None or array.shape != judged.truth.shape:
        return None
    return Sum(_target(line, value), array, line, value)


def _is_named(program: Program, value: Value, judged: Judged) -> bool:
    of = judged.gradient.of
    return value.plain and value.array.shape == of.array.shape and of.last in program.base_of(value.name)


def _target(line: Line, value: Value) -> str:
    """As it is written where it is assigned, if it is alone there."""
    targets = getattr(line.statement, "targets", [])
    alone = len(targets) == 1 and isinstance(targets[0], (ast.Name, ast.Attribute, ast.Subscript))
    return line.source.segment(targets[0]) if alone else value.site.name


def additions(
    program: Program, judged: Judged, into: Sum, wanted: Wanted, fed: Mapping[Ref, Array], overlay: Mapping[str, str]
) -> list[Edit]:
    """The lines that may be missing, each with where it would stand, the shortest first."""
    there = list(_behind(program, into, overlay))
    collected = {line.site.number: _Collected(line, into.text, judged.truth.shape) for line in there}
    computes: dict[int, Compute] = dict(collected)
    program.backward(fed, computes)
    found = [edit for one in collected.values() for edit in one.edits(into, wanted)]
    return sorted(found, key=lambda edit: (edit.cost, len(edit.new)))


def _behind(program: Program, into: Sum, overlay: Mapping[str, str]) -> Iterator[Line]:
    """The lines of the same function that compute a gradient once the sum has begun."""
    values = program.trace.values
    begin = next((i for i, v in enumerate(values) if v.key == into.value.key), len(values))
    own = into.value.site
    sites = {v.site.number: v for v in values[begin:] if _computes(v, own.file, own.function)}
    count = 0
    for value in sites.values():
        line = line_of_site(value.site, overlay)
        if line is not None and line.target == value.site.name != into.text and count < LINES:
            count += 1
            yield line


def _computes(value: Value, file: str, function: str) -> bool:
    here = value.site.file == file and value.site.function == function and value.site.kind in ("assign", "augment")
    return here and value.plain and is_gradient(Operand(value.site.name, value.array))


@dataclass(slots=True)
class _Collected:
    """The contributions of one line's value, added up. It is handed to a run as what computes it, and leaves it be."""

    line: Line
    into: str
    shape: tuple[int, ...]
    sums: dict[str, Array] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    """Numbers by which a sum may be divided."""
    read: list[str] = field(default_factory=list)
    """What it may be multiplied with, as it is written."""

    def __call__(self, scope: Scope, value: Any, before: Any) -> Any:
        array = as_array(value)
        if array is not None and array.dtype.kind == "f":
            with np.errstate(all="ignore"):
                self._add(scope, Operand(self.line.target, array))
        return value

    def _add(self, scope: Scope, d: Operand) -> None:
        style = Style.of(self.line.source.text, next((n for n, v in scope.items() if v is np), ""))
        begun = bool(self.read)
        self.read = self.read or self._texts()
        others = [o for text in self.read if (o := _read(text, scope)) is not None]
        found = {t.text: t.array for t in contributions(d, others, self.shape, style) if t.array.shape == self.shape}
        if not begun:
            self.read = [other.text for other in others] or [""]
            self.sums = {text: np.array(found[text], float) for text in list(found)[:TERMS]}
            self.counts = {n: float(v) for n, v in scope.items() if type(v) is int and v > 1}
        else:
            for text in list(self.sums):
                if text in found:
                    self.sums[text] += found[text]

    def _texts(self) -> list[str]:
        """What the function reads, as it is written, but for gradients; and each name at each index that it uses."""
        holder, written = self.line.places[-1], self.line.source.segment
        nodes = [
            n for s in holder.block for n in ast.walk(s) if isinstance(n, (ast.Name, ast.Attribute, ast.Subscript))
        ]
        read = [n for n in nodes if isinstance(n.ctx, ast.Load)]
        names = dict.fromkeys(written(n) for n in read if not isinstance(n, ast.Subscript))
        at = [n.slice for n in nodes if isinstance(n, ast.Subscript) and isinstance(n.slice, (ast.Name, ast.BinOp))]
        indices = dict.fromkeys(map(written, at))
        entries = [written(n) for n in read if isinstance(n, ast.Subscript)]
        found = dict.fromkeys((*names, *entries, *(f"{name}[{index}]" for name in names for index in indices)))
        return [one for one in found if one not in ("", self.into, self.line.target) and not one.endswith(".T")]

    def edits(self, into: Sum, wanted: Wanted) -> Iterator[Edit]:
        """Those that the sum lacks."""
        for term, total in self.sums.items():
            if term == into.line.text:
                continue  # a line that stands before what it reads lacks nothing
            c = wanted.coefficient(into.array, total) or 0.0
            for scaled, cost in self._scaled(term, abs(c)):
                new = f"{into.text} {'+=' if c > 0 else '-='} {scaled}"
                splice = behind(self.line.places[0], new)
                yield Edit(into.line.text, "line-missing", 1.5 + cost, new=new, around=(splice,))

    def _scaled(self, term: str, c: float) -> Iterator[tuple[str, float]]:
        if math.isclose(c, 1, rel_tol=1e-6):
            yield term, 0.0
        for name, count in self.counts.items():
            if math.isclose(c, 1 / count, rel_tol=1e-6):
                yield f"{term} / {name}", 0.3


def _read(text: str, scope: Scope) -> Operand | None:
    try:
        array = as_array(eval(text, dict(scope)))
    except Exception:
        return None
    if array is None or not array.ndim or array.dtype.kind not in "fb":
        return None
    operand = Operand(text, array)
    return None if is_gradient(operand) else operand
