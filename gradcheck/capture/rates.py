"""The learning rate in an update, read off its expression: W -= lr * dW, W = W - (eta / len(batch)) * dW."""

from __future__ import annotations

import ast
import functools
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gradcheck.capture.rewrite import Site

_RATE = re.compile(
    r"(?i)^_*(lr|l_r|alpha|eta|rate|step_?size|learn(ing)?_?(rate|factor|speed)|lrate|learnrate|epsilon|gamma|eps_w|mu_w)"
    r"_*(\d|init|[wb])?$"
)
"""Names of learning rates."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What an update is multiplied by that is no part of the gradient."""

    name: str
    """lr, self.lr; "" where it is a number that is written there."""
    number: float = 1.0
    """That number; 1 where there is none."""

    @property
    def last(self) -> str:
        """lr of self.lr."""
        return self.name.rpartition(".")[2].strip("'\"[]")


def rate_in(site: Site) -> Rate:
    """The rate in the statement of a site."""
    expression = _moved_by(site)
    if expression is None:
        return Rate("")
    factors = list(_factors(expression))
    for factor in factors:
        name = ast.unparse(factor)
        if _RATE.match(Rate(name).last):
            return Rate(name)
    numbers = [f.value for f in factors if isinstance(f, ast.Constant) and isinstance(f.value, float)]
    return Rate("", abs(numbers[0])) if numbers and numbers[0] else Rate("")


def _moved_by(site: Site) -> ast.expr | None:
    """What is added or subtracted: E of `W -= E` and of `W = W - E`; of another assignment, all of it."""
    statement = _statement(site.file, site.line)
    if isinstance(statement, ast.AugAssign):
        return statement.value
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
        return None
    value = statement.value
    target = ast.unparse(statement.targets[0] if isinstance(statement, ast.Assign) else statement.target)
    while isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub)):
        if ast.unparse(value.left) == target:
            return value.right
        if ast.unparse(value.right) == target:
            return value.left
        value = value.left
    return value


def _factors(node: ast.expr) -> Iterator[ast.expr]:
    """What a product is made of, its divisors left out."""
    if isinstance(node, ast.UnaryOp):
        yield from _factors(node.operand)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from (*_factors(node.left), *_factors(node.right))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.MatMult)):
        yield from _factors(node.left)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from _factors(node.func.value)  # (lr * X.T).dot(err)
        if node.func.attr in ("dot", "matmul", "multiply", "outer"):
            yield from (f for a in node.args for f in _factors(a))
    else:
        yield node


@functools.lru_cache(256)
def _statement(file: str, line: int) -> ast.stmt | None:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None
    found = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and n.lineno == line]
    return next((n for n in found if isinstance(n, (ast.Assign, ast.AugAssign, ast.AnnAssign))), None)
