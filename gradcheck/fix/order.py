"""Statements in the wrong order: an update before a gradient that needs the old value, a gradient before its input."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from gradcheck.capture.ahead import losses_in
from gradcheck.fix.blocks import Place, before, moved_before, moved_behind, span
from gradcheck.fix.edit import Edit
from gradcheck.fix.line import Line
from gradcheck.patch import Splice

_PLACES = (ast.Name, ast.Attribute, ast.Subscript)
HANDED_BACK = ("dx", "d_input", "grad_input")
"""Names for a gradient that a function returns without giving it one."""


def orders(line: Line, updates: Collection[int], guilty: Collection[int]) -> Iterator[Edit]:
    """The line's statement and others of its block in another order, the likeliest first.

    `updates` are the lines of the file in which a parameter changes, `guilty` those at fault.
    """
    read = _reads(line.statement)
    for place in line.places:
        for index in reversed(range(place.index)):
            early = place.other(index)
            if _spans(early, updates) and _writes(early.statement) & read:
                yield from _updated_later(line, place, early, guilty)
        for index in range(place.index + 1, len(place.block)):
            late = place.other(index)
            told = any(losses_in(late.statement))  # a loss that is moved is another one
            if not told and not _spans(late, updates) and _writes(late.statement) & read:
                yield _edit(line, 2.0, late, moved_before(late, place), _told(late, "before", place))
                yield _edit(line, 2.1, late, moved_behind(place, late), _told(place, "behind", late))


def _updated_later(line: Line, place: Place, early: Place, guilty: Collection[int]) -> Iterator[Edit]:
    """An update behind the last line at fault that reads what it changes, or that line before the update."""
    changed = _writes(early.statement)
    later = (place.other(i) for i in range(place.index, len(place.block)))
    last = [p for p in later if _spans(p, guilty) and _reads(p.statement) & changed][-1]
    if not isinstance(last.statement, ast.Return):
        yield _edit(line, 1.0, early, moved_behind(early, last), _told(early, "behind", last))
    if not isinstance(place.statement, ast.Return):
        yield _edit(line, 1.3, early, moved_before(place, early), _told(place, "before", early))
    else:
        yield from _computed_first(line, place, early)


def _computed_first(line: Line, place: Place, early: Place) -> Iterator[Edit]:
    """What a function hands back, computed before the update and given a name."""
    value = line.statement.value if isinstance(line.statement, ast.Return) else None
    taken = {n.id for s in place.block for n in ast.walk(s) if isinstance(n, ast.Name)}
    name = next((n for n in HANDED_BACK if n not in taken), "")
    if value is not None and name:
        named = Splice(line.start, line.end, name)
        start, end = span(line.source, value)
        if (line.start, line.end) == (start, end) or isinstance(value, ast.Tuple):
            first = f"{name} = {line.text}"
            said = f"put {first} before line {early.statement.lineno}, and hand back {name}"
            yield _edit(line, 1.2, early, (before(early, first), named), said)


def _edit(line: Line, cost: float, other: Place, around: tuple[Splice, ...], summary: str) -> Edit:
    return Edit(line.text, "order", cost, old=other.text, around=around, summary=summary)


def _told(moved: Place, where: str, other: Place) -> str:
    return f"move line {moved.statement.lineno} {where} line {other.statement.lineno}"


def _spans(place: Place, lines: Collection[int]) -> bool:
    node = place.statement
    return any(node.lineno <= n <= (node.end_lineno or node.lineno) for n in lines)


def _reads(statement: ast.AST) -> set[str]:
    """What a statement reads, as it is written, and the containers of which it reads entries."""
    there = [n for n in ast.walk(statement) if isinstance(n, _PLACES) and isinstance(n.ctx, ast.Load)]
    return {text for n in there for text in (ast.unparse(n), _container(n))}


def _writes(statement: ast.stmt) -> set[str]:
    """What a statement may change: an entry whose key is written there, else its container."""
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {_written(n) for t in targets for n in (t.elts if isinstance(t, ast.Tuple) else [t])}
        elif isinstance(node, ast.For):  # the arrays that it goes through may be changed in place
            found |= _reads(node.iter)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found |= _reads(node.value) - {"np", "numpy"}
    return found


def _written(target: ast.expr) -> str:
    known = isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant)
    return ast.unparse(target) if known else _container(target)


def _container(node: ast.expr) -> str:
    return ast.unparse(node.value if isinstance(node, ast.Subscript) else node)
