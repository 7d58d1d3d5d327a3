"""Whether a scalar is to be made small: a sum of squares is, minus a sum of logarithms is, and a J may be neither."""

from __future__ import annotations

import ast
import linecache

from gradcheck.capture.program import Program, Scalar
from gradcheck.capture.rewrite import Site

_MAYBE_RAISED = frozenset({"J", "L", "objective"})
"""Names of what some minimise and others maximise."""
_POSITIVE = frozenset({"square", "abs", "absolute", "fabs", "norm", "logaddexp", "log1p"})
_NEGATIVE = frozenset({"log", "log2", "log10"})
"""Of probabilities."""
_PRODUCTS = frozenset({"multiply", "dot", "vdot", "inner", "matmul"})
_SUMS = frozenset({"sum", "mean", "average", "nansum", "nanmean", "float", "squeeze", "item"})


def may_be_raised(program: Program, scalar: Scalar) -> bool:
    """Whether it may be meant to be made large: its name doesn't tell, and nothing else does."""
    return scalar.expression in _MAYBE_RAISED and not is_to_fall(program, scalar)


def is_to_fall(program: Program, scalar: Scalar) -> bool:
    """Whether the lines that compute it write down something that is never negative."""
    sites = []
    for of in scalar.variables.values():
        sites += [v.site for v in program.forward_values if v.identity == of.identity and v.site.kind != "argument"]
    return any((sign_of(_written(site)) or 0) > 0 for site in sites)


def _written(site: Site) -> ast.expr | None:
    """The expression of a site."""
    line, start, last, end = site.span
    lines = [text.encode() for text in linecache.getlines(site.file)[line - 1 : last]]
    if not lines:
        return None
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        return ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except SyntaxError:
        return None


def sign_of(node: ast.expr | None) -> int | None:
    """1 of what is written so as never to be negative, -1 of never positive, 0 of neither; None of plain factors."""
    match node:
        case ast.Constant(int() | float() as value):
            return None if value >= 0 else -1
        case ast.UnaryOp(ast.USub(), operand):
            sign = sign_of(operand)
            return -1 if sign is None and isinstance(operand, ast.Constant) else -sign if sign else 0
        case ast.BinOp(left, ast.Pow(), ast.Constant(int() as power)) if power % 2 == 0:
            return 1
        case ast.BinOp(left, ast.Mult() | ast.Div() | ast.MatMult(), right):
            return _product(sign_of(left), sign_of(right))
        case ast.BinOp(left, ast.Add() | ast.Sub() as operator, right):
            return _sum(sign_of(left), sign_of(right), isinstance(operator, ast.Sub))
        case ast.Call(function, arguments):
            return _call(function, arguments)
        case ast.Attribute(value, "T"):
            return sign_of(value)
        case ast.Subscript(value):
            return sign_of(value) if isinstance(value, ast.Call) else None
        case _:
            return None


def _product(left: int | None, right: int | None) -> int | None:
    if left is None or right is None:
        return right if left is None else left
    return left * right


def _sum(left: int | None, right: int | None, taken: bool) -> int | None:
    """Of terms of which one is not told, nothing is; 1 - y is a plain factor."""
    if left is None and right is None:
        return None
    right = -(right or 0) if taken else right
    return (left or 0) if left == right else 0


def _call(function: ast.expr, arguments: list[ast.expr]) -> int | None:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in _POSITIVE:
        return 1
    if name in _NEGATIVE:
        return -1
    if name in _PRODUCTS and len(arguments) == 2:
        return _product(sign_of(arguments[0]), sign_of(arguments[1]))
    if name in _SUMS:
        of_module = isinstance(function, ast.Attribute) and ast.unparse(function.value) in ("np", "numpy")
        return (
            sign_of(function.value) if isinstance(function, ast.Attribute) and not of_module else sign_of(arguments[0])
        )
    return None
