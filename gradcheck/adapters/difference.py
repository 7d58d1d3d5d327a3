"""Where a file hands a class's backward the difference of an output and its label: p - y, or that over a number."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

from gradcheck.source import shown

_DEPTH = 4
"""Names and calls that are followed."""
_Function = ast.FunctionDef | ast.Module


def handed_a_difference(module: ModuleType, kind: str, backward: str) -> str:
    """net.py:77, where an object of this class is handed that; "" for nowhere."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return ""
    objects = {name for node in ast.walk(tree) for name in _made(node, kind)}
    for scope, owner in _scopes(tree):
        for call in (n for n in ast.walk(scope) if isinstance(n, ast.Call) and n.args):
            function = call.func
            if not isinstance(function, ast.Attribute) or function.attr != backward:
                continue
            of = ast.unparse(function.value)
            known = of in objects or (of == "self" and owner == kind)
            if known and _is_difference(call.args[0], scope, tree, _DEPTH):
                return f"{shown(str(module.__file__))}:{call.lineno}"
    return ""


def _made(node: ast.AST, kind: str) -> Iterator[str]:
    """What a statement binds to a new object of the class: net = Network(3)."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == kind:
        yield from map(ast.unparse, node.targets)


def _scopes(tree: ast.Module) -> Iterator[tuple[_Function, str]]:
    """Every function with the class that it is a method of, and the module's own statements last."""
    for node in ast.walk(tree):
        owner = node.name if isinstance(node, ast.ClassDef) else ""
        body = getattr(node, "body", [])
        yield from ((s, owner) for s in body if isinstance(s, ast.FunctionDef)) if isinstance(body, list) else ()
    yield tree, ""


def _is_difference(value: ast.expr, scope: _Function, tree: ast.Module, depth: int) -> bool:
    if depth == 0:
        return False
    if isinstance(value, ast.BinOp):
        if isinstance(value.op, ast.Sub):
            return not any(isinstance(side, ast.Constant) for side in (value.left, value.right))
        scaled = isinstance(value.op, (ast.Div, ast.Mult))
        return scaled and any(_is_difference(v, scope, tree, depth - 1) for v in _but_numbers(value))
    if isinstance(value, ast.Name):
        bound = (n.value for n in ast.walk(scope) if isinstance(n, ast.Assign) and _binds(n, value.id))
        return any(_is_difference(v, scope, tree, depth - 1) for v in bound)
    if isinstance(value, ast.Call):
        called = ast.unparse(value.func).rpartition(".")[2]
        functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == called)
        returned = ((f, n.value) for f in functions for n in ast.walk(f) if isinstance(n, ast.Return) and n.value)
        return any(_is_difference(v, f, tree, depth - 1) for f, v in returned)
    return False


def _but_numbers(product: ast.BinOp) -> list[ast.expr]:
    """The side of a product or quotient that is scaled by the other; none where both are arrays."""
    if isinstance(product.op, ast.Div):
        return [product.left]
    sides = [product.left, product.right]
    scaled = [s for s in sides if not _is_number(s)]
    return scaled if len(scaled) == 1 else []


def _is_number(value: ast.expr) -> bool:
    """Whether an expression is written like a number: 2.0, 1 / m."""
    quotient = isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div)
    return isinstance(value, ast.Constant) or (quotient and isinstance(getattr(value, "left", None), ast.Constant))


def _binds(statement: ast.Assign, name: str) -> bool:
    return any(isinstance(t, ast.Name) and t.id == name for t in statement.targets)
