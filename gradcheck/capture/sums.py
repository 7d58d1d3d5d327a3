"""What is only added up in a loop, gradients of samples or a loss: told from a parameter, which it goes on with."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterator

from gradcheck.capture.rewrite import Site

_Loop = (ast.For, ast.While)
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def is_sum(site: Site) -> bool:
    """Whether a statement adds to a name that is begun afresh before a loop and read in it nowhere else."""
    name = site.name.partition("[")[0]
    return name.isidentifier() and _is_sum(site.file, site.line, name)


@functools.lru_cache(1 << 10)
def _is_sum(file: str, line: int, name: str) -> bool:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return False
    functions = [n for n in ast.walk(tree) if isinstance(n, _Function)]
    home = max((f for f in functions if _holds(f, line)), key=lambda f: f.lineno, default=tree)
    if any(_reads(f, name) and not _begins(f, name) for f in functions if f is not home):
        return False  # a function goes on with it, as with a parameter that is the module's own
    loops = sorted((n for n in ast.walk(home) if isinstance(n, _Loop) and _holds(n, line)), key=lambda n: -n.lineno)
    summing = []
    for loop in loops:
        if any(_begins(statement, name) for statement in loop.body):
            break
        summing.append(loop)
    begun = len(summing) < len(loops) or _begins(home, name)
    return bool(summing) and begun and not _reads(summing[-1], name, but=line)


def _holds(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _begins(node: ast.AST, name: str) -> bool:
    """Whether a plain assignment in it gives the name something else than what it was."""
    return any(isinstance(n, ast.Assign) and name in _bound(n) and not _reads(n.value, name) for n in ast.walk(node))


def _bound(statement: ast.Assign) -> Iterator[str]:
    return (n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name) and _stores(n))


def _stores(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _reads(node: ast.AST, name: str, but: int = 0) -> bool:
    """Whether the name is read in it, but for the statement of a line."""
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, ast.Name) and inner.id == name and not _stores(inner):
            return True
        own = isinstance(inner, (ast.AugAssign, ast.Assign)) and inner.lineno == but
        waiting += _added(inner.value, name) if own else ast.iter_child_nodes(inner)  # type: ignore[attr-defined]
    return False


def _added(value: ast.expr, name: str) -> list[ast.expr]:
    """What is added in `n + d` to n; all of any other value."""
    terms = [value.left, value.right] if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add) else [value]
    return [t for t in terms if len(terms) == 1 or ast.unparse(t).partition("[")[0] != name]
