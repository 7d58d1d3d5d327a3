"""Bugs of the activations: a derivative or a mask that is missing, taken elsewhere, or the wrong way round."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradcheck.mutate.spot import Bug, Spot

MISSING = ("missing-activation-derivative",)
WRONG = ("wrong-activation-derivative",)
_TURNED = {ast.Gt: "<", ast.GtE: "<", ast.Lt: ">", ast.LtE: ">"}
_WIDENED = {ast.Gt: ">=", ast.GtE: ">", ast.Lt: "<=", ast.LtE: "<"}


def dropped(spot: Spot) -> Iterator[Bug]:
    """A gradient without the factor that its step contributes."""
    for node in spot.expressions():
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
            for kept, factor in ((node.left, node.right), (node.right, node.left)):
                carried = spot.carries_gradient(kept) and not spot.carries_gradient(factor)
                if carried and not spot.is_scalar(factor) and (factor is node.right or isinstance(node.op, ast.Mult)):
                    yield Bug(*_of_factor(spot, factor), ((node, spot.wrapped(kept)),))


def _of_factor(spot: Spot, factor: ast.expr) -> tuple[str, tuple[str, ...]]:
    if spot.is_mask(factor):
        return "mask dropped", ("mask", *MISSING)
    if is_derivative(spot, factor):
        return "activation derivative missing", MISSING
    return "factor missing", ("wrong-operand", *MISSING)


def is_derivative(spot: Spot, node: ast.AST) -> bool:
    """Whether an expression reads like an elementwise derivative: `1 - A**2`, `A * (1 - A)`, `relu_grad(Z)`."""
    if spot.carries_gradient(node) or any(isinstance(n, ast.MatMult) for n in ast.walk(node)):
        return False
    return isinstance(node, (ast.BinOp, ast.Call, ast.Compare))


def simplified(spot: Spot) -> Iterator[Bug]:
    """A derivative of the wrong form: `1 - A` for `1 - A**2`, `A` for `A * (1 - A)`."""
    for node in spot.expressions():
        if not isinstance(node, ast.BinOp) or not is_derivative(spot, node) or spot.is_scalar(node):
            continue
        if isinstance(node.op, ast.Pow) and not spot.is_scalar(node.left):
            yield Bug("wrong activation derivative", WRONG, ((node, spot.wrapped(node.left)),))
        if isinstance(node.op, ast.Mult) and not (spot.is_scalar(node.left) or spot.is_scalar(node.right)):
            yield Bug("wrong activation derivative", (*WRONG, *MISSING), ((node, spot.wrapped(node.left)),))
        if isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Constant):
            yield Bug("wrong activation derivative", WRONG, ((node, spot.wrapped(node.right)),))


def masks(spot: Spot) -> Iterator[Bug]:
    """A comparison the wrong way round, or one that counts its boundary."""
    for node in ast.walk(spot.node):
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _TURNED:
            a, b, op = spot.source(node.left), spot.source(node.comparators[0]), type(node.ops[0])
            yield Bug("mask inverted", ("mask", *WRONG), ((node, f"{a} {_TURNED[op]} {b}"),))
            yield Bug("boundary of a mask", ("mask", *WRONG), ((node, f"{a} {_WIDENED[op]} {b}"),))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "np.where" and len(node.args) == 3:
            c, a, b = map(spot.source, node.args)
            yield Bug("mask inverted", ("mask", *WRONG), ((node, f"np.where({c}, {b}, {a})"),))
    for node in spot.expressions():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for name in (node.left, node.right):
                if isinstance(name, ast.Name) and spot.is_mask(name) and not spot.gradients(name.id):
                    yield Bug("mask inverted", ("mask",), ((name, f"({name.id} == 0)"),))
