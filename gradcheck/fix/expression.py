"""An expression as its author wrote it: its parts, their values in the line's scope, and edits that keep the rest."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import numpy as np

from gradcheck.capture.otherwise import Scope
from gradcheck.patch import Splice, line_starts, spliced

ATOM = 13
_LEVELS: tuple[tuple[tuple[type[ast.AST], ...], int], ...] = (
    ((ast.Lambda, ast.IfExp, ast.NamedExpr, ast.Starred), 0),
    ((ast.BoolOp,), 1),
    ((ast.Compare,), 3),
    ((ast.UnaryOp,), 10),
)
_OPERATORS: dict[type[ast.AST], int] = {
    ast.BitOr: 4,
    ast.BitXor: 5,
    ast.BitAnd: 6,
    ast.LShift: 7,
    ast.RShift: 7,
    ast.Add: 8,
    ast.Sub: 8,
    ast.Pow: 11,
}
SIGNS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.MatMult: "@",
    ast.Pow: "**",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
"""Operators that an edit may exchange, as they are written."""
PRODUCT = 9
"""How tightly a product binds."""
NEW = "_new_part_"
"""By what name a part goes that has one value after the other."""


def level(node: ast.AST) -> int:
    """How tightly an expression binds: 13 for names, calls and the like, 0 for a lambda."""
    if isinstance(node, ast.BinOp):
        return _OPERATORS.get(type(node.op), 9)
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return ATOM - 1  # 0.real is no number's attribute
    return next((at for kinds, at in _LEVELS if isinstance(node, kinds)), ATOM)


class Expression:
    """An expression's or, with `statement`, a simple statement's text, and what its parts are in a scope."""

    def __init__(self, text: str, scope: Scope, *, statement: bool = False) -> None:
        self.text = text
        self.scope = scope
        before = "" if statement else "(\n"
        tree = ast.parse(f"{before}{text}" if statement else f"{before}{text}\n)", mode="exec" if statement else "eval")
        self.root: ast.AST = tree.body[0] if isinstance(tree, ast.Module) else tree.body  # type: ignore[attr-defined]
        self._lines = before.count("\n")
        self._starts = line_starts(text)
        self.parents = {child: node for node in ast.walk(self.root) for child in ast.iter_child_nodes(node)}
        self._values: dict[ast.AST, Any] = {}
        self._outer: dict[ast.AST, tuple[int, int]] = {}
        self._read: dict[str, np.ndarray[Any, Any] | None] = {}

    def nodes(self) -> list[ast.expr]:
        """Every part that is read as a value, the whole first."""
        found = (n for n in ast.walk(self.root) if isinstance(n, ast.expr) and not isinstance(n, ast.Slice))
        return [n for n in found if not isinstance(getattr(n, "ctx", None), ast.Store)]

    def value(self, node: ast.AST) -> Any:
        """What a part comes to in the scope; None where that can't be told."""
        if node not in self._values:
            try:
                code = compile(ast.Expression(node), "<part>", "eval", dont_inherit=True)  # type: ignore[arg-type]
                with np.errstate(all="ignore"):
                    self._values[node] = eval(code, self.scope)
            except Exception:
                self._values[node] = None
        return self._values[node]

    def array(self, node: ast.AST) -> np.ndarray[Any, Any] | None:
        """The same where it is an array or a number, as an array."""
        return as_array(self.value(node))

    def read(self, text: str) -> np.ndarray[Any, Any] | None:
        """What something that is not in it comes to in the scope, as an array."""
        if text not in self._read:
            self._read[text] = _evaluated(compile(f"(\n{text}\n)", "<part>", "eval", dont_inherit=True), self.scope)
        return self._read[text]

    def given(self, node: ast.AST, new: str = NEW) -> Callable[[Any], np.ndarray[Any, Any] | None]:
        """What an expression comes to with `new` in a part's place, by what is NEW in that: compiled once for many."""
        code = compile(f"(\n{self.put(node, new)}\n)", "<part>", "eval", dont_inherit=True)
        return lambda value: None if value is None else _evaluated(code, {**self.scope, NEW: value})

    # -- places in the text

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a part begins and ends in the text, without parentheses of its own."""
        n: Any = node
        return self._offset(n.lineno, n.col_offset), self._offset(n.end_lineno, n.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        at = line - 1 - self._lines
        start = self._starts[at]
        end = self._starts[at + 1] if at + 1 < len(self._starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode(errors="ignore"))

    def outer(self, node: ast.AST) -> tuple[int, int]:
        """The same with the parentheses around it."""
        if node not in self._outer:
            self._outer[node] = self._within_parentheses(*self.span(node))
        return self._outer[node]

    def _within_parentheses(self, start: int, end: int) -> tuple[int, int]:
        while True:
            left, right = self.text[:start].rstrip(), self.text[end:].lstrip()
            wider = len(left) - 1, len(self.text) - len(right) + 1
            if not (left.endswith("(") and right.startswith(")") and self._groups(*wider)):
                return start, end
            start, end = wider

    def _groups(self, start: int, end: int) -> bool:
        """Whether the parentheses at both ends only group: a call's do not."""
        text = f"{self.text[:start]}_x_{self.text[end:]}"
        try:
            tree = ast.parse(f"(\n{text}\n)" if self._lines else text)
        except SyntaxError:
            return False
        return any(isinstance(n, ast.Name) and n.id == "_x_" for n in ast.walk(tree))

    def source(self, node: ast.AST) -> str:
        """A part's text."""
        start, end = self.span(node)
        return self.text[start:end]

    # -- edits: each returns the whole new text

    def put(self, node: ast.AST, new: str, *, binds: int | None = None) -> str:
        """`new` in a part's place, in parentheses where it takes them; `binds`, where that is known, is its level."""
        start, end = self.outer(node)
        needed = self.needed(node)
        inside = self.wrapped(new, needed) if binds is None else new if binds >= needed else f"({new})"
        return f"{self.text[:start]}{inside}{self.text[end:]}"

    def with_all(self, changes: dict[ast.AST, str]) -> str:
        """Several parts exchanged, none within another."""
        spans = [(node, *self.outer(node)) for node in changes]
        return spliced(self.text, [Splice(s, e, self.wrapped(changes[n], self.needed(n))) for n, s, e in spans])

    def wrapped(self, text: str, needed: int) -> str:
        """The text, in parentheses if it binds less tightly than is needed."""
        return text if not needed or _level(text) >= needed else f"({text})"

    def needed(self, node: ast.AST) -> int:
        """How tightly what stands in a part's place must bind."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.BinOp):
            own = level(parent)
            if isinstance(parent.op, ast.Pow):
                return own + 1 if node is parent.left else own - 1
            return own + (node is parent.right)
        if isinstance(parent, ast.UnaryOp):
            return 10
        if isinstance(parent, ast.Compare):
            return 4
        if isinstance(parent, ast.BoolOp):
            return 2
        if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Subscript) and node is parent.value):
            return ATOM
        return ATOM if isinstance(parent, ast.Call) and node is parent.func else 0

    def between(self, left: ast.AST, right: ast.AST) -> tuple[int, int]:
        """Where the operator between two operands stands, spaces included."""
        return self.outer(left)[1], self.outer(right)[0]

    def with_operator(self, left: ast.AST, right: ast.AST, old: str, new: str) -> str:
        """The text with the operator between two operands exchanged."""
        start, end = self.between(left, right)
        return self.text[:start] + self.text[start:end].replace(old, new, 1) + self.text[end:]


def _evaluated(code: CodeType, scope: Scope) -> np.ndarray[Any, Any] | None:
    try:
        with np.errstate(all="ignore"):
            return as_array(eval(code, scope))
    except Exception:
        return None


@functools.lru_cache(4096)
def _level(text: str) -> int:
    return level(ast.parse(f"(\n{text}\n)", mode="eval").body)


def as_array(value: Any) -> np.ndarray[Any, Any] | None:
    """A number, boolean or array of them as an array; None for anything else."""
    if isinstance(value, (bool, int, float, np.generic, np.ndarray)):
        found = np.asarray(value)
        return found if found.dtype.kind in "fiub" else None
    return None


def factors(node: ast.expr) -> Iterator[ast.expr]:
    """The factors of a product, of quotients those above the line: a, b of a * b / c."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        yield from factors(node.left)
        if isinstance(node.op, ast.Mult):
            yield from factors(node.right)
    else:
        yield node


def terms(node: ast.expr) -> Iterator[ast.expr]:
    """The terms of a sum or difference."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield from terms(node.left)
        yield from terms(node.right)
    else:
        yield node
