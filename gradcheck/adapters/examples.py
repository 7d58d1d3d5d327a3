"""Example calls of what is to be checked: in its own file, in its doctests, in a test file beside it."""

from __future__ import annotations

import ast
import contextlib
import doctest
import functools
import inspect
import random
import re
import sys
import time
import unittest
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck.adapters.fixtures import Fixtures, conftests
from gradcheck.adapters.inputs import required
from gradcheck.adapters.overheard import Call, overhear
from gradcheck.capture import ambient
from gradcheck.capture.project import root_of
from gradcheck.cells import units
from gradcheck.script.sources import forgotten

SECONDS = 3.0
"""How long example calls are looked for."""
_RUNS = re.compile(
    r"_*(main|demo|examples?|tests?|checks?|sanity_check|grad(ient)?_check|(test|check|run|demo|example)_\w+)"
)
_TESTS = re.compile(r"_*test\w*")
Run = Callable[[], object]


def example_calls(
    module: ModuleType,
    function: Callable[..., Any],
    kind: type | None = None,
    backward: Callable[..., Any] | None = None,
) -> Iterator[Call]:
    """Calls of a function, or of a method of a class, each from another piece of code; none if there is no source.

    Where its `backward` is called the function is as well; if both take the same, a call of that will do. Nothing that
    runs leaves a trace in the module only if the caller puts its globals back.
    """
    file = getattr(module, "__file__", None)
    if not file or not file.endswith((".py", ".ipynb")):
        return
    until = time.monotonic() + SECONDS
    names = {(kind or function).__name__, *([backward.__name__] if backward else [])}
    alike = backward if backward is not None and _takes(backward) == _takes(function) else None
    with ambient.kept(), forgotten(root_of(Path(file).resolve())):
        for run in _code(module, Path(file).resolve(), names):
            left = until - time.monotonic()
            if left <= 0:
                return
            np.random.seed(0)  # noqa: NPY002  # the same numbers in every run
            random.seed(0)
            call = overhear(run, function, kind, left, alike)
            if call is not None:
                yield call


def _takes(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def _code(module: ModuleType, file: Path, names: Collection[str]) -> Iterator[Run]:
    """What may call it, likeliest first."""
    parts = [(unit.file, ast.parse(unit.text, unit.file)) for unit in units(file)]
    tree = ast.Module([s for _, part in parts for s in part.body], [])
    yield from _own(module, tree, parts, names)
    for name, part in parts:
        yield from _doctests(module, part, name, names)
    for test in _beside(file):
        source = test.read_text(encoding="utf-8", errors="replace")
        if any(name in source for name in names):
            yield from _test_file(test, source, names)


def _own(
    module: ModuleType, tree: ast.Module, parts: Iterable[tuple[str, ast.Module]], names: Collection[str]
) -> Iterator[Run]:
    """What the file does by itself, its `__main__` block included, and its functions that test it."""
    if reaches(tree, _done_by(tree), names):
        codes = [compile(ast.Module(_done_by(part), []), name, "exec", dont_inherit=True) for name, part in parts]
        yield lambda: _as_main(codes, vars(module))
    yield from _tests(module, tree, names, _RUNS, Fixtures(tree, vars(module)))


def _done_by(tree: ast.Module) -> list[ast.stmt]:
    """What it does beside its definitions."""
    definitions = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    return [s for s in tree.body if not isinstance(s, definitions)]


def _as_main(codes: Iterable[CodeType], home: dict[str, Any]) -> None:
    name = home["__name__"]
    home["__name__"] = "__main__"
    try:
        for code in codes:
            with contextlib.suppress(Exception):  # of a notebook, one cell after the other
                exec(code, home)
    finally:
        home["__name__"] = name


def _tests(
    module: ModuleType, tree: ast.Module, names: Collection[str], called: re.Pattern[str], fixtures: Fixtures
) -> Iterator[Run]:
    """Functions and test methods of those that lead to a call, with what pytest would hand to them."""
    for node in tree.body:
        found = vars(module).get(getattr(node, "name", ""))
        if isinstance(node, ast.FunctionDef) and called.fullmatch(node.name) and isinstance(found, FunctionType):
            run = fixtures.taken(found, node) if reaches(tree, [node, *fixtures.behind(node)], names) else None
            yield from [run] if run is not None else []
        elif isinstance(node, ast.ClassDef) and isinstance(found, type) and reaches(tree, node.body, names):
            methods = (s for s in node.body if isinstance(s, ast.FunctionDef) and _TESTS.fullmatch(s.name))
            yield from (functools.partial(_run_method, found, method, fixtures) for method in methods)


def _run_method(kind: type, method: ast.FunctionDef, fixtures: Fixtures) -> None:
    """As a test runner does."""
    if issubclass(kind, unittest.TestCase):
        kind.setUpClass()
        kind(method.name).debug()
        return
    made = kind()
    if hasattr(made, "setup_method"):
        made.setup_method(*[getattr(made, method.name)] * len(required(made.setup_method)))
    run = fixtures.taken(getattr(kind, method.name), method, method=True)
    if run is not None:
        run(made)


def _doctests(module: ModuleType, tree: ast.Module, file: str, names: Collection[str]) -> Iterator[Run]:
    """The examples of each docstring that names it, its own first."""
    found = [(n, s) for n in ast.walk(tree) if isinstance(n, _DOCUMENTED) and (s := _docstring(n)) is not None]
    for _, docstring in sorted(found, key=lambda both: getattr(both[0], "name", "") not in names):
        examples = doctest.DocTestParser().get_examples(str(docstring.value))
        if any(name in example.source for name in names for example in examples):
            codes = [_of_example(example, docstring.lineno, file) for example in examples]
            yield functools.partial(_run_all, codes, dict(vars(module)))


_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.ClassDef)


def _docstring(node: ast.Module | ast.FunctionDef | ast.ClassDef) -> ast.Constant | None:
    first = node.body[0] if node.body else None
    value = first.value if isinstance(first, ast.Expr) else None
    return value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _of_example(example: doctest.Example, begins: int, file: str) -> Callable[[], CodeType]:
    def compiled() -> CodeType:
        tree = ast.parse(example.source)
        ast.increment_lineno(tree, begins - 1 + example.lineno)
        return compile(tree, file, "exec", dont_inherit=True)

    return compiled


def _run_all(codes: Iterable[Callable[[], CodeType]], names: dict[str, Any]) -> None:
    for code in codes:
        exec(code(), names)


def _beside(file: Path) -> list[Path]:
    """Test files of a file, by their names."""
    stems = (f"test_{file.stem}.py", f"{file.stem}_test.py")
    folders = (file.parent, file.parent / "tests", file.parent / "test", file.parent.parent / "tests")
    return [test for folder in folders for stem in stems if (test := folder / stem).is_file()]


def _test_file(file: Path, source: str, names: Collection[str]) -> Iterator[Run]:
    """What a test file does when it is imported, and then its tests."""
    module = ModuleType(file.stem)
    module.__file__ = str(file)
    try:
        tree = ast.parse(source, str(file))
    except (SyntaxError, ValueError):
        return

    beside = list(conftests(file))
    fixtures = Fixtures(tree, vars(module), [(other, vars(home)) for other, home, _ in beside])

    def imported() -> None:
        sys.path[:0] = [str(file.parent)]
        for other, home, path in beside:
            with contextlib.suppress(Exception):
                exec(compile(other, str(path), "exec", dont_inherit=True), vars(home))
        exec(compile(tree, str(file), "exec", dont_inherit=True), vars(module))

    yield imported
    yield from _tests(module, tree, names, _TESTS, fixtures)


def reaches(tree: ast.Module, start: Iterable[ast.AST], names: Collection[str]) -> bool:
    """Whether statements of a file come to any of the names, by way of the file's own functions and classes.

    False for what can't be ended: a loop that takes whatever is raised in it.
    """
    reached = list(_reached(tree, start))
    return any(_name(node) in names for node in reached) and not any(_goes_on(node) for node in reached)


def _reached(tree: ast.Module, start: Iterable[ast.AST]) -> Iterator[ast.AST]:
    defined = {n.name: n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    waiting = list(start)
    while waiting:
        for node in ast.walk(waiting.pop()):
            yield node
            if isinstance(node, ast.Name) and node.id in defined:
                waiting.append(defined.pop(node.id))


def _name(node: ast.AST) -> str:
    return next((str(getattr(node, of)) for of in ("id", "attr", "arg") if getattr(node, of, None)), "")


def _goes_on(node: ast.AST) -> bool:
    takes_all = (n for n in ast.walk(node) if isinstance(n, ast.ExceptHandler)) if isinstance(node, ast.While) else ()
    return any(n.type is None or "BaseException" in ast.unparse(n.type) for n in takes_all)


def trains(tree: ast.Module, start: Iterable[ast.AST]) -> bool:
    """Whether statements of a file, by way of its own functions, speak of training."""
    reached = list(_reached(tree, start))
    called = {_name(node.func) for node in reached if isinstance(node, ast.Call)}
    told = not _TRAINS.isdisjoint(called) or any(_name(node) in _TRAINING for node in reached)
    return told or any(_descends(node) for loop in reached if isinstance(loop, _LOOPS) for node in ast.walk(loop))


def _descends(node: ast.AST) -> bool:
    """Whether it is a step along a gradient, p -= 0.05 * g; not x[i] -= 2 * h, as a numeric derivative has it."""
    moved = _moved(node)
    if moved is None:
        return False
    target, operator, by = moved
    graded = re.search(r"grad|nabla|\bd_?[A-Z]|\bg\b", ast.unparse(by)) is not None
    down = isinstance(operator, ast.Sub) and not isinstance(target, ast.Subscript)
    return (graded or down) and any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mult) for n in ast.walk(by))


def _moved(node: ast.AST) -> tuple[ast.expr, ast.operator, ast.expr] | None:
    """(p, -, E) of `p -= E`, of `p = p - E` and of `setattr(net, k, getattr(net, k) - E)`."""
    match node:
        case ast.AugAssign(target, ast.Add() | ast.Sub() as operator, by):
            return target, operator, by
        case ast.Assign([target], ast.BinOp(left, ast.Add() | ast.Sub() as operator, by)):
            return (target, operator, by) if ast.unparse(left) == ast.unparse(target) else None
        case ast.Call(ast.Name("setattr"), [*of, ast.BinOp(left, ast.Add() | ast.Sub() as operator, by)]):
            own = ast.unparse(left) == f"getattr({', '.join(map(ast.unparse, of))})"
            return (left, operator, by) if own else None
    return None


_LOOPS = ast.For, ast.While

_TRAINS = frozenset(
    "update update_params update_parameters train fit train_step step sgd SGD Adam GradientDescent".split()
)
"""What is called to train; an argument `train` says which mode a layer is in."""
_TRAINING = frozenset(
    "lr learning_rate learningrate alpha eta rate epochs epoch n_epochs num_epochs iterations n_iter num_iterations"
    " optimizer optim step_size".split()
)
