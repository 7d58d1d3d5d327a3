"""Bugs of sums: over the wrong axis, over everything, not at all, or means."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradcheck.mutate.spot import Bug, Spot

KEPT = ("shape", "broadcast", "layout", "update")
"""An axis of length one too many or too few: what it does to the parameter shows after one update."""


def axes(spot: Spot) -> Iterator[Bug]:
    """Another axis, or none, which sums over everything."""
    for call, _ in _sums(spot):
        axis = _axis(call)
        value = axis.value if axis is not None else None
        if axis is None or value is None:
            continue
        for other in _other_axes(value):
            yield Bug("wrong axis", ("wrong-axis",), ((value, other),))
        name = ast.unparse(call.func)
        rest = [spot.source(a) for a in call.args] if not isinstance(axis, ast.Constant) else []
        rest = [r for r, a in zip(rest, call.args) if a is not value]
        yield Bug("sum of everything", ("wrong-axis", "broadcast", "layout"), ((call, f"{name}({', '.join(rest)})"),))


def keepdims(spot: Spot) -> Iterator[Bug]:
    """An axis of length one that is lost or left."""
    for call, _ in _sums(spot):
        kept = next((k for k in call.keywords if k.arg == "keepdims"), None)
        if kept is not None:
            yield Bug("keepdims", KEPT, ((kept.value, "False"),))
        elif _axis(call) is not None:
            new = f"{spot.source(call)[:-1]}, keepdims=True)"
            yield Bug("keepdims", KEPT, ((call, new),))


def missing(spot: Spot) -> Iterator[Bug]:
    """No sum at all, or a mean for a sum and the other way round."""
    for call, summed in _sums(spot):
        assert isinstance(call.func, ast.Attribute)
        yield Bug("sum missing", ("missing-reduction", "shape"), ((call, spot.wrapped(summed)),))
        other = {"sum": "mean", "mean": "sum"}[call.func.attr]
        function = f"{spot.wrapped(call.func.value)}.{other}"
        yield Bug(f"{other} for {call.func.attr}", ("scale",), ((call.func, function),))


def _sums(spot: Spot) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Calls of sum or mean, and what they sum."""
    for node in spot.expressions():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("sum", "mean"):
            if ast.unparse(node.func.value) in ("np", "numpy"):
                yield node, node.args[0]
            else:
                yield node, node.func.value


def _axis(call: ast.Call) -> ast.keyword | None:
    return next((k for k in call.keywords if k.arg == "axis"), None)


def _other_axes(axis: ast.expr) -> list[str]:
    """Axes that might have been meant."""
    try:
        value = ast.literal_eval(axis)
    except ValueError:
        return []
    if isinstance(value, tuple):
        moved = tuple(a + 1 for a in value)
        return [str(moved), str(value[:-1]) if len(value) > 2 else str(value[0])]
    return {0: ["1"], 1: ["0"], -1: ["0"], 2: ["1"]}.get(value, [])
