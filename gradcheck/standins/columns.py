"""Which columns the tables have that a source reads, and which texts stand in them: by how it uses them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_ATTRIBUTES = frozenset("T at axes columns dt dtypes empty iat iloc index loc ndim plot shape size str values".split())
"""Of a table itself."""
_ARRAYS = frozenset("values to_numpy as_matrix to_list tolist".split())
"""After which it is no table any more."""
_NAMING = frozenset("drop pop get groupby sort_values set_index get_dummies".split())
"""Methods and functions that are told names of columns."""
_COMPARING = frozenset("map replace isin".split())


@dataclass(slots=True)
class Columns:
    """What is known of a table's columns."""

    names: dict[str, list[str]] = field(default_factory=dict)
    """Of each the texts that its entries are compared with or turned into numbers from, in the order of the source."""
    dropped: set[str] = field(default_factory=set)
    """Those that the table is stripped of: labels and what is of no use."""

    @property
    def only_labels(self) -> bool:
        """Whether those that the network learns from are not named."""
        return set(self.names) <= self.dropped or len(self.names) == 1


def columns(trees: Iterable[ast.Module]) -> Columns:
    """Of all tables that the sources read; none where they read none by pandas."""
    found = Columns()
    for tree in trees:
        tables, texts = _tables(tree), _texts(tree)
        called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
        for node in ast.walk(tree) if tables else ():
            for name in _named(node, tables, texts, called):
                found.names.setdefault(name, [])
            if isinstance(node, ast.Call) and _method(node) in ("drop", "pop"):
                found.dropped.update(_named(node, tables, texts, called))
        for node in ast.walk(tree) if tables else ():
            for name, text in _compared(node, tables):
                if text not in found.names.get(name, [text]):
                    found.names[name].append(text)
    return found


def _tables(tree: ast.Module) -> set[str]:
    """Names of tables, and of functions that return one."""
    known: set[str] = set()
    while True:
        more = set(_more(tree, known)) - known
        if not more:
            return known
        known |= more


def _more(tree: ast.Module, known: set[str]) -> Iterator[str]:
    functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _is_table(node.value, known):
            yield from (n.id for t in node.targets for n in _flat(t) if isinstance(n, ast.Name))
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name) and _is_table(node.iter, known):
            yield node.target.id
        elif isinstance(node, ast.FunctionDef):
            returned = (n.value for n in ast.walk(node) if isinstance(n, ast.Return) and n.value is not None)
            yield from [node.name for value in returned if _is_table(value, known)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
            taken = functions[node.func.id].args.args
            yield from (a.arg for a, given in zip(taken, node.args) if _is_table(given, known))


def _is_table(node: ast.AST, known: set[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in known
        case ast.Call(func=ast.Attribute(attr=name) as func):
            made = name.startswith("read_") or (
                name in ("concat", "merge") and any(_is_table(a, known) for a in node.args)
            )
            return made or (name not in _ARRAYS and _is_table(func.value, known))
        case ast.Call(func=ast.Name(id=name)):
            return name == "read_csv" or name in known
        case ast.Attribute(attr=name):
            return name not in _ARRAYS and _is_table(node.value, known)
        case ast.Subscript():
            return _is_table(node.value, known)
        case ast.Tuple() | ast.List():
            return any(_is_table(n, known) for n in node.elts)
    return False


def _flat(target: ast.AST) -> Iterator[ast.AST]:
    if isinstance(target, (ast.Tuple, ast.List)):
        yield from target.elts
    else:
        yield target


def _texts(tree: ast.Module) -> dict[str, list[str]]:
    """Texts in lists that have a name, or that a loop goes through, by that name."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value, (ast.List, ast.Tuple, ast.Constant)):
                    found.setdefault(target.id, []).extend(_constants(node.value))
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            listed = _constants(node.iter) if isinstance(node.iter, (ast.List, ast.Tuple)) else ()
            found.setdefault(node.target.id, []).extend(listed)
    return found


def _constants(node: ast.AST) -> Iterator[str]:
    yield from (n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and type(n.value) is str)


def _named(node: ast.AST, tables: set[str], texts: dict[str, list[str]], called: set[int]) -> Iterator[str]:
    """Names of columns in one use of a table."""
    inside: list[ast.AST] = []
    if isinstance(node, ast.Subscript) and _is_table(node.value, tables):
        inside = [node.slice]
        if any(isinstance(n, (ast.Compare, ast.Call)) for n in ast.walk(node.slice)):
            return  # rows that are chosen, not columns
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _NAMING:
        if any(_is_table(n, tables) for n in (node.func.value, *node.args)):
            inside = [*node.args, *(k.value for k in node.keywords if k.arg in ("labels", "columns", "by"))]
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in tables:
        inside = [] if id(node) in called or node.attr in _ATTRIBUTES else [ast.Constant(node.attr)]
    for part in inside:
        if not _is_table(part, tables):
            yield from _constants(part)
            yield from (t for n in ast.walk(part) if isinstance(n, ast.Name) for t in texts.get(n.id, ()))


def _compared(node: ast.AST, tables: set[str]) -> Iterator[tuple[str, str]]:
    """(column, text) of a comparison or a dictionary that turns texts into numbers."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        yield from ((c, t) for a in sides for b in sides for c in _column(a, tables) for t in _constant(b))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _COMPARING:
        told = [k for a in node.args[:1] for k in (a.keys if isinstance(a, ast.Dict) else [a]) if k is not None]
        yield from ((c, t) for c in _column(node.func.value, tables) for k in told for t in _constants(k))


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _column(node: ast.AST, tables: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Subscript) and _is_table(node.value, tables):
        yield from _constant(node.slice)
    elif isinstance(node, ast.Attribute) and _is_table(node.value, tables):
        yield node.attr


def _constant(node: ast.AST) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and type(node.value) is str else []
