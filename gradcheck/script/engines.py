"""A script that trains with an autograd engine: one iteration up to where its loss is told to go back.

What the iteration computes is not looked at, only what comes of it: the loss for other numbers in the nodes that it
moves, and the gradients that its backward leaves in them.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import gc
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck import conventions
from gradcheck.capture import ambient
from gradcheck.capture.probes import MARK, PASSING, StopRun, embedded, install, installed
from gradcheck.capture.program import FirstRun
from gradcheck.capture.project import is_library, lies_within, root_of
from gradcheck.capture.roots import roots_and_instances
from gradcheck.capture.streams import quiet
from gradcheck.cells import place as told_place
from gradcheck.cells import units
from gradcheck.driver import Driver
from gradcheck.script import cut, once
from gradcheck.script.arrive import Arrived, arrive
from gradcheck.script.sources import Place, body_of, forgotten, fresh, loops_around, run, text_of
from gradcheck.source import shown
from gradcheck.standins import sources_of
from gradcheck.target import Engine, Target

Array = NDArray[Any]
DATA = ("data", "value", "val", "_data", "array", "v", "x")
"""Attributes in which a node keeps its number, likeliest first."""
GRAD = ("grad", "gradient", "_grad", "g", "derivative", "adjoint", "bar", "dv")
"""And its gradient."""
GROUPS = 8
"""Parts into which the moved nodes are told apart at the most: layers rather than the weights of neurons."""
LARGER = (1, 10, None)
"""How many times as large as the least batch it is made where code does nothing with so few; None for all samples."""
_ARITHMETIC = frozenset({"__add__", "__mul__"})


def is_engine(kind: type) -> bool:
    """Whether a class is a node of an expression: it has arithmetic and a backward."""
    arithmetic = any(isinstance(inspect.getattr_static(kind, n, None), FunctionType) for n in _ARITHMETIC)
    return arithmetic and isinstance(inspect.getattr_static(kind, "backward", None), FunctionType)


def engine_step(target: Target, script: Path, output: FirstRun | None) -> Target | None:
    """The step of a script that trains with an engine; None for any other script."""
    if not _speaks_of_one(script):
        return None
    with ambient.kept(), quiet():
        met = _first_backward(script, output)
    for place in _places(met) if met is not None else ():
        with ambient.kept(), quiet():
            paths, used = _moved(script, place, met)
        for size in LARGER if paths else ():
            with ambient.kept(), quiet():
                arrived = arrive(script, place)
            made = None if arrived is None else _target(target, script, place, arrived, paths, used, met, size)
            if made is not None and _works(made):
                return made
    return None


# -- where it is


@dataclass(frozen=True, slots=True)
class _Met:
    """The first call of a backward."""

    kind: str
    """Qualified name of the class."""
    module: str
    """Where that is defined."""
    frames: tuple[tuple[Place, int], ...]
    """Who has called it, the innermost first, and at which line."""


def _speaks_of_one(script: Path) -> bool:
    trees = list(_trees(script))
    classes = [c for tree in trees for c in _engines_in(tree)]
    own = {id(n) for c in classes for n in ast.walk(c)}
    calls = (n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Call) and id(n) not in own)
    return bool(classes) and any(isinstance(c.func, ast.Attribute) and c.func.attr == "backward" for c in calls)


def _trees(script: Path) -> Iterator[ast.Module]:
    for unit in (u for source in sources_of(script) for u in units(source)):
        with contextlib.suppress(SyntaxError, ValueError):
            yield ast.parse(unit.text)


def _engines_in(tree: ast.AST) -> list[ast.ClassDef]:
    classes = (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef))
    return [c for c in classes if _backward_of(c) and _ARITHMETIC & {getattr(s, "name", "") for s in c.body}]


def _backward_of(node: ast.ClassDef) -> ast.FunctionDef | None:
    return next((s for s in node.body if isinstance(s, ast.FunctionDef) and s.name == "backward"), None)


def _first_backward(script: Path, output: FirstRun | None) -> _Met | None:
    """Run the script until an engine's backward is called."""
    files: set[str] = set()
    met: list[_Met] = []

    def compiled(text: bytes | str, file: str) -> Any:
        files.add(file)
        tree = ast.parse(text, file)
        for node in _engines_in(tree):
            backward = _backward_of(node)
            assert backward is not None
            call = ast.Expr(ast.Call(ast.Attribute(ast.Constant(MARK), "arrived", ast.Load()), [], []))
            backward.body.insert(0, ast.copy_location(call, backward.body[0]))
        return embedded(compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True))

    def arrived() -> None:
        frame = sys._getframe(1)
        node = frame.f_locals.get(frame.f_code.co_varnames[0])
        if is_engine(type(node)):
            kind = type(node)
            met.append(_Met(kind.__qualname__, kind.__module__, tuple(_callers(frame, files, kind))))
        raise StopRun

    before = installed()
    heard = nullcontext() if output is None else output(lambda: (0, len(met)))
    try:
        with forgotten(root_of(script)), heard:
            install({"arrived": arrived})
            run(script, fresh(script), compiled)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
    finally:
        install(before)
    return met[0] if met else None


def _callers(frame: FrameType | None, files: set[str], kind: type) -> Iterator[tuple[Place, int]]:
    while frame is not None:
        code = frame.f_code
        own = code.co_qualname.startswith(f"{kind.__qualname__}.")
        if code.co_filename in files and not own and "<" not in code.co_qualname.replace("<module>", ""):
            yield Place(code.co_filename, code.co_qualname, code.co_firstlineno), frame.f_lineno
        frame = frame.f_back


def _places(met: _Met) -> Iterator[Place]:
    """The loops around the call, the innermost first, then the function that it stands in; then those of its caller."""
    for place, line in met.frames:
        tree = ast.parse(text_of(place.file), place.file)
        yield from (replace(place, loop=loop) for loop in loops_around(tree, place, frozenset({line})))
        if place.function != "<module>":
            yield place


# -- what it moves


def _entry(arrived: Arrived, place: Place) -> Callable[[], object] | None:
    """What runs the place's iteration, or its function, again."""
    if place.loop:
        step = once.step_of(place, arrived.globals, tuple(arrived.names))
        return None if step is None else step({}, arrived.names)
    if arrived.function is None:
        return None
    names = {**arrived.names, "_step": arrived.function}
    code = compile(arrived.call, f"<call of {place.function}>", "eval")
    return lambda: eval(code, names)


def _nodes(script: Path, arrived: Arrived, kind: type) -> dict[str, Any]:
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


def _kind(arrived: Arrived, met: _Met) -> type | None:
    home = arrived.module if met.module == "__main__" else sys.modules.get(met.module)
    found: Any = functools.reduce(lambda o, name: getattr(o, name, None), met.kind.split("."), home)
    return found if isinstance(found, type) else None


def _attribute(node: Any, names: Sequence[str]) -> str:
    return next((n for n in names if _is_number(getattr(node, n, None))), "")


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiu"
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _moved(script: Path, place: Place, met: _Met | None) -> tuple[tuple[str, ...], frozenset[str]]:
    """The paths of the nodes whose numbers one whole iteration moves, and the operations that it runs."""
    arrived = arrive(script, place)
    kind = _kind(arrived, met) if arrived is not None and met is not None else None
    if arrived is None or kind is None or (entry := _entry(arrived, place)) is None:
        return (), frozenset()
    nodes = _nodes(script, arrived, kind)
    used: set[str] = set()
    before = _numbers(nodes)
    try:
        with _noting(kind, used):
            entry()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
    now = _numbers({**nodes, **_nodes(script, arrived, kind)})  # a step may make new nodes of its parameters
    return tuple(p for p, was in before.items() if p in now and not np.array_equal(was, now[p])), frozenset(used)


def _numbers(nodes: Mapping[str, Any]) -> dict[str, Array]:
    return {path: np.array(getattr(node, name)) for path, node in nodes.items() if (name := _attribute(node, DATA))}


@contextlib.contextmanager
def _noting(kind: type, used: set[str]) -> Iterator[None]:
    """Take down which methods of a node are called; those whose operands have other shapes as "__add__ broadcast"."""
    methods = {m.__code__: name for k in kind.__mro__ for name, m in vars(k).items() if isinstance(m, FunctionType)}

    def called(frame: FrameType, event: str, _: Any) -> None:
        name = methods.get(frame.f_code) if event == "call" else None
        if name is not None:
            used.add(name)
            operands = [frame.f_locals.get(v) for v in frame.f_code.co_varnames[: frame.f_code.co_argcount][:2]]
            named = ((o, _attribute(o, DATA)) for o in operands if isinstance(o, kind))
            shapes = {np.shape(getattr(o, attribute)) for o, attribute in named if attribute}
            used.update([f"{name} broadcast"] if len(shapes) > 1 else [])

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        yield
    finally:
        sys.setprofile(before)


# -- as a target


@dataclass(frozen=True, slots=True)
class _Group:
    """Nodes that are told of as one."""

    name: str
    """W1; n_layers_0."""
    path: str
    """n.layers[0]"""
    nodes: tuple[Any, ...]


class _Reached(StopRun):
    """Ends an iteration where its backward is called."""


class _Step:
    """One iteration as a function of the numbers in its nodes."""

    def __init__(self, entry: Callable[[], object], kind: type, groups: Sequence[_Group]) -> None:
        self._entry = entry
        self._groups = groups
        self._home = next(k for k in kind.__mro__ if "backward" in vars(k))
        first = groups[0].nodes[0]
        self._data = _attribute(first, DATA)
        self._grad = next((n for n in GRAD if hasattr(first, n)), "grad")
        self._back: Callable[[], object] = lambda: None

    def values(self) -> tuple[Array, ...]:
        """The numbers of each group."""
        return self._all(self._data)

    def forward(self, *values: Array) -> float:
        """The loss with these numbers."""
        for group, value in zip(self._groups, values):
            self._write(group, np.asarray(value))
        reached: list[Any] = []

        def backward(node: Any, *args: Any, **kwargs: Any) -> None:
            reached.append((node, args, kwargs))
            raise _Reached

        own = vars(self._home)["backward"]
        setattr(self._home, "backward", backward)  # noqa: B010  # a class
        try:
            with _unseen():
                self._entry()
        except _Reached:
            pass
        finally:
            setattr(self._home, "backward", own)  # noqa: B010
        if not reached:
            raise RuntimeError("the iteration ends without a backward")
        node, args, kwargs = reached[0]
        self._back = lambda: node.backward(*args, **kwargs)
        return float(np.sum(getattr(node, self._data)))

    def backward(self) -> tuple[Array, ...]:
        """The gradients that the backward of that loss leaves in each group."""
        with _unseen():
            self._back()
        return self._all(self._grad)

    def _all(self, name: str) -> tuple[Array, ...]:
        held = [[np.asarray(getattr(n, name)) for n in g.nodes] for g in self._groups]
        return tuple(
            np.array(h[0], float) if len(h) == 1 else np.concatenate([a.ravel() for a in h]) * 1.0 for h in held
        )

    def _write(self, group: _Group, value: Array) -> None:
        at = 0
        for node in group.nodes:
            old = getattr(node, self._data)
            size = np.size(old)
            part = value.reshape(-1)[at : at + size].reshape(np.shape(old))
            at += size
            if isinstance(old, np.ndarray) and old.dtype.kind == "f":
                old[...] = part
            else:
                setattr(node, self._data, part.copy() if isinstance(old, np.ndarray) else float(part))


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    """While this holds, nothing but kinks is seen of what the user's code does."""
    before = installed()
    install({**PASSING, **{name: before[name] for name in ("operand", "compared", "kink")}})
    try:
        yield
    finally:
        install(before)


def _grouped(nodes: Mapping[str, Any]) -> list[_Group]:
    """By node where there are few; else by layer, or whatever they are held in together."""
    parts = {path: path.replace("[", ".[").split(".") for path in nodes}
    deepest = max(map(len, parts.values()))
    for depth in range(deepest, 0, -1):
        found: dict[str, list[str]] = {}
        for path, steps in parts.items():
            found.setdefault(".".join(steps[:depth]).replace(".[", "["), []).append(path)
        if len(found) <= GROUPS or depth == 1:
            break
    return [_Group(_identifier(prefix), prefix, tuple(nodes[p] for p in own)) for prefix, own in found.items()]


def _identifier(path: str) -> str:
    plain = "".join(c if c.isalnum() else "_" for c in path).strip("_")
    return "_".join(filter(None, plain.split("_"))) or "parameters"


def _target(
    target: Target,
    script: Path,
    place: Place,
    arrived: Arrived,
    paths: Iterable[str],
    used: frozenset[str],
    met: _Met | None,
    size: int | None,
) -> Target | None:
    kind = _kind(arrived, met) if met is not None else None
    names = dict(arrived.names)
    note = "" if size is None or kind is None else _cut(arrived, names, place, kind, size)
    if kind is None or met is None or (size is not None and not note):
        return None
    entry = _entry(replace(arrived, names=names), place)
    nodes = _nodes(script, arrived, kind)
    own = {path: nodes[path] for path in paths if path in nodes}
    if entry is None or not own:
        return None
    groups = _grouped(own)
    step = _Step(entry, kind, groups)
    wanted = ", ".join(g.name for g in groups)
    more = "," if len(groups) == 1 else ""
    return replace(
        target,
        module=arrived.module,
        names={**names, "_engine_step": step},
        setup=f"{wanted}{more} = _engine_step.values()",
        call=f"loss = _engine_step.forward({wanted})\n"
        f"{', '.join(f'd{g.name}' for g in groups)}{more} = _engine_step.backward()",
        loss="loss",
        grads={**target.grads, **{f"d{g.name}": g.name for g in groups}},
        notes=(*target.notes, *([note] if note else []), *_told(groups, met, kind)),
        traced=True,
        folder=arrived.folder,
        engine=Engine(
            kind, arrived.module if met.module == "__main__" else sys.modules[met.module], *_called_at(met), used
        ),
    )


def _cut(arrived: Arrived, names: dict[str, Any], place: Place, kind: type, size: int) -> str:
    """Cut the data that no node holds; what to say of it, "" where there is none."""
    body = body_of(ast.parse(text_of(place.file), place.file), place)
    used = frozenset(n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name))
    modules = [arrived.globals] if arrived.globals is vars(arrived.module) else [arrived.globals, vars(arrived.module)]
    handed = names or arrived.globals
    found = cut.samples(handed, [m for m in modules if m is not handed], lambda _: False, frozenset(), used)
    batch = 0 if found is None else cut.batch_for(found) if size == 1 else cut.batch_for(found) * size + 1
    if found is None or batch >= found.count:
        return ""
    cut.cut(found, batch)
    return f"checked on {batch} of the {found.count} samples"


def _called_at(met: _Met) -> tuple[str, int]:
    place, line = met.frames[0]
    return shown(place.file), line


def _told(groups: Sequence[_Group], met: _Met, kind: type) -> Iterator[str]:
    at = told_place(*_called_at(met))
    count = sum(np.size(getattr(n, _attribute(n, DATA))) for g in groups for n in g.nodes)
    yield f"the loss that goes back at {at}, by the {count} numbers in nodes of {kind.__name__} that the step moves"
    named = ", ".join(f"{g.name}: {g.path}" for g in groups if g.name != g.path)
    if named:
        yield f"told of together: {named}"
    yield "how far they are moved along their gradients was not checked"


def _works(target: Target) -> bool:
    """Whether it comes to a loss and to gradients."""
    with Driver(target, base_of=lambda name: conventions.bases(name, target.grads)).open() as program:
        return bool(program.gradients) and program.trace.raised is None
