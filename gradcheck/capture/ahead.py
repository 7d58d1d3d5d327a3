"""Losses that a training loop only computes behind its update, `J.append(cost(X, y, w))` after `w -= alpha * g`: the
same call is made ahead of it as well, where it is the loss of the numbers that the step begins with."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Sequence

_COMPUTES = re.compile(
    r"(?i)(?!.*(?:grad|deriv|prime|back|delta|update|plot|print|show|acc))(?!d_?(?:loss|cost))\w*(?:loss|cost|objective)\w*$"
)
"""Names of functions that compute a loss; `J` is another."""
_IS_LOSS = re.compile(r"(?i)(?:\w*_)?(?:loss|cost|objective)$")
_APART = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_AWAY = (*_APART, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.For, ast.While)
"""What gives names another meaning, or runs more than once."""
_NEVER = (*_AWAY, ast.Starred, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)


class Ahead(ast.Expr):
    """The call of a loss that stands further down, or what is assigned to a loss's name there."""

    named: str
    """As the report calls it."""


def with_losses_ahead(tree: ast.Module) -> ast.Module:
    """The tree, in place, with such calls in the bodies of its loops and functions."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.For, ast.While, ast.FunctionDef)):
            calls = [(i, call) for i, s in enumerate(node.body) for call in losses_in(s)]
            found = next(filter(None, (_behind(node.body, i, call) for i, call in calls)), None) or _assigned(node.body)
            if found is not None:
                at, before, value, name = found
                node.body.insert(at, attempt(value, name, before))
    return tree


def attempt(value: ast.expr, name: str, before: Sequence[ast.stmt]) -> ast.stmt:
    """The statement that computes a loss, with what is computed for it, and goes on where that raises."""
    ahead = ast.copy_location(Ahead(copy.deepcopy(value)), value)
    ahead.named = name
    unless = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
    return _located(ast.Try([*copy.deepcopy(before), ahead], [unless], [], []), value)


_Found = tuple[int, list[ast.stmt], ast.expr, str]
"""Ahead of which statement, behind which others, what, and its name."""


def _assigned(body: Sequence[ast.stmt]) -> _Found | None:
    """`cost = (errors**2).sum() / 2` behind an update that leaves `errors` as they are."""
    for at, statement in enumerate(body):
        if not isinstance(statement, ast.Assign) or any(isinstance(n, _NEVER) for n in ast.walk(statement)):
            continue
        target = statement.targets[0]
        if is_loss(target):
            names = _handed(statement.value)
            first = next((i for i, s in enumerate(body[:at]) if any(True for _ in _moved(s))), at)
            made = [i for i, s in enumerate(body[:at]) if _bound(s) & names]
            kept = not any(_root(t) in names for s in body[:at] for t in _moved(s))
            if not kept or not made or max(made) >= first or first == at:
                return None
            return max(made) + 1, [], statement.value, ast.unparse(target)
    return None


def is_loss(target: ast.expr) -> bool:
    """Whether it is a loss's name that something is assigned to."""
    return isinstance(target, ast.Name) and (target.id == "J" or _IS_LOSS.match(target.id) is not None)


def _behind(body: Sequence[ast.stmt], at: int, call: ast.Call) -> _Found | None:
    """The position of the statement of a block that a loss can be computed ahead of, if it is behind the update of what
    it is handed, and what else is computed for it there: `A, _ = forward(X, params)`, then `cost(A, y)`."""
    if any(_IS_LOSS.match(name) for s in body[:at] for name in _bound(s)):
        return None
    before, names = made_for(body, at, call)
    apart = {name for s in before for name in _bound(s)}
    end = body.index(before[0]) if before else at
    moves = ((i, target) for i, s in enumerate(body[:end]) for target in (*_moved(s), *_handed_over(s)))
    updates = [(i, target) for i, target in moves if _root(target) in names]
    if not updates or names & _bound(body[at]) or any(isinstance(n, _NEVER) for s in before for n in ast.walk(s)):
        return None
    first, moved = updates[0][0], {_root(target) for _, target in updates}
    made = [i for i, s in enumerate(body[:end]) if _defined(s) & names]
    given = names - moved
    used = {n for s in body[: first + 1] for n in _loaded(s)}
    if apart & used or (given and not given & used) or any(i >= first or _defined(body[i]) & moved for i in made):
        return None
    return max(made, default=-1) + 1, before, call, ast.unparse(call)


def made_for(body: Sequence[ast.stmt], at: int, value: ast.expr) -> tuple[list[ast.stmt], set[str]]:
    """The statements of a block right before one that compute what a loss there is handed, and what all that reads."""
    names, before = _handed(value), list[ast.stmt]()
    for statement in reversed(body[:at]):
        if not isinstance(statement, ast.Assign) or list(_moved(statement)):
            break
        if _defined(statement) & names:
            before.insert(0, statement)
            names = names - _bound(statement) | _handed(statement)
    return before, names


def losses_in(statement: ast.stmt) -> Iterator[ast.Call]:
    """Calls of functions that are called a loss."""
    for node in _nodes(statement):
        if isinstance(node, ast.Call) and not any(isinstance(n, _NEVER) for n in ast.walk(node)):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name == "J" or _COMPUTES.match(name):
                yield node


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """A statement's nodes in their order, but what runs by itself or more than once."""
    if not isinstance(node, _AWAY):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from _nodes(child)


def _handed(node: ast.AST) -> set[str]:
    """The names that calls are handed, the objects included whose methods they are."""
    called = {id(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
    names = (n for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
    return {n.id for n in names if id(n) not in called}


def _moved(statement: ast.stmt) -> Iterator[ast.expr]:
    """What it adds to, takes from or computes from its own earlier value."""
    for node in ast.walk(statement):
        if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
            yield node.target
        elif isinstance(node, ast.Assign):
            own = {ast.unparse(n) for n in ast.walk(node.value) if isinstance(n, ast.expr)}
            yield from (t for target in node.targets for t in _parts(target) if ast.unparse(t) in own)


def _handed_over(statement: ast.stmt) -> Iterator[ast.expr]:
    """What a call may move of which nothing is taken, `update(params, grads)`: the object whose method it is, and what
    it is handed."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        yield from (n for n in ast.walk(statement.value) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _defined(statement: ast.stmt) -> set[str]:
    """The names that it gives a value which comes from something else."""
    moved = {ast.unparse(target) for target in _moved(statement)}
    return {name for name in _bound(statement) if name not in moved}


def _bound(statement: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _loaded(statement: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _parts(target: ast.expr) -> Iterator[ast.expr]:
    parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else None
    yield from [target] if parts is None else (p for part in parts for p in _parts(part))


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _located(node: ast.Try, at: ast.AST) -> ast.Try:
    for child in ast.walk(node):
        if "lineno" in child._attributes and not hasattr(child, "lineno"):
            ast.copy_location(child, at)
    return node
