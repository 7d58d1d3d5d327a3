"""Bugs of whole terms and statements: what is not added, not carried, not updated, or updated too early."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradcheck.mutate.spot import Bug, Spot

_SIMPLE = (ast.Assign, ast.AugAssign)
REGULARISATION = ("regularisation",)


def terms(spot: Spot) -> Iterator[Bug]:
    """A term of a sum that is left out, or of the wrong sign."""
    for node in spot.expressions():
        if spot.updates or not (isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))):
            continue
        if not any(_large(spot, side) for side in (node.left, node.right)):
            continue
        for kept, term in ((node.left, node.right), (node.right, node.left)):
            if spot.is_penalty(term):
                yield Bug("regularisation dropped", REGULARISATION, ((node, f"({spot.source(kept)})"),))
                yield Bug("regularisation doubled", (*REGULARISATION, "scale"), ((term, f"2 * {spot.wrapped(term)}"),))
            elif spot.carries_gradient(term) and spot.carries_gradient(kept):
                sign = "-" if isinstance(node.op, ast.Sub) and kept is node.right else ""
                yield Bug("term dropped", ("missing-path",), ((node, f"({sign}{spot.source(kept)})"),))
        if spot.carries_gradient(node.left) and spot.carries_gradient(node.right):
            other = "-" if isinstance(node.op, ast.Add) else "+"
            new = f"({spot.source(node.left)} {other} {spot.wrapped(node.right)})"
            yield Bug("sign of a term", ("sign", "missing-path"), ((node, new),))


def _large(spot: Spot, node: ast.expr) -> bool:
    return not spot.is_scalar(node)


def accumulated(spot: Spot) -> Iterator[Bug]:
    """`=` for `+=`, and a contribution that is not made at all."""
    node = spot.node
    if isinstance(node, ast.AugAssign) and not spot.updates:
        target, value = spot.source(node.target), spot.source(node.value)
        if spot.is_penalty(node.value):
            yield Bug("regularisation dropped", REGULARISATION, ((node, "pass"),))
            yield Bug("regularisation doubled", (*REGULARISATION, "scale"), ((node.value, f"2 * ({value})"),))
            return
        if isinstance(node.op, ast.Add):
            yield Bug("= for +=", ("accumulation", "missing-path"), ((node, f"{target} = {value}"),))
        kind = "contribution dropped" if isinstance(node.op, (ast.Add, ast.Sub)) else "activation derivative missing"
        factor = ("missing-activation-derivative", "mask", "scale", "wrong-operand")
        names = ("missing-path", "accumulation") if isinstance(node.op, (ast.Add, ast.Sub)) else factor
        yield Bug(kind, names, ((node, "pass"),))
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript) and _is_zero(node.value):
        yield Bug("mask dropped", ("mask", "missing-activation-derivative"), ((node, "pass"),))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "np.add.at":
        array, index, value = map(spot.source, node.value.args)
        yield Bug("duplicate indices", ("accumulation",), ((node, f"{array}[{index}] += {value}"),))


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def carried(spot: Spot) -> Iterator[Bug]:
    """What a loop hands to its next turn, left out."""
    node = spot.node
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and not spot.updates:
        name = node.targets[0].id
        before = spot.block[: spot.block.index(node)]
        read = any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) for s in before
                   for n in ast.walk(s))  # fmt: skip
        written = any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for s in before
                      for n in ast.walk(s))  # fmt: skip
        if read and not written:
            yield Bug("not carried on", ("missing-path",), ((node.value, f"0 * ({spot.source(node.value)})"),))


def updates(spot: Spot) -> Iterator[Bug]:
    """An update uphill, or none at all."""
    node = spot.node
    if not spot.updates:
        return
    yield Bug("update dropped", ("update",), ((node, "pass"),))
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Sub, ast.Add)):
        other = "+=" if isinstance(node.op, ast.Sub) else "-="
        new = f"{spot.source(node.target)} {other} {spot.source(node.value)}"
        yield Bug("update uphill", ("update", "sign"), ((node, new),))
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Sub):
        new = f"{spot.source(node.value.left)} + {spot.wrapped(node.value.right)}"
        yield Bug("update uphill", ("update", "sign"), ((node.value, new),))


def stale(spot: Spot) -> Iterator[Bug]:
    """A parameter that is updated before a gradient is computed from it."""
    at = spot.block.index(spot.node)
    if spot.updates or not isinstance(spot.node, _SIMPLE):
        return
    read = {ast.unparse(n) for n in spot.expressions() if isinstance(n, (ast.Name, ast.Attribute, ast.Subscript))}
    for later in spot.block[at + 1 :]:
        target = _target(later)
        if target in read & spot.parameters and isinstance(later, _SIMPLE) and later.lineno == later.end_lineno:
            needed = {ast.unparse(n) for n in ast.walk(later) if isinstance(n, (ast.Name, ast.Attribute))} - {target}
            made = {_target(s) for s in spot.block[at : spot.block.index(later)]}
            if not needed & made:
                early = f"{spot.source(later)}; {spot.source(spot.node)}"
                yield Bug("stale weights", ("stale-weights",), ((spot.node, early), (later, "pass")))


def _target(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0])
    return ast.unparse(node.target) if isinstance(node, ast.AugAssign) else ""
