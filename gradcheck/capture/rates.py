"""The learning rate in an update, read off its expression: W -= lr * dW, W = W - (eta / len(batch)) * dW."""

from __future__ import annotations

import ast
import functools
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gradcheck.capture.places import added_at
from gradcheck.capture.rewrite import Site

_RATE = re.compile(
    r"(?i)^_*(lr|l|l_r|alpha|eta|rate|step_?size|learn(ing)?_?(rate|factor|speed)|lrate|learnrate|epsilon|gamma|eps_w|mu_w)"
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
        return re.split(r"[.\[\]'\"]+", self.name.rstrip("]'\""))[-1]


def rate_in(site: Site) -> Rate:
    """The rate in the statement of a site."""
    statement = statement_at(site.file, site.line)
    expression = _moved_by(statement) if site.kind != "return" else _returned_at(site.file, site.line)
    if isinstance(expression, (ast.Name, ast.Attribute, ast.Subscript)):  # W += velocity
        before = _assigned(site.file, ast.unparse(expression), site.line)
        expression = _moved_by(before) if before is not None else expression
    if expression is None:
        return Rate("")
    element = _element(expression)
    factors = list(_factors(expression)) if element is None else [f for t in _terms(element) for f in _factors(t)]
    made = (_assigned(site.file, f.id, site.line) for f in factors if isinstance(f, ast.Name))  # update * x
    within = [f for s in made if (value := _moved_by(s)) is not None for f in _factors(value)]
    for factor in (*factors, *within):
        name = ast.unparse(factor)
        by_name = not isinstance(factor, ast.Subscript) or isinstance(factor.slice, ast.Constant)  # l of dW[l] is none
        if by_name and _RATE.match(Rate(name).last):
            return Rate(name)
    numbers = [f.value for f in factors if isinstance(f, ast.Constant) and isinstance(f.value, float)]
    return Rate("", abs(numbers[0])) if numbers and numbers[0] else Rate("")


def _element(expression: ast.expr) -> ast.expr | None:
    """What each of several parameters becomes: `w - lr * g` of `[w - lr * g for w, g in ...]` or `Params(*(...))`."""
    match expression:
        case ast.ListComp(element) | ast.GeneratorExp(element) | ast.DictComp(value=element):
            return element
        case ast.Call(args=[ast.Starred(inner)]) | ast.Call(args=[ast.ListComp() | ast.GeneratorExp() as inner]):
            return _element(inner)
    return None


def is_average(site: Site) -> bool:
    """Whether a statement draws a value towards another one, as a running mean is: `b += 0.1 * (r.mean() - b)`."""
    statement = statement_at(site.file, site.line)
    expression = _moved_by(statement)
    if expression is None or not isinstance(statement, (ast.AugAssign, ast.Assign)):
        return False
    own = ast.unparse(statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0])
    sides = ((f.left, f.right) for f in _factors(expression) if isinstance(f, ast.BinOp) and isinstance(f.op, ast.Sub))
    return any(own in map(ast.unparse, pair) for pair in sides)


def names_in(site: Site) -> frozenset[str]:
    """The last names of what the statement of a site reads or writes: {"W", "lr", "dW"}."""
    statement = statement_at(site.file, site.line)
    return frozenset() if statement is None else _names_of(statement)


@functools.lru_cache(1024)
def _names_of(statement: _Statement) -> frozenset[str]:
    nodes = ast.walk(statement)
    return frozenset(
        n.id if isinstance(n, ast.Name) else n.attr for n in nodes if isinstance(n, (ast.Name, ast.Attribute))
    )


def _moved_by(statement: ast.stmt | None) -> ast.expr | None:
    """What is added or subtracted: E of `W -= E`, of `W = W - E` and of `v = mu * v - E`; else all that is assigned."""
    match statement:
        case ast.AugAssign(value=value):
            return value
        case ast.Expr(ast.Call(ast.Name("setattr"), [owner, name, value])):
            return _beside(value, f"getattr({ast.unparse(owner)}, {ast.unparse(name)})")
        case ast.Expr():
            found = added_at(statement)
            return None if found is None else found[1]
        case ast.Assign([target, *_], value) | ast.AnnAssign(target, value=ast.expr() as value):
            return _beside(value, ast.unparse(target))
    return None


def _beside(value: ast.expr, target: str) -> ast.expr:
    """The first term of a sum without the target."""
    terms = list(_terms(value))
    others = [t for t in terms if target not in map(ast.unparse, ast.walk(t))]
    others = others or [t for t in terms if target not in map(ast.unparse, _outside_calls(t))]
    return others[0] if len(terms) > 1 and others else value


def _outside_calls(node: ast.expr) -> Iterator[ast.AST]:
    """Its parts but for what calls are handed: theta of `alpha * gradient(X, theta)`."""
    yield node
    for child in (node.func,) if isinstance(node, ast.Call) else ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _outside_calls(child)


def _terms(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield from (*_terms(node.left), *_terms(node.right))
    else:
        yield node


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


_Statement = ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr


def statement_at(file: str, line: int) -> _Statement | None:
    """The assignment, or the call that stands for one, that begins on a line."""
    return _by_line("".join(linecache.getlines(file))).get(line)  # another text while an edit is on trial


def _returned_at(file: str, line: int) -> ast.expr | None:
    """What a function hands back on a line."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None
    return next((n.value for n in ast.walk(tree) if isinstance(n, ast.Return) and n.lineno == line), None)


def _assigned(file: str, name: str, line: int) -> _Statement | None:
    """The last assignment to a name above a line."""
    above = (s for s in _statements(file) if s.lineno < line and isinstance(s, (ast.Assign, ast.AnnAssign)))
    targets = ((s, s.targets[0] if isinstance(s, ast.Assign) else s.target) for s in above)
    return max((s for s, t in targets if ast.unparse(t) == name), key=lambda s: s.lineno, default=None)


def _statements(file: str) -> tuple[_Statement, ...]:
    return _statements_of("".join(linecache.getlines(file)))


@functools.lru_cache(64)
def _by_line(text: str) -> dict[int, _Statement]:
    return {s.lineno: s for s in reversed(_statements_of(text))}


@functools.lru_cache(64)
def _statements_of(text: str) -> tuple[_Statement, ...]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return ()
    return tuple(n for n in ast.walk(tree) if isinstance(n, _Statement))
