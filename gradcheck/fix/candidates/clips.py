"""Edits that put in a clip, or exchange its bounds: the derivative of a Huber loss is the error, clipped."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression
from gradcheck.fix.pool import Pool


def clips(e: Expression, pool: Pool) -> Iterator[Edit]:
    """An array clipped between a number of the code's and its negative; a clip between others."""
    bounds = [(o.text, 0.0) for o in pool.numbers if float(o.array) > 0 and o.array.dtype.kind == "f"]
    bounds += [(f"{v:g}", 0.4) for v in (1.0, *pool.literals)]
    for node in e.nodes() if pool.numpy else ():
        array = e.array(node)
        if array is None or not array.ndim or array.dtype.kind != "f":
            continue
        if isinstance(node, (ast.Name, ast.Attribute, ast.BinOp)) and not _is_part(e, node):
            for bound, cost in bounds:
                new = f"{pool.numpy}.clip({e.source(node)}, -{bound}, {bound})"
                yield Edit(e.put(node, new), "derivative-wrong", 2.0 + cost, e.source(node), new)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "clip" and len(node.args) == 3:
            for bound, cost in bounds:
                text = e.with_all({node.args[1]: f"-{bound}", node.args[2]: bound})
                new = f"{e.source(node.func)}({e.source(node.args[0])}, -{bound}, {bound})"
                yield Edit(text, "derivative-wrong", 1.4 + cost, e.source(node), new)


def _is_part(e: Expression, node: ast.expr) -> bool:
    """Whether it is what something is called or taken from: no array that could stand in a call."""
    parent = e.parents.get(node)
    return isinstance(parent, (ast.Attribute, ast.Subscript)) or (isinstance(parent, ast.Call) and parent.func is node)
