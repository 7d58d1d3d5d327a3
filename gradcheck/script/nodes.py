"""The nodes of an autograd engine that a script holds: where they keep their numbers, which of them a step moves."""

from __future__ import annotations

import contextlib
import gc
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.profiling import told_of_calls
from gradcheck.capture.project import is_library, lies_within, root_of
from gradcheck.capture.roots import roots_and_instances
from gradcheck.script.arrive import Arrived

Array = NDArray[Any]
DATA = ("data", "value", "val", "_data", "array", "v", "x")
"""Attributes in which a node keeps its number, likeliest first."""
GRAD = ("grad", "gradient", "_grad", "g", "derivative", "adjoint", "bar", "dv")
"""And its gradient."""
GROUPS = 8
"""Parts into which the moved nodes are told apart at the most: layers rather than the weights of neurons."""
ARITHMETIC = frozenset({"__add__", "__mul__"})


def is_engine(kind: type) -> bool:
    """Whether a class is a node of an expression: it has arithmetic and a backward."""
    arithmetic = any(isinstance(inspect.getattr_static(kind, n, None), FunctionType) for n in ARITHMETIC)
    return arithmetic and isinstance(inspect.getattr_static(kind, "backward", None), FunctionType)


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that are told of as one."""

    name: str
    """W1; n_layers_0."""
    path: str
    """n.layers[0]"""
    nodes: tuple[Any, ...]


def attribute_of(node: Any, names: Sequence[str]) -> str:
    return next((n for n in names if _is_number(getattr(node, n, None))), "")


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiu"
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def nodes_in(script: Path, arrived: Arrived, kind: type) -> dict[str, Any]:
    """The engine's nodes that the script holds, by their paths."""
    folder = root_of(script)
    own = [m for name, m in list(sys.modules.items()) if not is_library(name) and _lies_in(m, folder)]
    mine = {"__main__", *(m.__name__ for m in own)}
    namespaces = [dict(arrived.names), arrived.globals, vars(arrived.module), *(vars(m) for m in own)]
    _, paths = roots_and_instances(namespaces, lambda k: getattr(k, "__module__", None) in mine)
    alive = {id(o): o for o in gc.get_objects() if isinstance(o, kind)}
    return {path: alive[key] for key, path in paths.items() if key in alive}


def _lies_in(module: Any, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and lies_within(file, folder)


def moved_by(
    entry: Callable[[], object], script: Path, arrived: Arrived, kind: type
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The paths of the nodes whose numbers an iteration moves, and the operations that it runs.

    Where one of a list is moved, all of them are: a unit that is dead on a few samples has weights as others have.
    """
    nodes = nodes_in(script, arrived, kind)
    used: set[str] = set()
    before = _numbers(nodes)
    try:
        with _noting(kind, used):
            entry()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
    now = _numbers({**nodes, **nodes_in(script, arrived, kind)})  # a step may make new nodes of its parameters
    moved = {_pattern(p) for p, was in before.items() if p in now and not np.array_equal(was, now[p])}
    return tuple(p for p in before if _pattern(p) in moved), frozenset(used)


def _pattern(path: str) -> str:
    return re.sub(r"\[\d+\]", "[]", path)


def _numbers(nodes: Mapping[str, Any]) -> dict[str, Array]:
    return {path: np.array(getattr(node, name)) for path, node in nodes.items() if (name := attribute_of(node, DATA))}


@contextlib.contextmanager
def _noting(kind: type, used: set[str]) -> Iterator[None]:
    """Take down which methods of a node are called; those whose operands have other shapes as "__add__ broadcast"."""
    methods = {m.__code__: name for k in kind.__mro__ for name, m in vars(k).items() if isinstance(m, FunctionType)}

    def called(frame: FrameType, event: str, _: Any) -> None:
        name = methods.get(frame.f_code) if event == "call" else None
        if name is None:
            return
        operands = [frame.f_locals.get(v) for v in frame.f_code.co_varnames[: frame.f_code.co_argcount][:2]]
        held = [o for o in operands if isinstance(o, kind)]
        if name in used and (len(held) < 2 or f"{name} broadcast" in used):
            return  # it is called thousands of times
        used.add(name)
        shapes = {np.shape(getattr(o, attribute)) for o in held if (attribute := attribute_of(o, DATA))}
        used.update([f"{name} broadcast"] if len(shapes) > 1 else [])

    with told_of_calls(called):
        yield


def grouped(nodes: Mapping[str, Any]) -> list[Group]:
    """By node where there are few; else by layer, or whatever they are held in together."""
    parts = {path: path.replace("[", ".[").split(".") for path in nodes}
    deepest = max(map(len, parts.values()))
    for depth in range(deepest, 0, -1):
        found: dict[str, list[str]] = {}
        for path, steps in parts.items():
            found.setdefault(".".join(steps[:depth]).replace(".[", "["), []).append(path)
        if len(found) <= GROUPS or depth == 1:
            break
    return [Group(_identifier(prefix), prefix, tuple(nodes[p] for p in own)) for prefix, own in found.items()]


def _identifier(path: str) -> str:
    plain = "".join(c if c.isalnum() else "_" for c in path).strip("_")
    return "_".join(filter(None, plain.split("_"))) or "parameters"
