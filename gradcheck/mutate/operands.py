"""Bugs of choice: another layer's weights, activations or gradient, another step of time."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradcheck.mutate.derivatives import WRONG, is_derivative
from gradcheck.mutate.spot import Bug, Spot

MOST = 2
"""Other names tried in the place of one."""


def names(spot: Spot) -> Iterator[Bug]:
    """A name for another one of the same shape and kind."""
    for node in spot.expressions():
        if isinstance(node, (ast.Name, ast.Attribute)) and (array := spot.value(node)) is not None and array.ndim:
            own = ast.unparse(node)
            for other in _others(spot, own):
                yield Bug(*_kind(spot, node, own), ((node, other),))


def _others(spot: Spot, own: str) -> list[str]:
    """Names of the same shape, of gradients for a gradient's; those whose spelling is nearest first."""
    shape, gradient = spot.values[own].shape, spot.gradients(own)
    alike = [n for n, v in spot.values.items() if n != own and v.shape == shape and spot.gradients(n) == gradient]
    # `A - A` for `A - y` is nobody's mistake, and `x = x` no statement
    there = {ast.unparse(n) for n in ast.walk(spot.node) if isinstance(n, (ast.Name, ast.Attribute))}
    alike = [n for n in alike if n not in there]
    near = sorted(alike, key=lambda n: (n[:1] != own[:1], abs(len(n) - len(own)), n))
    return near[:MOST]


def _kind(spot: Spot, node: ast.expr, own: str) -> tuple[str, tuple[str, ...]]:
    if spot.updates:
        return "wrong update", ("update", "wrong-operand")
    if spot.gradients(own):
        return "wrong gradient", ("wrong-operand", "missing-path")
    factor = next((n for n in spot.expressions() if is_derivative(spot, n) and node in ast.walk(n)), None)
    if factor is not None and any(spot.carries_gradient(r) for r in spot.results()):
        return "derivative at another value", (*WRONG, "mask", "wrong-operand")
    first = not any(spot.carries_gradient(r) for r in spot.results())  # it is the loss's own gradient
    return "wrong operand", ("wrong-operand", "loss-mismatch") if first else ("wrong-operand",)


def steps(spot: Spot) -> Iterator[Bug]:
    """One step of time, or one layer, too far or too near."""
    for node in spot.expressions():
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            index = node.slice
            if isinstance(index, ast.BinOp) and isinstance(index.op, (ast.Add, ast.Sub)):
                if isinstance(index.right, ast.Constant) and isinstance(index.left, ast.Name):
                    yield _off(index, index.left.id)
            elif isinstance(index, ast.Name) and _is_counter(spot, index.id):
                yield _off(index, f"{index.id} - 1")


def _off(index: ast.expr, new: str) -> Bug:
    return Bug("off by one", ("missing-path", "wrong-operand", *WRONG), ((index, new),))


def _is_counter(spot: Spot, name: str) -> bool:
    """Whether a name is the counter of a loop around the statement."""
    loops = (n for n in ast.walk(spot.text.tree) if isinstance(n, ast.For) and spot.node in ast.walk(n))
    return any(isinstance(n, ast.Name) and n.id == name for loop in loops for n in ast.walk(loop.target))
