"""Rewrites a module's syntax tree so that every assignment, argument, return and kink passes through a probe.

The rewritten code has the line numbers, names, closures and results of the original; the file is never touched. What
the probes look at is read from names, never by running an expression of the user's a second time.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from gradcheck.capture.ahead import Ahead, with_losses_ahead
from gradcheck.capture.places import Place, added_at, last_name, place_of, written_by
from gradcheck.capture.probes import MARK
from gradcheck.capture.suspects import Suspects

_ORDERINGS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Scope = _Function | ast.ClassDef
_Node = TypeVar("_Node", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the source where a value comes into being or is looked at."""

    number: int
    """Its index in the table of sites."""
    name: str
    """The target as written: W1, self.dW, grads['W1']."""
    kind: str
    """assign, augment, modify, unpack, argument, loop, return, element, compare or kink; of what goes from function to
    function as it is: handed, to a backward where it is called, and result, a name alone that a layer hands back."""
    file: str
    """Absolute path."""
    line: int
    """1-based line of the statement."""
    span: tuple[int, int, int, int]
    """Line, column, end line, end column of the expression, columns in UTF-8 bytes as ast counts them."""
    function: str
    """Qualified name of the enclosing function, "" at module level."""
    last: str = ""
    """Its last name: W1 for self.W1 and for grads['W1']."""
    form: str = ""
    """literal: a number is written there, a step size or a sum's beginning; refined: computed from the target's own
    earlier value; moved: the same, by adding to it or taking from it; passed: handed to another backward and come back;
    handed: handed to what may have written into it; alias: another name for what there is, W = self.W; ahead: a loss
    that stands further down, behind the update; else ""."""


CROSSING = frozenset({"handed", "result"})
"""Kinds of sites that compute nothing: they tell one function's use of an array from another's."""
BINDING = frozenset({"argument", "unpack", "loop"})
"""Kinds of sites that only give what there is a name."""
BACKWARD = re.compile(r"(?i)back|bprop|grad|deriv")
"""How functions are called that are handed gradients and hand some back."""
_LAYERS = re.compile(r"(?i)^(__call__|forward|fprop|call)$|back|bprop|grad|deriv")
"""How the methods of layers are called."""


def rewrite(tree: ast.Module, file: str, sites: list[Site]) -> ast.Module:
    """Instrument `tree` in place, adding its sites to `sites`, and return it."""
    _Rewriter(file, sites, Suspects(tree)).visit(with_losses_ahead(tree))
    return tree


class _Rewriter(ast.NodeTransformer):
    def __init__(self, file: str, sites: list[Site], suspects: Suspects) -> None:
        self.file = file
        self.sites = sites
        self.suspects = suspects
        self.scopes: list[_Scope] = []
        self.final = False
        """Within a `finally` of the function, whose return, break and continue swallow exceptions."""

    # -- building blocks

    def site(
        self, name: str, kind: str, statement: ast.AST, at: ast.AST, last: str = "", form: str = ""
    ) -> ast.Constant:
        span = (at.lineno, at.col_offset, at.end_lineno or at.lineno, at.end_col_offset or 0)  # type: ignore[attr-defined]
        function = ".".join(scope.name for scope in self.scopes)
        line: int = statement.lineno  # type: ignore[attr-defined]
        number = len(self.sites)
        self.sites.append(Site(number, name, kind, self.file, line, span, function, last or name, form))
        return ast.Constant(number)

    def call(self, probe: str, *arguments: ast.expr, at: ast.AST) -> ast.expr:
        function = ast.Attribute(ast.Constant(MARK), probe, ast.Load())
        return _placed(ast.Call(function, list(arguments), []), at)

    def value(self, name: str, kind: str, statement: ast.AST, value: ast.expr) -> ast.expr:
        return self.call("value", self.site(name, kind, statement, value), value, at=value)

    def seen(self, place: Place, kind: str, node: ast.stmt, at: ast.AST, form: str = "") -> ast.stmt:
        """A statement that looks at what can be reached from a name."""
        number = self.site(place.name, kind, node, at, place.last, form)
        return _placed(ast.Expr(self.call("seen", number, *place.arguments(), at=at)), at)

    def rebound(self, name: str, probe: str, number: ast.expr, at: ast.AST) -> ast.stmt:
        bind = self.call(probe, number, ast.Name(name, ast.Load()), at=at)
        return _placed(ast.Assign([ast.Name(name, ast.Store())], bind), at)

    def if_binding(self, statements: list[ast.stmt]) -> ast.stmt:
        """Statements that only a run needs in which somebody wants to know what goes from name to name."""
        wanted = ast.Attribute(ast.Constant(MARK), "binding", ast.Load())
        return _placed(ast.If(wanted, statements, []), statements[0])

    def form(self, target: ast.expr | None, value: ast.expr) -> str:
        """How a value comes from what its target was: see `Site.form`."""
        if _is_number(value):
            return "literal"
        if isinstance(value, (ast.Name, ast.Attribute)):
            return "alias"
        own = ast.unparse(target) if target is not None else ""

        def is_own(node: ast.AST) -> bool:
            return isinstance(node, type(target)) and ast.unparse(node) == own

        if not any(map(is_own, ast.walk(value))):
            return ""
        if any(map(is_own, _terms(value))):
            return "moved"
        handed = isinstance(value, ast.Call) and any(map(is_own, value.args))
        return "passed" if handed and re.search("back|grad", ast.unparse(value).partition("(")[0]) else "refined"

    @property
    def in_class(self) -> bool:
        return bool(self.scopes) and isinstance(self.scopes[-1], ast.ClassDef)

    def mangled_by(self) -> str:
        return next((s.name for s in reversed(self.scopes) if isinstance(s, ast.ClassDef)), "")

    # -- scopes

    @contextmanager
    def scope(self, node: _Scope) -> Iterator[None]:
        final, self.final = self.final, False
        self.scopes.append(node)
        yield
        self.scopes.pop()
        self.final = final

    def _function(self, node: _Function) -> ast.AST:
        # annotations, bases and type parameters are left alone: some are turned back into text
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        self._defaults(node.args)
        with self.scope(node):
            node.body = self._all(node.body)
            arguments = [a for a in _arguments(node.args) if a.arg != "cls"]
            if arguments:
                first = node.body[0]
                node.body.insert(1 if _is_docstring(first) else 0, self._looked_at(arguments, first))
        return node

    def _looked_at(self, arguments: list[ast.arg], first: ast.stmt) -> ast.stmt:
        numbers = [self.site(a.arg, "argument", a, a) for a in arguments]
        passed = self.call("arguments", numbers[0], *(ast.Name(a.arg, ast.Load()) for a in arguments), at=first)
        names: list[ast.expr] = [ast.Name(a.arg, ast.Store()) for a in arguments]
        return self.if_binding([_placed(ast.Assign([ast.Tuple(names, ast.Store())], passed), first)])

    visit_FunctionDef = _function
    visit_AsyncFunctionDef = _function

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        with self.scope(node):
            node.body = self._all(node.body)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._defaults(node.args)
        final, self.final = self.final, False
        if isinstance(node.body, ast.Tuple):
            node.body.elts = [self._result("lambda()", node.body, e) for e in node.body.elts]
        else:
            node.body = self._result("lambda()", node.body, node.body)
        self.final = final
        return node

    def visit_TypeAlias(self, node: ast.AST) -> ast.AST:
        return node

    def _defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self.visit(d) for d in arguments.defaults]
        arguments.kw_defaults = [d and self.visit(d) for d in arguments.kw_defaults]

    def _all(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in statements:
            new = self.visit(statement)
            done += new if isinstance(new, list) else [new]
        return done

    # -- statements

    def _handed(self, node: ast.stmt) -> list[ast.stmt]:
        """Looks at the arrays that a statement may have written into by a call or through a view."""
        if self.in_class:
            return []
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        edited = {p.name for t in targets if isinstance(t, ast.Subscript) and (p := self._place_edited(t, node))}
        found = added_at(node)
        moved = ast.unparse(found[0]) if found is not None else ""
        places = [p for p in written_by(node, self.mangled_by()) if p.name not in edited]
        return [self.seen(p, "modify", node, node, "moved" if p.name == moved else "handed") for p in places]

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        handed = self._handed(node)
        match node.value:
            case ast.Call(ast.Name("setattr"), [owner, name, value], []) if not isinstance(value, ast.Starred):
                form = self.form(ast.Call(ast.Name("getattr"), [owner, name], []), value)
                number = self.site(ast.unparse(owner), "assign", node, value, form=form)
                three = self.call("attribute", number, *map(self.visit, (owner, name, value)), at=value)
                node.value.args = [_placed(ast.Starred(three, ast.Load()), value)]
            case _:
                self.generic_visit(node)
        return [node, *handed] if handed else node

    def visit_Ahead(self, node: Ahead) -> ast.AST:
        number = self.site(node.named, "assign", node, node.value, form="ahead")
        return ast.copy_location(ast.Expr(self.call("value", number, self.visit(node.value), at=node)), node)

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        handed = self._handed(node)
        plain = next((t for t in node.targets if not isinstance(t, (ast.Tuple, ast.List))), None)
        form = self.form(plain, node.value)
        node.value = self._parts(node.value)
        key: ast.Subscript | None = None
        if plain is not None:
            key = plain if isinstance(plain, ast.Subscript) and _is_computed(plain.slice) else None
            named = plain if key is None else key.value
            number = self.site(ast.unparse(named), "assign", node, node.value, last_name(named), form)
            if isinstance(plain, ast.Attribute) and isinstance(plain.value, ast.Name):
                owner = ast.Name(plain.value.id, ast.Load())
                node.value = self.call("owned", number, node.value, owner, at=node.value)
            elif key is None and isinstance(plain, ast.Subscript) and isinstance(plain.value, ast.Name):
                into = ast.Name(plain.value.id, ast.Load())
                node.value = self.call("value", number, node.value, into, at=node.value)
            else:
                node.value = self.call("value" if key is None else "held", number, node.value, at=node.value)
        after: list[ast.stmt] = []
        for target in node.targets:
            if target is not plain:
                after += self._bound(target, node)
            if isinstance(target, ast.Subscript):
                after += self._edited(target, node)
        node.targets = [self.visit(t) for t in node.targets]
        if key is not None:
            holder = [ast.Name(key.value.id, ast.Load())] if isinstance(key.value, ast.Name) else []
            key.slice = self.call("index", ast.Constant(number.value), key.slice, *holder, at=key.slice)
        return [node, *after, *handed]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            last, form = last_name(node.target), self.form(node.target, node.value)
            node.value = self.visit(node.value)
            number = self.site(ast.unparse(node.target), "assign", node, node.value, last, form)
            node.value = self.call("value", number, node.value, at=node.value)
        node.target = self.visit(node.target)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        handed = self._handed(node)
        after: list[ast.stmt] = []
        expression, target = node.value, node.target
        laid_out = isinstance(target, ast.Attribute) and target.attr == "shape"
        form = "moved" if isinstance(node.op, (ast.Add, ast.Sub)) and not laid_out else ""
        node.value = self.visit(node.value)
        if isinstance(target, ast.Name) and not self.in_class:
            number = self.site(target.id, "augment", node, expression, form=form)
            after = [self.rebound(target.id, "augmented", number, node)]
        elif isinstance(target, ast.Attribute):
            place = place_of(target, self.mangled_by())
            after = [self.seen(place, "augment", node, expression, form)] if place else []
        elif isinstance(target, ast.Subscript):
            after = self._edited(target, node, form)
        node.target = self.visit(target)
        return [node, *after, *handed]

    def _loop(self, node: ast.For | ast.AsyncFor) -> ast.AST:
        looks = self._bound(node.target, node, kind="loop")
        node.iter = self.visit(node.iter)
        node.target = self.visit(node.target)
        node.body = looks + self._all(node.body)
        node.orelse = self._all(node.orelse)
        return node

    visit_For = _loop
    visit_AsyncFor = _loop

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
        if isinstance(node.value, ast.Tuple):
            name = self._returning()
            node.value.elts = [self._result(f"{name}[{i}]", node, e) for i, e in enumerate(node.value.elts)]
        elif node.value is not None:
            node.value = self._handed_back(node, node.value)
        return self._unless_stopped(node)

    def _handed_back(self, node: ast.Return, value: ast.expr) -> ast.expr:
        method = len(self.scopes) > 1 and isinstance(self.scopes[-2], ast.ClassDef)
        if isinstance(value, ast.Name) and method and _LAYERS.search(self.scopes[-1].name):
            return self.value(self._returning(), "result", node, value)
        return self._result(self._returning(), node, value)

    def _returning(self) -> str:
        return f"{self.scopes[-1].name}()" if self.scopes else "()"

    def _result(self, name: str, statement: ast.AST, value: ast.expr) -> ast.expr:
        value = self._parts(value)
        if isinstance(value, (ast.Name, ast.Constant, ast.Starred, ast.Yield, ast.YieldFrom)):
            return value
        return self.value(name, "return", statement, value)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return node  # neither a value nor a kink of the function is born in an assert

    # -- the end of a run is no exception of the user's

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        everything = node.type is None or "BaseException" in ast.unparse(node.type)
        self.generic_visit(node)
        if everything:
            node.body.insert(0, self._caught(node.body[0]))
        return node

    def _try(self, node: ast.Try | ast.TryStar) -> ast.AST:
        node.body, node.orelse = self._all(node.body), self._all(node.orelse)
        node.handlers = [self.visit(h) for h in node.handlers]
        before, self.final = self.final, True
        node.finalbody = self._all(node.finalbody)
        self.final = before
        return node

    visit_Try = _try
    visit_TryStar = _try

    def _unless_stopped(self, node: ast.stmt) -> ast.AST | list[ast.stmt]:
        return [self._caught(node), node] if self.final else node

    def visit_Break(self, node: ast.Break) -> ast.AST | list[ast.stmt]:
        return self._unless_stopped(node)

    def visit_Continue(self, node: ast.Continue) -> ast.AST | list[ast.stmt]:
        return self._unless_stopped(node)

    def _caught(self, at: ast.stmt) -> ast.stmt:
        return _placed(ast.Expr(self.call("caught", at=at)), at)

    # -- what a statement binds or edits, looked at behind it

    def _bound(self, target: ast.expr, node: ast.stmt, *, kind: str = "unpack") -> list[ast.stmt]:
        if isinstance(target, (ast.Tuple, ast.List)):
            looks = [look for element in target.elts for look in self._bound(element, node, kind=kind)]
            rebound = [statement for look in looks if isinstance(look, ast.If) for statement in look.body]
            plain = len(looks) > 1 and all(isinstance(look, ast.If) for look in looks)
            return [self.if_binding(rebound)] if plain else looks
        if isinstance(target, ast.Starred):
            return self._bound(target.value, node, kind=kind)
        if isinstance(target, ast.Name):
            if self.in_class:  # a class body's namespace may refuse to bind a name twice, as an enumeration's does
                return []
            return [
                self.if_binding([self.rebound(target.id, "value", self.site(target.id, kind, node, target), target)])
            ]
        place = place_of(target, self.mangled_by())
        return [self.seen(place, kind, node, target)] if place else []

    def _edited(self, target: ast.Subscript, node: ast.Assign | ast.AugAssign, form: str = "") -> list[ast.stmt]:
        """After `dZ[Z <= 0] = 0`, dZ has a new version; after `grads["W"] += dW`, so has the entry."""
        place = self._place_edited(target, node)
        return [self.seen(place, "modify", node, node, form)] if place else []

    def _place_edited(self, target: ast.Subscript, node: ast.stmt) -> Place | None:
        return place_of(target, self.mangled_by(), edited=True, entry=isinstance(node, ast.AugAssign))

    # -- expressions

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        node.value = self.value(node.target.id, "assign", node, self.visit(node.value))
        return node

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> ast.AST:
        name = "" if isinstance(node.elt, (ast.Name, ast.Constant)) else ast.unparse(node.elt)
        self.generic_visit(node)
        if name:
            node.elt = self.value(name, "element", node, node.elt)
        return node

    visit_ListComp = _comprehension
    visit_GeneratorExp = _comprehension

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        operands = [node.left, *node.comparators]
        if not any(isinstance(op, _ORDERINGS) for op in node.ops) or all(isinstance(e, ast.Constant) for e in operands):
            return self.generic_visit(node)
        number = self.site(ast.unparse(node), "compare", node, node)
        # a name can be read again once the comparison is done, unless that ended before it came to it
        names = [e for e in operands if isinstance(e, ast.Name)] if len(node.ops) == 1 else []

        def watched(operand: ast.expr) -> ast.expr:
            if operand in names:
                return operand
            visited = self.visit(operand)
            constant = isinstance(visited, ast.Constant)
            return visited if constant else self.call("operand", ast.Constant(number.value), visited, at=visited)

        node.left, *node.comparators = map(watched, operands)
        return self.call("compared", number, node, *(ast.Name(e.id, ast.Load()) for e in names), at=node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        suspect = self.suspects.may_be_kink(node.func)
        text = ast.unparse(node) if suspect else ""
        kept = [node.args.pop()] if node.args and getattr(node.func, "attr", "") in _KEEP else []
        handed = [ast.unparse(a) for a in node.args] if BACKWARD.search(_called(node)) else []
        self.generic_visit(node)
        if handed:
            node.args = [self._handed_over(node, name, argument) for name, argument in zip(handed, node.args)]
        node.args += map(self._element, kept)
        if suspect:
            number = self.site(text, "kink", node, node)
            node.func = self.call("kink", number, node.func, *_axis(node), at=node.func)
        return node

    def _handed_over(self, call: ast.Call, name: str, argument: ast.expr) -> ast.expr:
        if isinstance(argument, (ast.Constant, ast.Starred)):
            return argument
        return self.call("value", self.site(name, "handed", call, argument, _called(call)), argument, at=argument)

    def _parts(self, node: ast.expr) -> ast.expr:
        """A value that is bound or handed back; of a dictionary or a list that is written there, each of its values."""
        visited: ast.expr = self._element(node) if _is_container(node) else self.visit(node)
        return visited

    def _element(self, node: ast.expr) -> ast.expr:
        """What a container keeps: each value that is computed on the spot, `grads.append({"W": x.T @ d})`."""
        if isinstance(node, ast.Dict):
            node.keys = [key and self.visit(key) for key in node.keys]
            node.values = list(map(self._element, node.values))
            return node
        if isinstance(node, (ast.Tuple, ast.List)):
            node.elts = list(map(self._element, node.elts))
            return node
        if isinstance(node, ast.Call) and _is_container(node):
            for keyword in node.keywords:
                keyword.value = self._element(keyword.value)
            return node
        if not isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call)):
            visited: ast.expr = self.visit(node)
            return visited
        return self.value(ast.unparse(node), "element", node, self.visit(node))


def _axis(call: ast.Call) -> list[ast.expr]:
    """The axis that a method is called with, where it is written there: 1 of Z.max(axis=1) and of Z.max(1)."""
    if not isinstance(call.func, ast.Attribute):
        return []
    match [k.value for k in call.keywords if k.arg == "axis"] or call.args[:1]:
        case [ast.Constant(int(axis)) | ast.UnaryOp(ast.USub(), ast.Constant(int(axis))) as written]:
            return [ast.Constant(axis if isinstance(written, ast.Constant) else -axis)]
        case _:
            return []


def _called(call: ast.Call) -> str:
    """The last name of the function that is called; "" of one of NumPy's."""
    numpy = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in ("np", "numpy")
    return "" if numpy else getattr(call.func, "attr", getattr(call.func, "id", ""))


def _is_container(node: ast.expr) -> bool:
    """Whether it is a dictionary or a list that is written there: {"W": dW}, [dW, db], dict(W=dW), Gradients(W=dW)."""
    made = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args
    return isinstance(node, (ast.Dict, ast.List)) or (made and re.match("dict$|[A-Z]", node.func.id) is not None)  # type: ignore[attr-defined]


_KEEP = frozenset({"append", "appendleft", "insert"})
"""Methods by which a list comes to hold a value."""


def _terms(value: ast.expr) -> Iterator[ast.expr]:
    """What a sum is made of, all but what is taken from the first."""
    while isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub)):
        if isinstance(value.op, ast.Add):
            yield value.right
        value = value.left
        yield value


def _placed(node: _Node, at: ast.AST) -> _Node:
    """The node, and what is new below it, where `at` is."""
    ast.copy_location(node, at)
    for child in ast.iter_child_nodes(node):
        if "lineno" in child._attributes and not hasattr(child, "lineno"):
            _placed(child, at)
    return node


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (a for a in (arguments.vararg, arguments.kwarg) if a is not None)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float, complex))


def _is_computed(index: ast.expr) -> bool:
    """A key whose value only the run tells: grads['dW' + str(l)]; not an element or a slice of an array."""
    return not isinstance(index, (ast.Constant, ast.Slice, ast.Tuple, ast.UnaryOp, ast.Compare))
