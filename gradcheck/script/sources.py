"""A script's sources compiled to be looked at, or to be stopped at the beginning of one function or loop."""

from __future__ import annotations

import ast
import contextlib
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

import numpy as np

from gradcheck.capture.imports import compiled_by
from gradcheck.capture.probes import MARK, embedded
from gradcheck.capture.project import lies_within, root_of
from gradcheck.cells import units
from gradcheck.standins.libraries import Idle

Compile = Callable[[bytes | str, str], CodeType]
Loop = ast.For | ast.While | ast.AsyncFor
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Place:
    """A function, or a loop in it or in the module itself."""

    file: str
    """As the compiler was told it."""
    function: str
    """Qualified name; "<module>" for none."""
    first: int
    """The function's first line as its code object has it, decorators included."""
    loop: int = 0
    """First line of the loop; 0 where the whole function is meant."""


def run(path: Path, module: ModuleType, compiled: Compile) -> None:
    """Run a script as `__main__`, itself and what it imports from its project compiled by `compiled`.

    What it draws without a seed of its own is the same in every run. `sys.path` and the generators are the caller's to
    put back.
    """
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    before, arguments = sys.modules["__main__"], sys.argv
    sys.modules["__main__"], sys.argv = module, [str(path)]
    try:
        sys.path[:0] = [str(path.parent), *_roots(module)]
        with compiled_by(compiled, root_of(path)):
            for unit in units(path):
                exec(compiled(unit.text, unit.file), vars(module))
    finally:
        sys.modules["__main__"], sys.argv = before, arguments


def fresh(path: Path) -> ModuleType:
    """A `__main__` that nothing has been run in."""
    module = ModuleType("__main__")
    vars(module).update(__file__=str(path), __builtins__=__builtins__, __package__=_package(path))
    if path.suffix == ".ipynb":
        vars(module).update(display=Idle("display"), get_ipython=Idle("get_ipython"))
    return module


def _package(path: Path) -> str | None:
    """The package that a script with relative imports belongs to, as `python -m package.script` would have it."""
    levels = [n.level for tree in _trees(path) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    depth = max(levels, default=0)
    if not depth:
        return None
    folder = path.parent
    while depth > 1 or (folder.parent / "__init__.py").is_file():
        depth, folder = depth - 1, folder.parent
    return ".".join(path.parent.relative_to(folder.parent).parts)


def _roots(module: ModuleType) -> list[str]:
    """Where the package of a script begins."""
    package = vars(module).get("__package__")
    folder = Path(str(module.__file__)).parent
    return [str(folder.parents[package.count(".")])] if package else []


def _trees(path: Path) -> Iterator[ast.Module]:
    for unit in units(path):
        with contextlib.suppress(SyntaxError, ValueError):
            yield ast.parse(unit.text)


@contextlib.contextmanager
def forgotten(folder: Path) -> Iterator[None]:
    """Modules of the folder that are imported meanwhile are forgotten at the end, as if they had never been."""
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if isinstance(file, str) and lies_within(file, folder):
                del sys.modules[name]


def marked(text: bytes | str, file: str, place: Place) -> CodeType:
    """The code as it stands, but for a call of the probe `arrived` where the place begins."""
    tree = ast.parse(text, file)
    if file == place.file:
        body = body_of(tree, place)
        call = ast.Expr(ast.Call(ast.Attribute(ast.Constant(MARK), "arrived", ast.Load()), [], []))
        body.insert(1 if body is not tree.body and _is_docstring(body[0]) else 0, ast.copy_location(call, body[0]))
        ast.fix_missing_locations(tree)
    return embedded(compile(tree, file, "exec", dont_inherit=True))


def body_of(tree: ast.Module, place: Place) -> list[ast.stmt]:
    """The statements that are repeated."""
    if place.loop:
        return next(node.body for node in ast.walk(tree) if isinstance(node, Loop) and node.lineno == place.loop)
    return function_at(tree, place).body


def function_at(tree: ast.Module, place: Place) -> Function:
    """The function of a place. Raises StopIteration where the source has none."""
    name = place.function.rpartition(".")[2]
    return next(
        node
        for node in ast.walk(tree)
        if isinstance(node, Function) and node.name == name and _first(node) == place.first
    )


def _first(node: Function) -> int:
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


def loops_around(tree: ast.Module, place: Place, lines: frozenset[int]) -> list[int]:
    """First lines of the loops of the place whose body holds all of the lines, the innermost first.

    Where `for x, y in data` binds its names is a line of its own.
    """
    inside: ast.AST = tree if place.function == "<module>" else function_at(tree, place)

    def holds(node: Loop) -> bool:
        first = node.lineno if isinstance(node, ast.For) else node.body[0].lineno
        return all(first <= n <= (node.body[-1].end_lineno or 0) for n in lines)

    return sorted((n.lineno for n in ast.walk(inside) if isinstance(n, Loop) and holds(n)), reverse=True)


def text_of(file: str) -> bytes | str:
    """A file's source; of a notebook's cell, that cell's."""
    notebook, comma, _ = file.rpartition(", cell ")
    path = Path(notebook if comma else file)
    return next(unit.text for unit in units(path) if unit.file == file)


def loop_names(tree: ast.Module, place: Place) -> tuple[str, ...]:
    """What a place's loop binds anew in each iteration: ("x", "y") of `for x, y in data`."""
    loops = (node for node in ast.walk(tree) if isinstance(node, ast.For) and node.lineno == place.loop)
    return tuple(n.id for loop in loops for n in ast.walk(loop.target) if isinstance(n, ast.Name))


def argument_names(tree: ast.Module, place: Place) -> tuple[str, ...]:
    """What a place is handed that is a function as a whole."""
    if place.loop or place.function == "<module>":
        return ()
    return tuple(n.arg for n in ast.walk(function_at(tree, place).args) if isinstance(n, ast.arg))


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
