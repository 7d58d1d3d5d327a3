"""Which names are a function's own: what it binds hides a name of the module that is spelled alike."""

from __future__ import annotations

import ast
import functools
import linecache

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def is_local(file: str, line: int, name: str) -> bool:
    """Whether a name that is read on a line is a local variable of the function around it."""
    return name in _locals(file, line)


@functools.lru_cache(1 << 10)
def _locals(file: str, line: int) -> frozenset[str]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return frozenset()
    around = [n for n in ast.walk(tree) if isinstance(n, _Function) and n.lineno <= line <= (n.end_lineno or 0)]
    if not around:
        return frozenset()
    nodes = list(ast.walk(max(around, key=lambda n: n.lineno)))
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    declared = {name for n in nodes if isinstance(n, (ast.Global, ast.Nonlocal)) for name in n.names}
    return frozenset(bound | {n.arg for n in nodes if isinstance(n, ast.arg)}) - declared
