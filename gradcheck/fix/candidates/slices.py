"""Edits of where a slice begins and ends: one further or less far, at either end or at both; from the other end."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression
from gradcheck.fix.pool import Pool

_Ends = tuple[str, str | None, str | None]
"""A bound as it is, one further and one less far; "" is the array's end, None where it can't be moved."""


def slices(e: Expression, _: Pool) -> Iterator[Edit]:
    """x[1:w + 1] for x[:w], x[:-1] for x[1:], x[w:] for x[:w]; of what a statement writes into as well."""
    for node in ast.walk(e.root):
        if isinstance(node, ast.Slice) and node.step is None and (node.lower or node.upper):
            for other in _other_end(e, node):
                yield Edit(e.put(node, other), "operand", 1.3, e.source(node), other)
            own, lower, upper = e.source(node), _lower(e, node.lower), _upper(e, node.upper)
            for by in (1, 2):
                for begins, ends, cost in ((lower[by], upper[by], 1.4), (lower[by], upper[0], 1.5)):
                    if begins is not None and ends is not None:
                        yield Edit(e.put(node, f"{begins}:{ends}"), "step", cost, own, f"{begins}:{ends}")
                if upper[by] is not None:
                    yield Edit(e.put(node, f"{lower[0]}:{upper[by]}"), "step", 1.5, own, f"{lower[0]}:{upper[by]}")


def _other_end(e: Expression, node: ast.Slice) -> Iterator[str]:
    """The other part of what is put together of two, and the last so many for the first: w: and -w: for :w."""
    bound = node.lower or node.upper
    if bound is None or (node.lower and node.upper):
        return
    own, opposite = e.source(bound), _opposite(e, bound)
    yield from (f":{own}", f":{opposite}") if node.lower else (f"{own}:", f"{opposite}:")


def _opposite(e: Expression, bound: ast.expr) -> str:
    if isinstance(bound, ast.UnaryOp) and isinstance(bound.op, ast.USub):
        return e.source(bound.operand)
    return f"-{e.wrapped(e.source(bound), 10)}"


def _lower(e: Expression, bound: ast.expr | None) -> _Ends:
    own, further, less = ("", "1", None) if bound is None else _moved(e, bound)
    return own, None if further == "0" else further, None if less == "-1" else "" if less == "0" else less


def _upper(e: Expression, bound: ast.expr | None) -> _Ends:
    own, further, less = ("", None, "-1") if bound is None else _moved(e, bound)
    return own, "" if further == "0" else further, None if less == "0" else less


def _moved(e: Expression, bound: ast.expr) -> _Ends:
    own = e.source(bound)
    match bound:
        case ast.Constant(value=int(at)) | ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(at))):
            at = -at if isinstance(bound, ast.UnaryOp) else at
            return own, str(at + 1), str(at - 1)
        case ast.BinOp(left=left, op=ast.Add(), right=ast.Constant(value=1)):
            return own, f"{e.source(left)} + 2", e.source(left)
        case ast.BinOp(left=left, op=ast.Sub(), right=ast.Constant(value=1)):
            return own, e.source(left), f"{e.source(left)} - 2"
    inside = e.wrapped(own, 8)
    return own, f"{inside} + 1", f"{inside} - 1"


def elsewhere(e: Expression, indices: Sequence[str]) -> Iterator[Edit]:
    """Entries of an array taken as the function takes others': dq[np.arange(n), act] for dq[:, act]."""
    for node in ast.walk(e.root):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, (ast.Tuple, ast.Name)):
            own = e.source(node.slice)
            for other in indices:
                if other != own:
                    start, end = e.span(node.slice)
                    yield Edit(f"{e.text[:start]}{other}{e.text[end:]}", "operand", 1.6, own, other)
