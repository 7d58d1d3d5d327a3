"""Small numbers that a code adds to something, log(p + 1e-8), so that nothing is divided by zero."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import numpy as np

SMALL = 1e-6
"""What is larger than this changes what is computed: it belongs into the gradient."""
_NO_VALUE_AT_ZERO = frozenset("log log2 log10 sqrt power divide true_divide reciprocal".split())
_TYPES = frozenset("float float16 float32 float64 half single double longdouble array asarray".split())
Place = ast.expr


def added(
    tree: ast.AST, most: float = SMALL, within: ast.AST | None = None, known: Mapping[str, float] | None = None
) -> Iterator[tuple[Place, float]]:
    """Where a positive number up to `most` is added in a divisor or within a function that has no value at zero.

    It is written there, or by a name that has one. `within` is the part of the tree to look at; all of it is looked
    through for what names stand for, which `known` tells of others. What is added to another number, 1 + 1e-6, guards
    nothing.
    """
    types = frozenset(_types(tree))
    named = {**(known or {}), **dict(_numbers(tree, types))}
    for node in _sums(within or tree):
        for term in (node.left, node.right):
            own = _number(term, types)
            if own is None and isinstance(term, (ast.Name, ast.Attribute)):
                own = named.get(_last(term))
            if own is not None and 0 < own <= most:
                yield term, own


def _sums(tree: ast.AST) -> list[ast.BinOp]:
    """Sums in what something is divided by, or what a logarithm, root or power is taken of."""
    guarded: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            guarded.append(node.right)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            guarded.append(node.left)
        elif isinstance(node, ast.Call) and _last(node.func) in _NO_VALUE_AT_ZERO:
            guarded += node.args
    inside = (n for part in guarded for n in ast.walk(part) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Add))
    return [n for n in dict.fromkeys(inside) if not all(isinstance(t, ast.Constant) for t in (n.left, n.right))]


def _number(node: ast.expr | None, types: frozenset[str]) -> float | None:
    """A number as it is written: 1e-8, 10**-8, np.float32(1e-8), np.finfo(np.float32).eps."""
    match node:
        case ast.Constant(float() as number):
            return number
        case ast.BinOp(
            ast.Constant(int() | float() as base), ast.Pow(), ast.UnaryOp(ast.USub(), ast.Constant(int() as n))
        ):
            return float(base) ** -n if base else None
        case ast.Call(func, [argument]) if _last(func) in types:
            return _number(argument, types)
        case ast.Attribute(ast.Call(func, [argument]), "eps") if _last(func) == "finfo" and _last(argument) in _TYPES:
            return float(np.finfo(_last(argument)).eps)
    return None


def _types(tree: ast.AST) -> Iterator[str]:
    """What numbers are cast with, and names that were given to such: dt = np.float32."""
    yield from _TYPES
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _last(node.value) in _TYPES:
            yield from map(_last, node.targets)


def _numbers(tree: ast.AST, types: frozenset[str]) -> Iterator[tuple[str, float]]:
    """What plain numbers are assigned to or are defaults of, and what is assigned such a name: self.eps = epsilon."""
    found: dict[str, float] = {}
    for node in ast.walk(tree):
        pairs: list[tuple[ast.arg | ast.expr, ast.expr | None]] = []
        if isinstance(node, ast.arguments):
            pairs += zip(reversed([*node.posonlyargs, *node.args]), reversed(node.defaults))
            pairs += zip(node.kwonlyargs, node.kw_defaults)
        elif isinstance(node, ast.Assign):
            pairs += [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign):
            pairs.append((node.target, node.value))
        for target, value in pairs:
            number = _number(value, types)
            if number is not None:
                found[target.arg if isinstance(target, ast.arg) else _last(target)] = number
    yield from found.items()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in found:
            yield from ((_last(t), found[node.value.id]) for t in node.targets)


def _last(name: ast.expr) -> str:
    return ast.unparse(name).rpartition(".")[2]
