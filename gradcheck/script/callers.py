"""A loss that only what calls the step computes, `model.step(X, y)`, then `print(model.cost(X, y))`: the same is
computed ahead of the step as well, of what the step is handed."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from gradcheck.capture.ahead import attempt, is_loss, losses_in, made_for
from gradcheck.capture.install import SITES
from gradcheck.capture.probes import embedded
from gradcheck.capture.record import Recorder
from gradcheck.capture.rewrite import rewrite
from gradcheck.driver import Staged
from gradcheck.script.arrive import Arrived, Caller, nested
from gradcheck.script.sources import Function, Place, body_of, text_of

Names = Mapping[str, Any]
Ahead = Callable[[Names], Callable[[], object]]
"""From the driver's names to what computes a loss."""
_DATA = (np.ndarray, list, tuple, dict, set)
_PLAIN = (int, float, str, np.generic, FunctionType)
_Loss = tuple[Sequence[ast.stmt], ast.expr, str, set[str]]
"""What is computed for it, itself, what it is called, and the names that all this reads."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What a name of a caller's stands for where the step begins."""

    own: str = ""
    """The step's own name for it."""
    value: Any = None
    """A local variable of the caller's that is no data; neither for a global name."""


def losses_of_callers(arrived: Arrived, used: Collection[str]) -> Iterator[Ahead]:
    """The losses that those compute which have called the step, as far as it has what they are computed from.

    `used` are the names in the step's own statements.
    """
    for caller in (*arrived.callers, *_others(arrived)):
        for before, value, name, names in _losses(caller):
            held = {n: _held(n, _method(value, n), caller, arrived, used) for n in names}
            if names and None not in held.values():
                yield _compiled(caller, before, value, name, {n: h for n, h in held.items() if h is not None})


def is_ahead(ahead: Ahead, staged: Staged, moved: Collection[str]) -> bool:
    """Whether it can be computed there, to a number, and moves no parameter."""
    recorder = Recorder(SITES)
    before = {path: np.array(r.value) for path, r in staged.roots.items() if r.name in moved}
    kept: list[bool] = []

    def keep() -> None:
        kept.extend(np.array_equal(staged.runs.now(path)(), array) for path, array in before.items())

    raised = staged.runs.run(recorder.probes(), {}, then=keep, entry=ahead(staged.names))
    found = [v.array for v, _ in recorder.values() if v.site.form == "ahead"]
    is_number = any(a.size == 1 and a.dtype.kind == "f" and np.isfinite(a).all() for a in found)
    return raised is None and is_number and all(kept)


def _compiled(
    caller: Caller, before: Sequence[ast.stmt], value: ast.expr, name: str, held: Mapping[str, _Held]
) -> Ahead:
    file = caller.code.co_filename
    tree = rewrite(ast.Module([attempt(value, name, before)], []), file, SITES)
    given = {n: h for n, h in held.items() if h.own or h.value is not None}
    arguments = ast.arguments([], [ast.arg(n) for n in given], None, [], [], None, [])
    tree.body = [ast.copy_location(ast.FunctionDef("_", arguments, tree.body, [], None, None), value)]
    code = embedded(compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True))
    function = FunctionType(next(c for c in code.co_consts if isinstance(c, CodeType)), caller.globals)
    return lambda names: lambda: function(*(names[h.own] if h.own else h.value for h in given.values()))


# -- which there are


def _others(arrived: Arrived) -> Iterator[Caller]:
    """The other functions of the step's file, as if they had nothing but what the step has."""
    here = arrived.callers[0].code.co_filename
    seen = {(c.code.co_qualname, c.code.co_firstlineno) for c in arrived.callers}
    for code in nested(compile(text_of(here), here, "exec", dont_inherit=True)):
        is_function = code.co_flags & inspect.CO_OPTIMIZED and "<" not in code.co_name
        if is_function and (code.co_qualname, code.co_firstlineno) not in seen:
            yield Caller(code, 0, {}, arrived.globals)


def _losses(caller: Caller) -> Iterator[_Loss]:
    """Those in a function or a module, what comes behind the step first."""
    found = []
    for block in _blocks(_body(caller)):
        here = next((i for i, s in enumerate(block) if s.lineno <= caller.line <= (s.end_lineno or s.lineno)), -1)
        for at, statement in enumerate(body := block[here + 1 :]):
            if _inner(statement):
                continue
            values: list[tuple[ast.expr, str]] = [(call, ast.unparse(call)) for call in losses_in(statement)]
            if isinstance(statement, ast.Assign) and is_loss(statement.targets[0]):
                values = [(statement.value, ast.unparse(statement.targets[0]))]
            found += [(statement.lineno, *made_for(body, at, value), value, name) for value, name in values]
    for _, before, names, value, name in sorted(found, key=lambda one: one[0] <= caller.line):
        yield before, value, name, names


def _body(caller: Caller) -> list[ast.stmt]:
    code = caller.code
    tree, place = ast.parse(text_of(code.co_filename)), Place(code.co_filename, code.co_qualname, code.co_firstlineno)
    return tree.body if caller.is_module else body_of(tree, place)


def _blocks(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """A block and those in it, but of functions and classes of its own."""
    yield body
    for statement in body:
        if not isinstance(statement, Function | ast.ClassDef):
            for inner in _inner(statement):
                yield from _blocks(inner)


def _inner(statement: ast.stmt) -> list[list[ast.stmt]]:
    held: Iterable[ast.AST] = (statement, *getattr(statement, "handlers", ()))
    names = ("body", "orelse", "finalbody")
    return [block for node in held for name in names if isinstance(block := getattr(node, name, None), list) and block]


# -- what its names are


def _held(name: str, method: str, caller: Caller, arrived: Arrived, used: Collection[str]) -> _Held | None:
    """What a caller's name is where the step begins; None for what the step doesn't have."""
    own = arrived.names
    if name in own and (name in used or not isinstance(own[name], _DATA)):
        return _Held(name)
    if name not in caller.names and name not in caller.globals:
        if hasattr(builtins, name):
            return _Held()
        # model = Model().fit(X, y), then model.cost(X, y): it has no name yet
        return next((_Held(n) for n, v in own.items() if n == "self" and method and hasattr(v, method)), None)
    value = caller.names.get(name, caller.globals.get(name))
    if not isinstance(value, _PLAIN):
        same = next((n for n, v in own.items() if v is value), None)
        if same is not None:
            return _Held(same)
    if caller.is_module or name not in caller.names:
        here = caller.globals is arrived.globals and name in used
        return _Held() if here or not isinstance(value, _DATA) else None
    return _Held("", value) if isinstance(value, _PLAIN) else None


def _method(value: ast.expr, name: str) -> str:
    """The method of a name's that a loss is: cost of model.cost(X, y)."""
    match value:
        case ast.Call(ast.Attribute(ast.Name(owner), method)) if owner == name:
            return method
    return ""
