"""What a line could have said instead: the operands, numbers and functions that it can see, as they are written."""

from __future__ import annotations

import ast
import difflib
import functools
import inspect
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any, TypeGuard

import numpy as np

from gradcheck.capture.otherwise import LOCAL, Scope
from gradcheck.capture.places import instance_dict
from gradcheck.fix.expression import as_array

Array = np.ndarray[Any, Any]
MOST = 300
"""Operands that are looked at."""
_DERIVATIVE = re.compile(r"(?i)deriv|prime|grad|back|^d_|_d$|^d[A-Z_]|^d(relu|tanh|sigmoid|softmax|act)")


@dataclass(frozen=True, slots=True)
class Operand:
    """Something that can be read where the line stands."""

    text: str
    """As it is written: A1, self.W, params['W1']."""
    array: Array
    """Its value; of a number, without axes."""


@dataclass(frozen=True, slots=True)
class Pool:
    """All of them."""

    operands: tuple[Operand, ...]
    """Arrays."""
    numbers: tuple[Operand, ...]
    """Numbers: m, lam; those that the file divides by most come first."""
    functions: tuple[tuple[str, Any], ...]
    """The project's functions of one argument, those that are named like a derivative first."""
    numpy: str
    """What numpy is called there; "" where it has no name."""
    literals: tuple[float, ...]
    """Numbers between 0 and 1 that are written down in the file: slopes, rates."""

    def like(self, array: Array) -> Iterator[Operand]:
        """Arrays of the same shape."""
        return (o for o in self.operands if o.array.shape == array.shape)


def pool(scope: Scope, text: str = "", turns: Collection[str] = ()) -> Pool:
    """What can be read in a scope of a file's text.

    `turns` are the variables of the loops around the line: A[i] is meant, not A[1].
    """
    at = {name: int(scope[name]) for name in turns if isinstance(scope.get(name), (int, np.integer))}
    names = [(name, value) for name, value in scope.items() if not name.startswith("__")]
    found = [o for name, value in names for o in _operands(name, value, 3, at)]
    found = _by_one_name(found, scope.get(LOCAL, scope.keys()))[:MOST]
    modules = (name for name, value in scope.items() if value is np)
    left = _left_over(text) - set(turns)
    return Pool(
        tuple(o for o in found if o.array.ndim),
        tuple(
            sorted(
                (o for o in found if not o.array.ndim and o.text not in left), key=lambda o: -_divided_by(text, o.text)
            )
        ),
        tuple(_functions(scope)),
        next(modules, ""),
        _literals(text),
    )


@functools.lru_cache(64)
def _left_over(text: str) -> frozenset[str]:
    """Names that nothing but loops gives a value: what their last turn has left in them says nothing."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return frozenset()
    looped = {n.id for loop in nodes if isinstance(loop, ast.For) for n in ast.walk(loop.target) if _stores(n)}
    within = {id(n) for loop in nodes if isinstance(loop, ast.For) for n in ast.walk(loop.target)}
    others = {n.id for n in nodes if _stores(n) and id(n) not in within} | {
        n.arg for n in nodes if isinstance(n, ast.arg)
    }
    return frozenset(looped - others)


def _stores(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _by_one_name(operands: Sequence[Operand], local: Collection[str]) -> list[Operand]:
    """Each array once, under a name of its own if it has one: x rather than cache[0]; else as self.x, not net.x.

    What a method has as self.h may be the module's h at one turn of a loop, and no more at the next.
    """
    arrays = [o for o in operands if o.array.ndim]
    own = {_memory(o.array) for o in arrays if o.text.startswith("self.")}
    mine = own | {_memory(o.array) for o in arrays if o.text in local}

    def is_name(o: Operand) -> bool:
        return o.text.isidentifier() and (o.text in local or _memory(o.array) not in mine)

    named = {id(o.array) for o in arrays if is_name(o)}

    def is_alias(o: Operand) -> bool:
        if not o.array.ndim or is_name(o):
            return False
        return id(o.array) in named or (_memory(o.array) in own and not o.text.startswith("self."))

    return [o for o in operands if not is_alias(o)]


def _memory(array: Array) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    return array.__array_interface__["data"][0], array.shape, array.strides


def _operands(text: str, value: Any, depth: int, at: Mapping[str, int]) -> Iterator[Operand]:
    array = as_array(value)
    if array is not None:
        if array.size:
            yield Operand(text, array)
        if array.ndim > 1 and depth:
            for i in range(min(len(array), 16)):
                yield from (Operand(f"{text}[{index}]", array[i]) for index in _indices(i, at) if array.size)
        columns = ((name, i) for name, i in at.items() if array.ndim == 2 and depth and 0 <= i < array.shape[1])
        yield from (Operand(f"{text}[:, {name}:{name} + 1]", array[:, i : i + 1]) for name, i in columns)
    elif depth and type(value) is dict:
        by_turn = any(turn in value for turn in at.values())
        for key, item in list(value.items())[:64]:
            if type(key) in (str, int):
                written = _indices(key, at) if type(key) is int else []
                for index in written or ([] if by_turn and type(key) is int else [_quoted(key)]):
                    yield from _operands(f"{text}[{index}]", item, depth - 1, at)
    elif depth and type(value) in (list, tuple):
        for i, item in enumerate(value[:16]):
            for index in _indices(i, at) or [str(i)]:
                yield from _operands(f"{text}[{index}]", item, depth - 1, at)
    elif depth and not isinstance(value, (type, ModuleType, FunctionType)) and _is_plain_object(value):
        for name, item in list((instance_dict(value) or {}).items())[:64]:
            if not name.startswith("__"):
                yield from _operands(f"{text}.{name}", item, depth - 1, at)


def _indices(i: int, at: Mapping[str, int]) -> list[str]:
    """A place in a list as the turn of a loop says it: this one, the one before, the one behind."""
    written = {0: "{}", -1: "{} - 1", 1: "{} + 1"}
    return [written[i - turn].format(name) for name, turn in at.items() if i - turn in written]


def _quoted(key: str | int) -> str:
    return f'"{key}"' if isinstance(key, str) and '"' not in key and "\\" not in key else repr(key)


def _is_plain_object(value: Any) -> bool:
    home = type(value).__module__.partition(".")[0]
    return home not in ("builtins", "numpy", "gradcheck", "__future__")


def _functions(scope: Scope) -> list[tuple[str, Any]]:
    found = [(n, f) for n, f in scope.items() if isinstance(f, FunctionType) and _takes_one(f)]
    return sorted(found, key=lambda pair: not _DERIVATIVE.search(pair[0]))[:12]


def _takes_one(function: FunctionType) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = list(inspect.signature(function).parameters.values())
    required = [p for p in parameters if p.default is p.empty and p.kind in kinds]
    return len(required) == 1 and bool(parameters) and parameters[0] is required[0]


def is_derivative(name: str) -> bool:
    """Whether a function is named like a derivative."""
    return bool(_DERIVATIVE.search(name))


def unlike(a: str, b: str) -> float:
    """From 0 for two names that are the same to 1 for two that have nothing in common."""
    return 1 - difflib.SequenceMatcher(None, a, b).ratio()


def _divided_by(text: str, name: str) -> int:
    return len(re.findall(rf"/ *{re.escape(name)}(?![\w.\[(])", text))


def _literals(text: str) -> tuple[float, ...]:
    found = (n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and type(n.value) is float)
    return tuple(dict.fromkeys(v for v in found if 0 < v < 1))[:6]
