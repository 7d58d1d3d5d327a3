"""A guilty statement: where it stands, what of it may be edited, and what an edit of it comes to when it is run."""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import operator
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import CodeType
from typing import Any, TypeGuard

import numpy as np

from gradcheck.capture.otherwise import Scope
from gradcheck.capture.rewrite import Site
from gradcheck.errors import UsageError
from gradcheck.fix.blocks import Place, places
from gradcheck.fix.edit import Edit
from gradcheck.patch import SourceText, Splice, line_starts, read

_IN_PLACE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


PARTS = 40
"""Sums and the like of a function that are looked at."""
_TRYING: ContextVar[bool] = ContextVar("trying", default=False)


def no_check_within() -> None:
    """A line that calls gradcheck itself, as one of a test does, can't be tried: it would check while it is checked."""
    if _TRYING.get():
        raise UsageError("an edit of a line that checks a backward pass is not tried.")


@contextlib.contextmanager
def trying() -> Iterator[None]:
    """Around whatever an edit makes of the user's code."""
    token = _TRYING.set(True)
    try:
        yield
    finally:
        _TRYING.reset(token)


@dataclass(frozen=True, slots=True)
class Line:
    """A statement and the part of it that computes the gradient."""

    source: SourceText
    site: Site
    statement: ast.stmt
    start: int
    """Where the part that may be edited begins in the file's text."""
    end: int
    whole: bool
    """True where that is the statement itself: an edit in place, dZ[Z <= 0] = 0."""
    pick: int | None = None
    """Which of the values that the part comes to is meant, where a call's are taken apart: dx, dW = back(d)."""

    @property
    def text(self) -> str:
        """The part that may be edited."""
        return self.source.text[self.start : self.end]

    @property
    def target(self) -> str:
        """What the statement assigns to, "" where it does not, or to several things at once."""
        targets = getattr(self.statement, "targets", None) or [getattr(self.statement, "target", None)]
        one = targets[0] if len(targets) == 1 else None
        return "" if one is None or isinstance(one, (ast.Tuple, ast.List)) else ast.unparse(one)

    @property
    def places(self) -> list[Place]:
        """The statement in its block, and what holds it in theirs, innermost first."""
        return places(self.source, _tree(self.source.text), self.statement)

    @property
    def adds(self) -> bool:
        """Whether it is an augmented assignment."""
        return isinstance(self.statement, ast.AugAssign)

    @property
    def turns(self) -> tuple[str, ...]:
        """The variables of the loops that the statement stands in."""
        at = self.statement.lineno
        loops = (n for n in ast.walk(_tree(self.source.text)) if isinstance(n, (ast.For, ast.FunctionDef)))
        around = [n for n in loops if n.lineno < at <= (n.end_lineno or at)]
        inside = max((n.lineno for n in around if isinstance(n, ast.FunctionDef)), default=0)
        targets = (n.target for n in around if isinstance(n, ast.For) and n.lineno > inside)
        return tuple(n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))

    @property
    def unread(self) -> tuple[str, ...]:
        """Names that the innermost loop around gives a value and never reads: carried on, and left out."""
        around = next((p.statement for p in self.places[1:] if isinstance(p.statement, (ast.For, ast.While))), None)
        body = getattr(around, "body", ())
        nodes = [n for statement in body for n in ast.walk(statement)]
        names = [n for n in nodes if isinstance(n, ast.Name)]
        summed = {n.target.id for n in nodes if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)}
        read = summed | {n.id for n in names if isinstance(n.ctx, ast.Load)}
        return tuple(dict.fromkeys(n.id for n in names if n.id not in read))

    @property
    def over_time(self) -> bool:
        """Whether the loop around the statement adds up over its turns, as one over time does and one over layers not.

        A layer's gradient is an entry of its own, dW[l]; the steps of time share theirs, dW += ...
        """
        around = next((p.statement for p in self.places[1:] if isinstance(p.statement, (ast.For, ast.While))), None)
        sums = [n.target for n in ast.walk(around or ast.Pass()) if isinstance(n, ast.AugAssign)]
        own = {
            n.id
            for target in [getattr(around, "target", None)]
            if target
            for n in ast.walk(target)
            if isinstance(n, ast.Name)
        }
        return any(not own & {n.id for n in ast.walk(s) if isinstance(n, ast.Name)} for s in sums)

    @property
    def parts(self) -> tuple[str, ...]:
        """Sums, differences and powers of what the line's function names, as it has them: h - mu, inv**3."""
        there = (n for s in self.places[-1].block for n in ast.walk(s) if _is_plain_sum(n))
        return tuple(dict.fromkeys(self.source.segment(n) for n in there))[:PARTS]

    @property
    def indices(self) -> tuple[str, ...]:
        """By what the line's function takes entries of arrays, as it is written: range(n), y."""
        there = (n for s in self.places[-1].block for n in ast.walk(s) if isinstance(n, ast.Subscript))
        found = (n.slice for n in there if isinstance(n.slice, ast.Tuple))
        return tuple(dict.fromkeys(self.source.segment(n) for n in found))

    @property
    def entries(self) -> tuple[str, ...]:
        """Those of them that are no slices."""
        read = ((text, ast.parse(f"_[{text}]", mode="eval").body) for text in self.indices)
        return tuple(text for text, n in read if not any(isinstance(k, ast.Slice) for k in ast.walk(n)))

    def splices(self, edit: Edit) -> list[Splice]:
        """The edit as one of the file's text."""
        if edit.around:
            return list(edit.around)
        made = [Splice(self.start, self.end, edit.text)] if edit.text != self.text else []
        if edit.operator:
            before = self.source.text[: self.start].rstrip("( \t\r\n\\")
            old = before[-2:] if before.endswith(("+=", "-=")) else "="
            made.append(Splice(len(before) - len(old), len(before), edit.operator))
        return made

    def runner(self, edit: Edit) -> Callable[[Scope, Any, Any], Any]:
        """What the edited line computes, from its scope, what it computes as it stands, and what was there before."""
        computed = self._runner(edit)

        def run(scope: Scope, value: Any, before: Any) -> Any:
            with trying():
                return computed(scope, value, before)

        return run

    def _runner(self, edit: Edit) -> Callable[[Scope, Any, Any], Any]:
        if self.whole:
            code = compile(edit.text, "<edit>", "exec", dont_inherit=True)
            entry = ast.unparse(self.statement.target) if isinstance(self.statement, ast.AugAssign) else ""
            return functools.partial(_in_place, code, self.site.name, entry)
        code = compile(f"(\n{edit.text}\n)", "<edit>", "eval", dont_inherit=True)
        if edit.operator == "+=" and not self.adds:
            held = compile(self.target, "<edit>", "eval", dont_inherit=True)
            return lambda scope, value, before: eval(held, scope) + eval(code, scope)
        if edit.operator and self.adds:
            other = {"+=": operator.add, "-=": operator.sub, "=": lambda _, new: new}[edit.operator]
            return lambda scope, value, before: self._edited(other, scope, eval(code, scope), before)
        if edit.operator == "=":
            return lambda scope, value, before: eval(code, scope)
        if self.pick is not None:
            return lambda scope, value, before: eval(code, scope)[self.pick]
        return lambda scope, value, before: self.computed(scope, eval(code, scope), before)

    def computed(self, scope: Scope, value: Any, before: Any) -> Any:
        """What the statement makes of its expression's value and of what was there before."""
        if not isinstance(self.statement, ast.AugAssign):
            return value
        return self._edited(_IN_PLACE[type(self.statement.op)], scope, value, before)

    def _edited(self, how: Callable[[Any, Any], Any], scope: Scope, value: Any, before: Any) -> Any:
        """What an augmented assignment leaves: of `self.dW[i] += v` the array with another part, if that is one."""
        target = getattr(self.statement, "target", None)
        if self.site.kind != "modify" or not isinstance(target, ast.Subscript):
            return how(before, value)
        if not issubclass(type(eval(_code(ast.unparse(target.value)), scope)), np.ndarray):
            return how(before, value)
        part = eval(_code(f"__part__[{ast.unparse(target.slice)}]"), {**scope, "__part__": np.s_})
        array = np.array(before)
        array[part] = how(array[part], value)
        return array


@functools.lru_cache(64)
def _code(text: str) -> CodeType:
    return compile(text, "<edit>", "eval", dont_inherit=True)


def _in_place(code: CodeType, name: str, entry: str, scope: Scope, value: Any, before: Any) -> Any:
    """An edit in place of what goes by a name; of an entry of what holds arrays, of that: grads["W"] += x.T @ d."""
    own = dict(scope)
    held = own.get(name)
    if entry and issubclass(type(held), (dict, list)):
        own[name] = copy.copy(held)
        exec(f"{entry} = __before__", {**own, "__before__": np.array(before)})
        exec(code, own)
        return eval(_code(entry), own)
    own[name] = np.array(before)
    exec(code, own)
    return own[name]


def line_of_site(site: Site, overlay: Mapping[str, str]) -> Line | None:
    """The statement of a site; None where its file can't be read. `overlay` has texts that run in place of files'."""
    text = overlay.get(site.file)
    source = read(site.file) if text is None else SourceText(site.file, text, "utf-8", "")
    return None if source is None else _line(source, site)


def targets_of(site: Site, overlay: Mapping[str, str]) -> Line | None:
    """The names that the statement of a site gives several values to, as the part that may be edited."""
    text = overlay.get(site.file)
    source = read(site.file) if text is None else SourceText(site.file, text, "utf-8", "")
    found = None if source is None else _statement(source.text, site)
    match found:
        case ast.Assign(targets=[ast.Tuple(elts=names) | ast.List(elts=names)]) if source is not None:
            first, last = _span(names[0]), _span(names[-1])
            return Line(source, site, found, source.offset(*first[:2]), source.offset(*last[2:]), False)
    return None


@functools.lru_cache(64)
def _line(source: SourceText, site: Site) -> Line | None:
    found = _statement(source.text, site)
    if found is None:
        return None
    if isinstance(found, ast.AugAssign) and type(found.op) not in _IN_PLACE:
        return None
    whole = site.kind == "modify"
    first, column, last, end = site.span
    if whole and not site.name.isidentifier():  # net.params[k] -= rate * grads[k]: what is added alone
        if not isinstance(found, ast.AugAssign):
            return None
        whole = False
        first, column, last, end = _span(found.value)
    pick = None
    if site.kind == "unpack":
        value, pick = _unpacked(found, site)
        if value is None:
            return None
        first, column, last, end = _span(value)
    if last > len(line_starts(source.text)):
        return None
    if site.kind == "handed":  # what the statement does with it is another matter
        argument = next(n for n in ast.walk(found) if isinstance(n, ast.expr) and _span(n) == site.span)
        found = ast.copy_location(ast.Expr(argument), argument)
    return Line(source, site, found, source.offset(first, column), source.offset(last, end), whole, pick)


def _unpacked(statement: ast.stmt, site: Site) -> tuple[ast.expr | None, int | None]:
    """What a name is given in `dW, db = x.T @ dz, dz.sum(axis=0)`, and of a call all that it hands back, and which of
    that; None where another value is taken apart."""
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(values):
            pairs = (v for n, v in zip(names, values) if _span(n) == site.span and not isinstance(v, ast.Starred))
            return next(pairs, None), None
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Call() as call):
            at = next((i for i, n in enumerate(names) if _span(n) == site.span), None)
            starred = any(isinstance(n, ast.Starred) for n in names)
            return (None, None) if at is None or starred else (call, at)
    return None, None


def _is_plain_sum(node: ast.AST) -> TypeGuard[ast.BinOp]:
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Pow))):
        return False
    plain = (ast.BinOp, ast.operator, ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.expr_context)
    return all(isinstance(n, plain) for n in ast.walk(node))


@functools.lru_cache(16)
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


def _statement(text: str, site: Site) -> ast.stmt | None:
    """The innermost statement that holds an expression, or is one, with the site's span."""
    best: ast.stmt | None = None
    for node in ast.walk(_tree(text)):
        if isinstance(node, ast.stmt) and _covers(node, site.span) and (best is None or node.lineno >= best.lineno):
            best = node
    if best is None or isinstance(best, (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.With)):
        return None
    return best if any(_span(n) == site.span for n in ast.walk(best) if hasattr(n, "lineno")) else None


def _span(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _covers(node: Any, span: tuple[int, int, int, int]) -> bool:
    start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    return start <= span[:2] and span[2:] <= end
