"""Which names are a function's own: what it binds hides a name of the module that is spelled alike."""

from __future__ import annotations

import ast
import functools
import linecache

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def is_local(file: str, line: int, name: str) -> bool:
    """Whether a name that is read on a line is a local variable of the function around it."""
    return name in _locals(file, line)


def is_known_to_functions(file: str, name: str) -> bool:
    """Whether a function of a file says a name anywhere: as a variable, an argument, an attribute or a text."""
    return name in _names_in_functions("".join(linecache.getlines(file)))


@functools.lru_cache(64)
def _names_in_functions(text: str) -> frozenset[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return frozenset()
    nodes = [n for f in ast.walk(tree) if isinstance(f, (*_Function, ast.Lambda)) for n in ast.walk(f)]
    said = {n.id if isinstance(n, ast.Name) else n.attr for n in nodes if isinstance(n, (ast.Name, ast.Attribute))}
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return frozenset(said | texts | {n.arg for n in nodes if isinstance(n, ast.arg)})


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
