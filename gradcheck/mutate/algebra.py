"""Bugs of plain algebra: transposes, order, signs and factors."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradcheck.mutate.spot import Bug, Spot

_PRODUCTS = ("np.dot", "numpy.dot", "np.outer", "numpy.outer", "np.matmul")


def transposes(spot: Spot) -> Iterator[Bug]:
    """`X.T` without its T, and a result that is the transpose of what it should be."""
    for node in spot.expressions():
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield Bug("transpose dropped", ("transposed", "shape", "wrong-operand"), ((node, spot.source(node.value)),))
    for result in _computed(spot):
        left, right = _factors(result)
        if isinstance(left, ast.Attribute) and left.attr == "T" and right is not None:
            new = f"{spot.wrapped(right)}.T @ {spot.wrapped(left.value)}"
            if isinstance(result, ast.BinOp) and isinstance(result.op, ast.MatMult):
                yield Bug("transposed", ("transposed", "layout", "shape"), ((result, new),))
        yield Bug("transposed", ("transposed", "layout", "shape"), ((result, f"({spot.source(result)}).T"),))


def order(spot: Spot) -> Iterator[Bug]:
    """`B @ A` for `A @ B`, `b - a` for `a - b`."""
    if spot.updates:
        return
    for node in spot.expressions():
        left, right = _factors(node)
        if left is not None and right is not None:
            a, b = spot.wrapped(left), spot.wrapped(right)
            if isinstance(node, ast.Call):
                new = f"{spot.source(node.func)}({b}, {a})"
                outer = spot.source(node.func).endswith("outer")
                names = ("transposed", "layout", "shape") if outer else ("wrong-operand", "shape", "transposed")
                yield Bug("operands swapped", names, ((node, new),))
            else:
                yield Bug("operands swapped", ("wrong-operand", "shape", "transposed"), ((node, f"{b} @ {a}"),))
                new = f"{a} * {b}"
                yield Bug("* for @", ("wrong-operand", "shape", "broadcast", "missing-reduction"), ((node, new),))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and not _has_number(node):
            new = f"{spot.wrapped(node.right)} - {spot.wrapped(node.left)}"
            yield Bug("difference swapped", ("sign",), ((node, f"({new})"),))


def signs(spot: Spot) -> Iterator[Bug]:
    """The whole with the wrong sign."""
    for result in _computed(spot):
        if isinstance(result, ast.UnaryOp) and isinstance(result.op, ast.USub):
            yield Bug("sign", ("sign", *_penalty(spot, result)), ((result, spot.source(result.operand)),))
        else:
            yield Bug("sign", ("sign", *_penalty(spot, result)), ((result, f"-({spot.source(result)})"),))


def factors(spot: Spot) -> Iterator[Bug]:
    """Twice or half of it; a division by a number that is left out or done twice; another constant."""
    for result in _computed(spot):
        names = ("scale", *_penalty(spot, result))
        yield Bug("factor 2", names, ((result, f"2 * ({spot.source(result)})"),))
        yield Bug("factor 1/2", names, ((result, f"0.5 * ({spot.source(result)})"),))
    for node in spot.expressions():
        if spot.updates or not isinstance(node, ast.BinOp):
            continue
        if isinstance(node.op, ast.Div) and spot.is_scalar(node.right) and not spot.is_scalar(node.left):
            left = spot.wrapped(node.left)
            yield Bug("1/m missing", ("scale",), ((node, left),))
            yield Bug("1/m doubled", ("scale",), ((node, f"{left} / {spot.wrapped(node.right)} ** 2"),))
        if isinstance(node.op, ast.Mult):
            for factor, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(factor, ast.Constant) and not spot.is_scalar(other):
                    names = ("scale", *_penalty(spot, node))
                    yield Bug("constant dropped", names, ((node, spot.wrapped(other)),))


def _penalty(spot: Spot, node: ast.AST) -> tuple[str, ...]:
    """What is wrong with a penalty may be called by that name."""
    return ("regularisation",) if spot.is_penalty(node) else ()


def _computed(spot: Spot) -> Iterator[ast.expr]:
    """Results that the statement computes, rather than passes on."""
    if spot.updates:
        return
    for result in spot.results():
        if not isinstance(result, (ast.Name, ast.Attribute, ast.Constant, ast.Subscript)):
            yield result


def _factors(node: ast.AST) -> tuple[ast.expr | None, ast.expr | None]:
    """The two factors of a matrix product, however it is written."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if isinstance(node, ast.Call) and len(node.args) == 2 and ast.unparse(node.func) in _PRODUCTS:
        return node.args[0], node.args[1]
    return None, None


def _has_number(node: ast.BinOp) -> bool:
    return isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant)
