"""Edits that drop a part: a factor, a term, a power, a sign, a call around an operand."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from gradcheck.fix.candidates.operands import within_derivative
from gradcheck.fix.edit import Edit, Kind
from gradcheck.fix.expression import Expression
from gradcheck.fix.pool import Pool, is_derivative

_MASK = ("mask", "drop", "keep")


def dropped(e: Expression, _: Pool) -> Iterator[Edit]:
    """Each operand of a product, quotient, power, sum or difference, dropped."""
    for node in e.nodes():
        if isinstance(node, ast.BinOp):
            for kept, gone in ((node.left, node.right), (node.right, node.left)):
                if kept is node.right and isinstance(node.op, (ast.Div, ast.Pow)):
                    continue
                new = e.source(kept)
                if kept is node.right and isinstance(node.op, ast.Sub):
                    new = f"-{e.wrapped(new, 10)}"
                array = e.array(gone)
                cost = 1.6 if array is not None and array.ndim else 1.0
                old = (e.source(node), new) if isinstance(node.op, ast.Pow) else (e.source(gone), "")
                yield Edit(e.put(node, new), _kind(e, node, gone), cost, *old)
        elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            own = e.source(node.func)
            if not isinstance(node.func, ast.Attribute) or e.source(node.func).startswith("np."):
                kind: Kind = "derivative-extra" if is_derivative(own) else "operand"
                yield Edit(e.put(node, e.source(node.args[0])), kind, 1.8, e.source(node), e.source(node.args[0]))


def _kind(e: Expression, node: ast.BinOp, gone: ast.expr) -> Kind:
    value = e.array(gone)
    if isinstance(node.op, (ast.Add, ast.Sub)):
        return "derivative-wrong" if within_derivative(e, node) else "term-extra"
    if within_derivative(e, node):
        return "derivative-wrong"
    if isinstance(node.op, ast.Pow):
        base = e.array(node.left)
        return "operand" if base is None or base.ndim else "factor-wrong"
    if value is None or not value.ndim:
        return "factor-extra"
    return factor_kind(e.source(gone), value, "extra")


def factor_kind(text: str, value: np.ndarray[tuple[int, ...], np.dtype[np.float64]], how: str) -> Kind:
    """What a factor that is missing, extra or wrong is: a mask, or an activation's derivative."""
    masks = any(word in text.lower() for word in _MASK)
    kinds: dict[str, tuple[Kind, Kind]] = {
        "missing": ("mask-missing", "derivative-missing"),
        "wrong": ("mask-wrong", "derivative-wrong"),
        "extra": ("mask-extra", "derivative-extra"),
    }
    return kinds[how][not masks]
