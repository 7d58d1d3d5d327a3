"""What a function hands back, `return dx, dW, db`, and what names it is given: in another order, one name for another
that the function computes and nothing reads, one with another sign.

Nothing that a line computes is wrong then, and what reads the values may raise or have other shapes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from gradcheck.blame.judged import Judged
from gradcheck.capture.program import Program
from gradcheck.compare import Verdict
from gradcheck.fix.blocks import span
from gradcheck.fix.edit import Edit, Kind
from gradcheck.fix.expression import level
from gradcheck.fix.guilty import Guilty
from gradcheck.fix.line import Line, line_of_site
from gradcheck.patch import Splice

_Tuple = ast.Tuple | ast.List


def returned(
    program: Program, judged: Sequence[Judged], overlay: Mapping[str, str]
) -> Iterator[tuple[Guilty, list[Edit]]]:
    """Each statement that hands back several values or takes them apart, with its edits; the latest first."""
    wrong = tuple(j for j in judged if j.verdict is Verdict.FAIL)
    seen: set[tuple[str, int]] = set()
    for value in reversed(program.trace.values[max(program.first_gradient - 1, 0) :]):
        line = None if (value.site.file, value.site.line) in seen else line_of_site(value.site, overlay)
        seen.add((value.site.file, value.site.line))
        for statement, several in _statements(line) if line is not None else ():
            if line is None or (value.site.file, -statement.lineno) in seen:
                continue
            seen.add((value.site.file, -statement.lineno))
            hands_back = isinstance(statement, ast.Return)
            name = f"{line.site.function}()" if hands_back else ast.unparse(several)
            kind = "return" if hands_back else "unpack"
            site = replace(
                line.site, number=-1, span=_span(several), line=statement.lineno, name=name, last=name, kind=kind
            )
            there = Line(line.source, site, statement, *span(line.source, several), False)
            yield Guilty(there, wrong, ()), list(_edits(there, several))


def _statements(line: Line) -> Iterator[tuple[ast.stmt, _Tuple]]:
    """The statement, and those by which its function hands back."""
    found = [line.statement]
    if line.site.function:
        found += [n for s in line.places[-1].block for n in ast.walk(s) if isinstance(n, ast.Return)]
    yield from ((s, several) for s in found if (several := _several(s)) is not None)


def _several(statement: ast.stmt) -> _Tuple | None:
    match statement:
        case ast.Return(value=ast.Tuple() as several):
            return several
        case ast.Assign(targets=[(ast.Tuple() | ast.List()) as several], value=ast.Call()):
            return several
    return None


def _edits(line: Line, several: _Tuple) -> Iterator[Edit]:
    parts = [line.source.segment(e) for e in several.elts]
    for i, j in combinations(range(len(parts)), 2):
        if parts[i] != parts[j]:
            order = [*parts]
            order[i], order[j] = parts[j], parts[i]
            yield _edit(line, several, {i: parts[j], j: parts[i]}, "exchanged", parts[j], ", ".join(order))
    if isinstance(several.ctx, ast.Store):
        return
    again = [i for i, part in enumerate(parts) if part in parts[:i]]
    for i in again:
        for at in (i, parts.index(parts[i])):
            for name in _unread(line):
                yield _edit(line, several, {at: name}, "operand", parts[at], name)
    for i in again:
        for at in (i, parts.index(parts[i])):
            new = f"-{parts[at]}" if level(several.elts[at]) >= 9 else f"-({parts[at]})"
            yield _edit(line, several, {at: new}, "sign", parts[at], new)


def _edit(line: Line, several: _Tuple, new: Mapping[int, str], kind: Kind, old: str, told: str) -> Edit:
    splices = tuple(Splice(*span(line.source, several.elts[i]), text) for i, text in new.items())
    return Edit(line.text, kind, 1.0, old, told, around=splices)


def _unread(line: Line) -> list[str]:
    """Names that the function gives a value and never reads."""
    names = [n for s in line.places[-1].block for n in ast.walk(s) if isinstance(n, ast.Name)]
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    return list(dict.fromkeys(n.id for n in names if n.id not in read))


def _span(node: ast.expr) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0
