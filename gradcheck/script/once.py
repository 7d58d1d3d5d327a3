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
from gradcheck.script.beside import pruned
from gradcheck.script.sources import Function, Loop, Place, function_at, text_of

Entry = Callable[[], object]
Step = Callable[[Mapping[str, str], Mapping[str, Any]], Entry]
"""From other texts for some files, and the driver's names, to what runs one step."""


def step_of(
    place: Place, names: dict[str, Any], locals_: tuple[str, ...], less: frozenset[str] = frozenset()
) -> Step | None:
    """One iteration of a loop, from the names of its module and the local variables of its function.

    It is less some statements, by their texts. None where the function needs more than its local variables.
    """
    text = text_of(place.file)
    if place.function == "<module>":
        return _of_module(place, text, names, less)
    if not _stands_alone(function_at(ast.parse(text), place)):
        return None
    return _of_function(place, text, names, locals_, less)


def _of_module(place: Place, text: bytes | str, names: dict[str, Any], less: frozenset[str]) -> Step:
    def step(overlay: Mapping[str, str], _: Mapping[str, Any]) -> Entry:
        code = _in_module(place, text, overlay.get(place.file), less)
        return lambda: exec(code, names)

    return step


def _of_function(
    place: Place, text: bytes | str, names: dict[str, Any], locals_: tuple[str, ...], less: frozenset[str]
) -> Step:
    def step(overlay: Mapping[str, str], given: Mapping[str, Any]) -> Entry:
        code = _in_function(place, text, overlay.get(place.file), locals_, less)
        function = FunctionType(code, names)
        return lambda: function(*(given[name] for name in locals_))

    return step


@functools.lru_cache(64)
def _in_module(place: Place, text: bytes | str, instead: str | None, less: frozenset[str]) -> CodeType:
    tree, loop, _ = _rewritten(place, text, instead, less)
    tree.body = [_once(loop)]
    return embedded(compile(ast.fix_missing_locations(tree), place.file, "exec", dont_inherit=True))


@functools.lru_cache(64)
def _in_function(
    place: Place, text: bytes | str, instead: str | None, locals_: tuple[str, ...], less: frozenset[str]
) -> CodeType:
    tree, loop, function = _rewritten(place, text, instead, less)
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


def _rewritten(
    place: Place, text: bytes | str, instead: str | None, less: frozenset[str]
) -> tuple[ast.Module, Loop, Function | None]:
    """The source with its probes, the loop in it less some statements, and the function that this is in.

    In another text lines may have moved: there the loop is the one that stands at the same place among all.
    """
    original = ast.parse(text, place.file)
    tree = original if instead is None else ast.parse(instead, place.file)
    inside = None if place.function == "<module>" else function_at(original, place)
    number = [node.lineno for node in _loops(original)].index(place.loop)
    functions = [node for node in ast.walk(original) if isinstance(node, Function)]
    at = functions.index(inside) if inside is not None else -1
    loop = _loops(tree)[number]
    loop.body = pruned(loop.body, less)
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
