"""What pytest would hand to a test: literal parameters, and fixtures that are plain functions beside it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, GeneratorType, ModuleType
from typing import Any

from gradcheck.adapters.inputs import required


@dataclass(frozen=True, slots=True)
class Fixtures:
    """The fixtures of a test file and of the conftest.py beside it."""

    tree: ast.Module
    """The test file's."""
    home: Mapping[str, Any]
    """Its names, once it has been run."""
    others: list[tuple[ast.Module, dict[str, Any]]] = field(default_factory=list)
    """The same of conftest.py, nearest first."""

    def taken(self, test: FunctionType, node: ast.FunctionDef, *, method: bool = False) -> Callable[..., object] | None:
        """A call of the test without arguments; None where it wants what can't be had so."""
        marked = _parameters(node)
        wanted = required(test)[1 if method else 0 :]
        if not all(name in marked or self._can_make(name) for name in wanted):
            return None

        def call(*owner: Any) -> object:
            given = {name: _value(expression, self.home) for name, expression in marked.items()}
            return test(*owner, **{name: given[name] if name in given else self._made(name) for name in wanted})

        return call

    def behind(self, test: ast.FunctionDef) -> list[ast.FunctionDef]:
        """The fixtures that a test asks for: they may make the call, or the object whose method is called."""
        return [found[0] for name in _arguments(test) if (found := self._found(name)) is not None]

    def _found(self, name: str) -> tuple[ast.FunctionDef, Mapping[str, Any]] | None:
        for tree, home in ((self.tree, self.home), *self.others):
            for node in tree.body:
                if isinstance(node, ast.FunctionDef) and node.name == name and _is_fixture(node):
                    return node, home
        return None

    def _can_make(self, name: str, depth: int = 5) -> bool:
        found = self._found(name)
        return found is not None and depth > 0 and all(self._can_make(a, depth - 1) for a in _arguments(found[0]))

    def _made(self, name: str) -> Any:
        found = self._found(name)
        assert found is not None
        node, home = found
        plain = ast.FunctionDef(**{**dict(ast.iter_fields(node)), "decorator_list": []})
        names = dict(home)
        exec(compile(ast.Module([ast.copy_location(plain, node)], []), "<fixture>", "exec", dont_inherit=True), names)
        value = names[name](**{a: self._made(a) for a in _arguments(node)})
        return next(value) if isinstance(value, GeneratorType) else value


def conftests(file: Path) -> Iterator[tuple[ast.Module, ModuleType, Path]]:
    """The conftest.py of a test file's folder and of the one above: its tree, and a module to run it in."""
    for path in (file.parent / "conftest.py", file.parent.parent / "conftest.py"):
        try:
            tree = ast.parse(path.read_bytes(), str(path))
        except (OSError, SyntaxError, ValueError):
            continue
        module = ModuleType("conftest")
        module.__file__ = str(path)
        yield tree, module, path


def _is_fixture(node: ast.FunctionDef) -> bool:
    """Whether it is one that makes a single value: no `params`, no `request`."""
    marks = [d for d in node.decorator_list if _last(d.func if isinstance(d, ast.Call) else d) == "fixture"]
    several = (k.arg in ("params", "name") for d in marks if isinstance(d, ast.Call) for k in d.keywords)
    return bool(marks) and not any(several)


def _arguments(node: ast.FunctionDef) -> list[str]:
    return [a.arg for a in node.args.args[: len(node.args.args) - len(node.args.defaults)]]


def _parameters(node: ast.FunctionDef) -> dict[str, ast.expr]:
    """The expression of each parameter's first value: {"n": 3} of `@pytest.mark.parametrize("n", [3, 4])`."""
    found: dict[str, ast.expr] = {}
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and _last(mark.func) == "parametrize" and len(mark.args) >= 2:
            names, values = _names(mark.args[0]), mark.args[1]
            first = values.elts[0] if isinstance(values, (ast.List, ast.Tuple)) and values.elts else None
            if isinstance(first, ast.Call) and _last(first.func) == "param":
                first = ast.copy_location(ast.Tuple(first.args, ast.Load()), first) if names[1:] else first.args[0]
            if len(names) == 1 and first is not None:
                found[names[0]] = first
            elif isinstance(first, (ast.Tuple, ast.List)) and len(first.elts) == len(names):
                found.update(zip(names, first.elts))
    return found


def _names(node: ast.expr) -> list[str]:
    try:
        told = ast.literal_eval(node)
    except ValueError:
        return []
    return [n.strip() for n in told.split(",")] if isinstance(told, str) else list(map(str, told))


def _value(expression: ast.expr, home: Mapping[str, Any]) -> Any:
    return eval(compile(ast.Expression(expression), "<parameter>", "eval", dont_inherit=True), dict(home))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
