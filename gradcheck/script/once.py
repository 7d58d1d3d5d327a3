"""One iteration of a training loop, compiled as a unit that can be run again from the names that it began with."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType
from typing import Any

from gradcheck.capture.install import SITES
from gradcheck.capture.probes import embedded
from gradcheck.capture.rewrite import rewrite
from gradcheck.script.sources import Function, Loop, Place, function_at

Entry = Callable[[], object]
Step = Callable[[Mapping[str, str], Mapping[str, Any]], Entry]
"""From other texts for some files, and the driver's names, to what runs one step."""


def of_module(place: Place, text: bytes | str, names: dict[str, Any]) -> Step:
    """One iteration of a loop of the module itself, whose names it changes."""

    def step(overlay: Mapping[str, str], _: Mapping[str, Any]) -> Entry:
        code = _in_module(place, text, overlay.get(place.file))
        return lambda: exec(code, names)

    return step


def of_function(place: Place, text: bytes | str, names: dict[str, Any], locals_: tuple[str, ...]) -> Step | None:
    """One iteration of a loop of a function, from its local variables; None where it needs more than these."""
    if not _stands_alone(function_at(ast.parse(text), place)):
        return None

    def step(overlay: Mapping[str, str], given: Mapping[str, Any]) -> Entry:
        code = _in_function(place, text, overlay.get(place.file), locals_)
        function = FunctionType(code, names)
        return lambda: function(*(given[name] for name in locals_))

    return step


@functools.lru_cache(64)
def _in_module(place: Place, text: bytes | str, instead: str | None) -> CodeType:
    tree, loop, _ = _rewritten(place, text, instead)
    tree.body = [_once(loop)]
    return embedded(compile(ast.fix_missing_locations(tree), place.file, "exec", dont_inherit=True))


@functools.lru_cache(64)
def _in_function(place: Place, text: bytes | str, instead: str | None, locals_: tuple[str, ...]) -> CodeType:
    tree, loop, function = _rewritten(place, text, instead)
    assert function is not None
    declared: list[ast.stmt] = [node for node in ast.walk(function) if isinstance(node, ast.Global)]
    made = ast.FunctionDef(
        name=function.name,
        args=ast.arguments([], [ast.arg(name) for name in locals_], None, [], [], None, []),
        body=[*declared, _once(loop)],
        decorator_list=[],
        returns=None,
        type_comment=None,
    )
    ast.copy_location(made, function)
    tree.body = [made]
    code = embedded(compile(ast.fix_missing_locations(tree), place.file, "exec", dont_inherit=True))
    return next(c for c in code.co_consts if isinstance(c, CodeType))


def _rewritten(place: Place, text: bytes | str, instead: str | None) -> tuple[ast.Module, Loop, Function | None]:
    """The source with its probes, the loop in it, and the function that this is in.

    In another text lines may have moved: there the loop is the one that stands at the same place among all.
    """
    original = ast.parse(text, place.file)
    tree = original if instead is None else ast.parse(instead, place.file)
    inside = None if place.function == "<module>" else function_at(original, place)
    number = [node.lineno for node in _loops(original)].index(place.loop)
    functions = [node for node in ast.walk(original) if isinstance(node, Function)]
    at = functions.index(inside) if inside is not None else -1
    loop = _loops(tree)[number]
    function = [node for node in ast.walk(tree) if isinstance(node, Function)][at] if inside is not None else None
    rewrite(tree, place.file, SITES)
    return tree, loop, function


def _loops(tree: ast.AST) -> list[Loop]:
    return [node for node in ast.walk(tree) if isinstance(node, Loop)]


def _once(loop: Loop) -> ast.stmt:
    """The body alone, in which `continue` and `break` end the one iteration."""
    made = ast.For(ast.Name("_", ast.Store()), ast.Tuple([ast.Constant(None)], ast.Load()), loop.body, [])
    return ast.copy_location(made, loop)


def _stands_alone(function: Function) -> bool:
    """Whether its loop runs from local variables alone: it rebinds no other ones, needs no super(), yields nothing."""
    apart = (ast.Nonlocal, ast.Yield, ast.YieldFrom, ast.Await)
    return not any(
        isinstance(node, apart) or (isinstance(node, ast.Name) and node.id in ("super", "__class__"))
        for node in ast.walk(function)
    )
