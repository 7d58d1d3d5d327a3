"""Edits that take out or put in a constant factor, once it is known how large it is."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import replace

from gradcheck.fix.edit import Edit, Kind
from gradcheck.fix.expression import Expression, level
from gradcheck.fix.pool import Operand, Pool

_CLOSE = 1e-6
"""A fitted factor is as exact as the numeric derivative; which number is meant is told from others by this much."""
_PLAIN = (2.0, 3.0, 4.0, 0.5)


def without_factor(e: Expression, pool: Pool, factor: float) -> Iterator[Edit]:
    """The expression divided by `factor`, in the terms that are at hand."""
    if math.isclose(factor, -1, rel_tol=_CLOSE):
        binds = level(e.root) >= 9  # then the minus that a product may begin with goes with all of it
        text = e.text[1:].lstrip() if binds and e.text[0] == "-" else f"-{e.text}" if binds else f"-({e.text})"
        yield Edit(text, "sign", 1.4, "", "-")
        return
    for sign in (1.0, -1.0) if factor < 0 else (1.0,):
        for divisor, text, cost in numbers(e, pool):
            for symbol, value in (("/", divisor), ("*", 1 / divisor)):
                if text != "0.5" and math.isclose(value, sign * factor, rel_tol=_CLOSE):
                    own = e.text if level(e.root) >= 9 else f"({e.text})"
                    minus = "-" if sign < 0 else ""
                    kind: Kind = "factor-missing"
                    yield Edit(f"{minus}{own} {symbol} {text}", kind, cost + 0.5, "", f"{symbol} {text}")

    yield from _exchanged(e, pool, factor)


def divided(e: Expression, pool: Pool, factor: float) -> Iterator[Edit]:
    """The same of a statement that stores what it computes: of `g[0] = out - y` what stands on the right."""
    if isinstance(e.root, ast.expr):
        yield from without_factor(e, pool, factor)
    elif isinstance(e.root, ast.Assign):
        stored = e.root.value
        for edit in without_factor(Expression(e.source(stored), e.scope), pool, factor):
            yield replace(edit, text=e.put(stored, edit.text))


def _exchanged(e: Expression, pool: Pool, factor: float) -> Iterator[Edit]:
    """Another number in place of one that something is multiplied with or divided by."""
    for node in e.nodes():
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, (ast.Mult, ast.Div)):
            continue
        for side in (node.left, node.right):
            array = e.array(side)
            if array is None or array.ndim or not array or isinstance(side, ast.BinOp):
                continue
            below = isinstance(node.op, ast.Div) and side is node.right
            wanted = float(array) * factor if below else float(array) / factor
            for value, text, cost in numbers(e, pool):
                if math.isclose(value, wanted, rel_tol=_CLOSE) and text != e.source(side):
                    yield Edit(e.put(side, text), "factor-wrong", cost + 0.2, e.source(side), text)


def multiples(e: Expression, _: Pool) -> Iterator[Edit]:
    """A term of a sum within the expression twice or three times, as the derivatives of squares and cubes have it; what
    a call is handed, twice or half."""
    for node in e.nodes():
        parent = e.parents.get(node)
        if isinstance(parent, ast.Call) and node in parent.args and isinstance(node, (ast.Name, ast.BinOp)):
            array = e.array(node)
            for k in ("2", "0.5") if array is not None and array.ndim and array.dtype.kind == "f" else ():
                yield Edit(e.put(node, f"{k} * {e.wrapped(e.source(node), 9)}"), "factor-missing", 1.5, "", k)
        term = isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Sub)) and not _is_sum(node)
        if term and not isinstance(node, ast.Constant):
            own = e.source(node)
            for k in ("2", "3"):
                yield Edit(e.put(node, f"{k} * {e.wrapped(own, 9)}"), "factor-missing", 1.5, "", k)


def _is_sum(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))


def numbers(e: Expression, pool: Pool) -> Iterator[tuple[float, str, float]]:
    """Numbers that a factor may be: value, text, cost; those with a name first."""
    for number in pool.numbers:
        value = float(number.array)
        if value and math.isfinite(value) and value not in (1.0, -1.0):
            # sizes[3] that happens to be 2 is not what is meant where 2 will do
            yield value, number.text, 1.0 + 0.2 * (not number.text.isidentifier()) + 0.5 * ("[" in number.text)
            if pool.numpy and value > 1 and value.is_integer():
                yield math.sqrt(value), f"{pool.numpy}.sqrt({number.text})", 2.0
    yield from ((v, f"{v:g}", 1.6) for v in _PLAIN)
    for operand, cost in _near(e, pool):
        for axis, size in enumerate(operand.array.shape):
            if size > 1:
                yield float(size), f"{operand.text}.shape[{axis}]", cost
        if operand.array.size > 1:
            yield float(operand.array.size), f"{operand.text}.size", cost + 0.2


def _near(e: Expression, pool: Pool) -> list[tuple[Operand, float]]:
    """Arrays that the expression names, then those of the shortest names; with what their sizes cost."""
    read = {e.source(n) for n in e.nodes() if isinstance(n, (ast.Name, ast.Attribute, ast.Subscript))}
    named = [o for o in pool.operands if o.text in read]
    others = sorted((o for o in pool.operands if o.text not in read), key=lambda o: len(o.text))
    return [*((o, 1.8) for o in named), *((o, 2.2) for o in others[:8])]
