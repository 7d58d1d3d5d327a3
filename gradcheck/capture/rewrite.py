"""Rewrites a module's syntax tree so that every assignment, argument, return and kink passes through a probe.

The rewritten code has the line numbers, names, closures and results of the original; the file is never touched.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

# Names that no source file can contain, as pytest does for its assertion rewriting.
PROBE, MODIFIED, ARGUMENTS, COMPARE, KINK = "@probe", "@modified", "@arguments", "@compare", "@kink"

KINK_CALLS = frozenset(
    [
        "maximum",
        "minimum",
        "fmax",
        "fmin",
        "abs",
        "absolute",
        "fabs",
        "max",
        "min",
        "amax",
        "amin",
        "nanmax",
        "nanmin",
        "argmax",
        "argmin",
        "clip",
        "sign",
        "heaviside",
        "sort",
        "argsort",
        "partition",
        "median",
        "round",
        "rint",
        "floor",
        "ceil",
        "trunc",
        "around",
    ]
)
"""Last names of callables whose result depends on which side their operands are; what they are is seen at run time."""

_Node = TypeVar("_Node", bound=ast.AST)
_ORDERINGS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the source where a value comes into being or is looked at."""

    number: int
    """Its index in the table of sites."""
    name: str
    """The target as written: W1, self.dW, grads['W1']."""
    kind: str
    """assign, augment, modify, unpack, argument, loop, return, element, compare or kink."""
    file: str
    """Absolute path."""
    line: int
    """1-based line of the statement."""
    span: tuple[int, int, int, int]
    """Line, column, end line, end column of the expression, columns in UTF-8 bytes as ast counts them."""
    function: str
    """Qualified name of the enclosing function, "" at module level."""


def rewrite(tree: ast.Module, file: str, sites: list[Site]) -> ast.Module:
    """Instrument `tree` in place, adding its sites to `sites`, and return it."""
    _Rewriter(file, sites).visit(tree)
    return ast.fix_missing_locations(tree)


class _Rewriter(ast.NodeTransformer):
    def __init__(self, file: str, sites: list[Site]) -> None:
        self.file = file
        self.sites = sites
        self.scopes: list[str] = []

    # -- building blocks

    def site(self, name: str, kind: str, statement: ast.AST, expression: ast.AST | None = None) -> ast.Constant:
        at = expression if expression is not None else statement
        span = (at.lineno, at.col_offset, at.end_lineno or at.lineno, at.end_col_offset or 0)  # type: ignore[attr-defined]
        function = ".".join(self.scopes)
        self.sites.append(
            Site(len(self.sites), name, kind, self.file, statement.lineno, span, function)  # type: ignore[attr-defined]
        )
        return ast.Constant(len(self.sites) - 1)

    def call(self, probe: str, *arguments: ast.expr, at: ast.AST) -> ast.expr:
        return _located(ast.Call(ast.Name(probe, ast.Load()), list(arguments), []), at)

    def probed(self, name: str, kind: str, statement: ast.AST, value: ast.expr) -> ast.expr:
        return self.call(PROBE, self.site(name, kind, statement, value), value, at=value)

    # -- scopes

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.args = self.visit(node.args)
        self.scopes.append(node.name)
        node.body = self._body(node.body)
        names = [a for a in _arguments(node.args) if a.arg not in ("self", "cls")]
        if names:
            numbers = [self.site(a.arg, "argument", a) for a in names]
            values: list[ast.expr] = [ast.Name(a.arg, ast.Load()) for a in names]
            first = node.body[0]
            look = _located(ast.Expr(self.call(ARGUMENTS, numbers[0], *values, at=first)), first)
            node.body.insert(1 if _is_docstring(first) else 0, look)
        self.scopes.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        self.scopes.append(node.name)
        node.body = self._body(node.body)
        self.scopes.pop()
        return node

    def _body(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in body:
            new = self.visit(statement)
            done.extend(new if isinstance(new, list) else [new])
        return done

    # -- statements

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        node.value = self.visit(node.value)
        single = [t for t in node.targets if not isinstance(t, (ast.Tuple, ast.List))]
        if single:
            node.value = self.probed(ast.unparse(single[0]), "assign", node, node.value)
        after: list[ast.stmt] = []
        for target in node.targets:
            if target not in single[:1]:
                after += self._unpacked(target, node)
            if isinstance(target, ast.Subscript):
                after += self._modified(target, node)
        return [node, *after]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
            node.value = self.probed(ast.unparse(node.target), "assign", node, node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        expression = node.value
        node.value = self.visit(node.value)
        target = node.target
        if isinstance(target, ast.Name):
            number = self.site(target.id, "augment", node, expression)
            again = ast.Assign(
                [ast.Name(target.id, ast.Store())],
                self.call(PROBE, number, ast.Name(target.id, ast.Load()), at=node),
            )
            return [node, _located(again, node)]
        if isinstance(target, ast.Attribute) and _is_plain(target):
            number = self.site(ast.unparse(target), "augment", node, expression)
            look = self.call(MODIFIED, number, _loaded(target), at=node)
            return [node, _located(ast.Expr(look), node)]
        if isinstance(target, ast.Subscript):
            return [node, *self._modified(target, node)]
        return [node]

    def visit_For(self, node: ast.For) -> ast.AST:
        node.iter = self.visit(node.iter)
        node.body = self._unpacked(node.target, node, kind="loop") + self._body(node.body)
        node.orelse = self._body(node.orelse)
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is None or not self.scopes:
            return node
        name = self.scopes[-1] + "()"
        if isinstance(node.value, ast.Tuple):
            node.value.elts = [self._returned(f"{name}[{i}]", node, e) for i, e in enumerate(node.value.elts)]
        else:
            node.value = self._returned(name, node, node.value)
        return node

    def _returned(self, name: str, node: ast.Return, value: ast.expr) -> ast.expr:
        if isinstance(value, (ast.Name, ast.Starred, ast.Constant)):
            return value
        value = self.visit(value)
        return self.probed(name, "return", node, value)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return node  # neither a value nor a kink of the function is born in an assert

    def _unpacked(self, target: ast.expr, node: ast.stmt, *, kind: str = "unpack") -> list[ast.stmt]:
        """Statements that look at each name of a target after it was bound."""
        if isinstance(target, (ast.Tuple, ast.List)):
            return [s for element in target.elts for s in self._unpacked(element, node, kind=kind)]
        if isinstance(target, ast.Name):
            number = self.site(target.id, kind, node, target)
            bind = ast.Assign(
                [ast.Name(target.id, ast.Store())],
                self.call(PROBE, number, ast.Name(target.id, ast.Load()), at=target),
            )
            return [_located(bind, target)]
        if isinstance(target, (ast.Attribute, ast.Subscript)) and _is_plain(target):
            number = self.site(ast.unparse(target), kind, node, target)
            look = self.call(MODIFIED, number, _loaded(target), at=target)
            return [_located(ast.Expr(look), target)]
        return []

    def _modified(self, target: ast.Subscript, node: ast.stmt) -> list[ast.stmt]:
        """After `dZ[Z <= 0] = 0`: dZ has a new version. It isn't bound again, since that would make a global local."""
        base = target.value
        while isinstance(base, ast.Subscript):
            base = base.value
        if not _is_plain(base):
            return []
        number = self.site(ast.unparse(base), "modify", node, node)
        return [_located(ast.Expr(self.call(MODIFIED, number, _loaded(base), at=node)), node)]

    # -- expressions

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.body, (ast.Name, ast.Constant, ast.Yield, ast.YieldFrom)):
            elements = node.body.elts if isinstance(node.body, ast.Tuple) else [node.body]
            probed = [self.probed("lambda()", "return", e, e) if not isinstance(e, ast.Starred) else e for e in elements]
            node.body = ast.copy_location(ast.Tuple(probed, ast.Load()), node.body) if len(probed) != 1 else probed[0]
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        node.value = self.visit(node.value)
        node.value = self.probed(node.target.id, "assign", node, node.value)
        return node

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.elt, (ast.Name, ast.Constant)):
            node.elt = self.probed(ast.unparse(node.elt), "element", node, node.elt)
        return node

    visit_ListComp = _comprehension
    visit_GeneratorExp = _comprehension

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        sign = _ORDERINGS.get(type(node.ops[0])) if len(node.ops) == 1 else None
        if sign is None or all(isinstance(e, ast.Constant) for e in (node.left, node.comparators[0])):
            return node
        number = self.site(ast.unparse(node), "compare", node)
        return self.call(COMPARE, number, ast.Constant(sign), node.left, node.comparators[0], at=node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        text = ast.unparse(node) if _last_name(node.func) in KINK_CALLS else ""
        self.generic_visit(node)
        if text:
            number = self.site(text, "kink", node)
            probed = ast.Call(ast.Name(KINK, ast.Load()), [number, node.func, *node.args], node.keywords)
            return _located(probed, node)
        return node


def _located(node: _Node, at: ast.AST) -> _Node:
    ast.copy_location(node, at)
    for child in ast.iter_child_nodes(node):
        if not hasattr(child, "lineno") and isinstance(child, (ast.expr, ast.stmt)):
            _located(child, at)
    return node


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_plain(node: ast.expr) -> bool:
    """Reading it again has no effect: names, attributes, constant or named indices."""
    if isinstance(node, ast.Attribute):
        return _is_plain(node.value)
    if isinstance(node, ast.Subscript):
        return _is_plain(node.value) and isinstance(node.slice, (ast.Name, ast.Constant))
    return isinstance(node, ast.Name)


def _loaded(node: ast.expr) -> ast.expr:
    """The same place, read instead of written."""
    loaded = copy.deepcopy(node)
    loaded.ctx = ast.Load()  # type: ignore[attr-defined]
    return loaded


def _last_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
