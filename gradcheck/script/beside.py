"""What an iteration does beside its training step, as to print a text that it samples: left out where the step is run
again, if nothing that is to be seen of the step is another one without it."""

from __future__ import annotations

import ast
import builtins
import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck.capture.install import SITES
from gradcheck.capture.record import Recorder, Value
from gradcheck.capture.state import IsMine
from gradcheck.capture.steps import says_loss
from gradcheck.capture.trace import Ref
from gradcheck.driver import Staged
from gradcheck.script.sources import Function, Loop

MOST = 8
"""Statements that are tried one by one where not all of them can be left out."""
_NEVER = (
    *(ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await, ast.Global, ast.Nonlocal, ast.Delete),
    *(ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
)
"""What a statement that may go has nowhere in it: it would end more than itself, or bind what is told in no name."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A statement of an iteration that may be none of its step's."""

    text: str
    """As `ast.unparse` has it, by which it is found in an edited source too."""
    line: int
    """Its first one."""
    end: int
    """Its last one."""

    def holds(self, other: Beside) -> bool:
        """Whether another one is part of it."""
        return self.line <= other.line and other.end <= self.end


def beside(
    tree: ast.Module, body: Sequence[ast.stmt], working: Collection[int], names: Mapping[str, Any], is_mine: IsMine
) -> tuple[Beside, ...]:
    """The statements of an iteration that run the project's own code or a loop, and that nothing else reads from.

    `working` are the lines that are known to be the step's.
    """
    found = [s for s in _statements(body) if _is_apart(s, working) and _runs(s, names, is_mine)]
    while True:
        kept = [*_without(body, {id(s) for s in found}), *(n for n in ast.walk(tree) if isinstance(n, Function))]
        read = {name for node in kept for name in (_free(node) if isinstance(node, Function) else _loads(node))}
        left = [s for s in found if not read & _stores(s)]
        if len(left) == len(found):
            return tuple(Beside(ast.unparse(s), s.lineno, s.end_lineno or s.lineno) for s in found)
        found = left


def pruned(body: list[ast.stmt], texts: Collection[str]) -> list[ast.stmt]:
    """The statements of a block, some of them, wherever they stand, replaced by one that does nothing."""

    class Prune(ast.NodeTransformer):
        def generic_visit(self, node: ast.AST) -> ast.AST:
            if isinstance(node, ast.stmt) and ast.unparse(node) in texts:
                return ast.copy_location(ast.Pass(), node)
            return super().generic_visit(node)

    return [Prune().visit(s) for s in body] if texts else body


def needless(
    found: Sequence[Beside],
    staged: Staged,
    entry: Callable[[frozenset[str]], Callable[[], object]],
    moved: Collection[str],
) -> tuple[Beside, ...]:
    """Those without which all that is seen of the step is as it was, also when what is `moved` has other values.

    `entry(texts)` runs the step without some statements.
    """
    of = (r for r in staged.roots.values() if r.name in moved and np.asarray(r.value).dtype.kind == "f")
    places: list[dict[Ref, Any]] = [{}, {r.path: 1.01 * np.asarray(r.value) + 0.01 for r in of}]
    before = [_ran(staged, entry(frozenset()), place) for place in places]

    def is_same(less: Sequence[Beside]) -> bool:
        shorter = entry(frozenset(one.text for one in less))
        return all(_is_same(was, _ran(staged, shorter, place)) for was, place in zip(before, places))

    outer = [one for one in found if not any(other.holds(one) for other in found if other is not one)]
    if is_same(outer):
        return tuple(outer)
    gone: list[Beside] = []
    for one in found[:MOST] if len(found) > 1 else ():
        if not any(other.holds(one) for other in gone) and is_same([*gone, one]):
            gone.append(one)
    return tuple(gone)


@dataclass(frozen=True, slots=True)
class _Ran:
    """One run of the step."""

    values: Sequence[Value]
    raised: BaseException | None
    left: Mapping[str, Any]
    """What the roots hold afterwards, by path."""
    ended: bool
    """Whether it is too long to be looked at."""


def _ran(staged: Staged, entry: Callable[[], object], moved: Mapping[Ref, Any]) -> _Ran:
    recorder = Recorder(SITES)
    left: dict[str, Any] = {}

    def keep() -> None:
        for path in staged.roots:
            with contextlib.suppress(LookupError):  # its place is no more
                left[path] = np.array(staged.runs.now(path)())

    raised = staged.runs.run(recorder.probes(), moved, then=keep, entry=entry)
    return _Ran([value for value, _ in recorder.values()], raised, left, recorder.ended)


def _is_same(before: _Ran, now: _Ran) -> bool:
    if before.ended or now.ended or type(now.raised) is not type(before.raised):
        return False
    gone = _gone(before.values, now.values)
    if gone is None or any(v.array.ndim == 0 and says_loss(v.name) for v in gone):
        return False
    same = (path in now.left and _equal(array, now.left[path]) for path, array in before.left.items())
    return before.left.keys() == now.left.keys() and all(same)


def _gone(before: Sequence[Value], now: Sequence[Value]) -> list[Value] | None:
    """The values that are no more, if all others are there as they were, in the same order; else None."""
    gone: list[Value] = []
    rest = iter(before)
    for value in now:
        for other in rest:
            if _place(other) == _place(value) and _equal(other.array, value.array):
                break
            gone.append(other)
        else:
            return None
    return [*gone, *rest]


def _place(value: Value) -> object:
    return value.site.file, value.site.span, value.site.kind, value.path


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.dtype != b.dtype:
        return False
    return np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc")


# -- which statements may be


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement of a block and, outside of loops, of the blocks in it; the outer ones first."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.With, ast.Try)):
            for block in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(statement, block, ()))


def _is_apart(statement: ast.stmt, working: Collection[int]) -> bool:
    """Whether it goes on to the next statement, and binds and edits nothing but names of its own."""
    lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    if any(line in lines for line in working) or any(isinstance(n, _NEVER) for n in ast.walk(statement)):
        return False
    return not _leaves(statement)


def _leaves(node: ast.AST) -> bool:
    """Whether it may end the iteration that it is part of."""
    if isinstance(node, (ast.Break, ast.Continue)):
        return True
    inner = node.orelse if isinstance(node, Loop) else ast.iter_child_nodes(node)
    return any(map(_leaves, inner))


def _runs(statement: ast.stmt, names: Mapping[str, Any], is_mine: IsMine) -> bool:
    """Whether it may take long: it has a loop of its own, or calls what the project defines."""
    nodes = list(ast.walk(statement))
    calls = (_root(n.func) for n in nodes if isinstance(n, ast.Call))
    return any(isinstance(n, Loop) for n in nodes) or any(_is_project(names.get(name), is_mine) for name in calls)


def _is_project(value: Any, is_mine: IsMine) -> bool:
    if isinstance(value, ModuleType):
        return False
    return is_mine(value if isinstance(value, (type, FunctionType)) else type(value))


def _without(body: Iterable[ast.stmt], gone: Collection[int]) -> Iterator[ast.AST]:
    """The nodes of a block that stay if some statements go."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if id(node) not in gone:
            yield node
            waiting += ast.iter_child_nodes(node)


def _loads(node: ast.AST) -> set[str]:
    return {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else set()


def _free(function: ast.AST) -> set[str]:
    """The names that a function takes from outside."""
    nodes = list(ast.walk(function))
    names = [n for n in nodes if isinstance(n, ast.Name)]
    outer = {name for n in nodes if isinstance(n, (ast.Global, ast.Nonlocal)) for name in n.names}
    own = {n.arg for n in nodes if isinstance(n, ast.arg)} | {n.id for n in names if not isinstance(n.ctx, ast.Load)}
    return {n.id for n in names} - (own - outer)


def _stores(statement: ast.stmt) -> set[str]:
    """The names that it binds, and those by which it reaches what it writes into."""
    targets = (n for n in ast.walk(statement) if isinstance(n, (ast.Name, ast.Attribute, ast.Subscript)))
    return {name for n in targets if isinstance(n.ctx, ast.Store) and (name := _root(n))}


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) and not hasattr(builtins, node.id) else ""
