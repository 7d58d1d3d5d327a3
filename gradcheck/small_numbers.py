"""Small numbers that a code adds to something, log(p + 1e-8), so that nothing is divided by zero."""

from __future__ import annotations

import ast
from collections.abc import Iterator

SMALL = 1e-6
"""What is larger than this changes what is computed: it belongs into the gradient."""
_NO_VALUE_AT_ZERO = frozenset("log log2 log10 sqrt power divide true_divide reciprocal".split())
Place = ast.Constant | ast.Name | ast.Attribute


def added(tree: ast.AST, most: float = SMALL, within: ast.AST | None = None) -> Iterator[tuple[Place, float]]:
    """Where a positive number up to `most` is added in a divisor or within a function that has no value at zero.

    It is written there, or by a name that has one. `within` is the part of the tree to look at; all of it is looked
    through for what names stand for. What is added to another number, 1 + 1e-6, guards nothing.
    """
    named = dict(_numbers(tree))
    for node in _sums(within or tree):
        for term in (node.left, node.right):
            if isinstance(term, (ast.Constant, ast.Name, ast.Attribute)):
                number = term.value if isinstance(term, ast.Constant) else named.get(_last(term))
                if isinstance(number, float) and 0 < number <= most:
                    yield term, number


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


def _numbers(tree: ast.AST) -> Iterator[tuple[str, float]]:
    """What plain numbers are assigned to or are defaults of, and what is assigned such a name: self.eps = epsilon."""
    found: dict[str, float] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.arguments):
            pairs = [*zip(reversed([*node.posonlyargs, *node.args]), reversed(node.defaults))]
            pairs += [(a, d) for a, d in zip(node.kwonlyargs, node.kw_defaults) if d is not None]
            found |= {a.arg: d.value for a, d in pairs if isinstance(d, ast.Constant) and type(d.value) is float}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and type(node.value.value) is float:
            found |= {_last(t): node.value.value for t in node.targets}
    yield from found.items()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in found:
            yield from ((_last(t), found[node.value.id]) for t in node.targets)


def _last(name: ast.expr) -> str:
    return ast.unparse(name).rpartition(".")[2]
