"""A script that trains with an autograd engine: one iteration up to where its loss is told to go back.

What the iteration computes is not looked at, only what comes of it: the loss for other numbers in the nodes that it
moves, and the gradients that its backward leaves in them.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import numpy as np

from gradcheck import conventions
from gradcheck.capture import ambient
from gradcheck.capture.probes import MARK, StopRun, embedded, install, installed
from gradcheck.capture.program import FirstRun
from gradcheck.capture.project import root_of
from gradcheck.capture.streams import quiet
from gradcheck.cells import place as told_place
from gradcheck.cells import units
from gradcheck.driver import Driver
from gradcheck.script import cut, once
from gradcheck.script.arrive import Arrived, arrive
from gradcheck.script.engine_run import EngineRun
from gradcheck.script.nodes import ARITHMETIC, DATA, Group, attribute_of, grouped, is_engine, moved_by, nodes_in
from gradcheck.script.sources import Place, body_of, forgotten, fresh, loops_around, run, text_of
from gradcheck.source import shown
from gradcheck.standins import sources_of
from gradcheck.target import Engine, Target

FEW = 3
"""Samples of an engine of numbers, each of which makes thousands of nodes."""
LARGER = (1, 10, None)
"""How many times as large as the least batch it is made where code does nothing with so few; None for all samples."""


def engine_step(target: Target, script: Path, output: FirstRun | None) -> Target | None:
    """The step of a script that trains with an engine; None for any other script."""
    if not _speaks_of_one(script):
        return None
    with ambient.kept(), quiet():
        met = _first_backward(script, output)
    if met is None:
        return None
    for place in _places(met):
        for size in LARGER:
            with ambient.kept(), quiet():
                stage = _stage(script, place, met, size)
                moved, used = moved_by(stage.entry, script, stage.arrived, stage.kind) if stage else ((), frozenset())
                stage = _stage(script, place, met, size) if moved else None
            made = None if stage is None else _target(target, script, met, stage, moved, used)
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
    return [c for c in classes if _backward_of(c) and ARITHMETIC & {getattr(s, "name", "") for s in c.body}]


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


# -- what stands there


@dataclass(frozen=True, slots=True)
class _Stage:
    """A script that has been run up to its step, with its data cut."""

    arrived: Arrived
    kind: type
    """The engine's nodes."""
    entry: Callable[[], object]
    """What runs the step again."""
    note: str
    """What to say of the data."""


def _stage(script: Path, place: Place, met: _Met, size: int | None) -> _Stage | None:
    arrived = arrive(script, place)
    kind = _kind(arrived, met) if arrived is not None else None
    if arrived is None or kind is None:
        return None
    arrived = replace(arrived, names=_less_bound(dict(arrived.names), place, kind))
    if arrived.globals is vars(arrived.module) and place.function == "<module>":
        _less_bound(arrived.globals, place, kind)
    note = "" if size is None else _cut(arrived, place, size, _of_numbers(kind))
    entry = _entry(arrived, place)
    return None if entry is None or (size is not None and not note) else _Stage(arrived, kind, entry, note)


def _less_bound(names: dict[str, Any], place: Place, kind: type) -> dict[str, Any]:
    """The names less those nodes that the step binds before anything else: a loss that was printed before it."""
    tree = ast.parse(text_of(place.file), place.file)
    assigned = [s for s in body_of(tree, place) if isinstance(s, ast.Assign)]
    bound = {n.id for s in assigned for t in s.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
    read = {n.id for s in assigned for n in ast.walk(s.value) if isinstance(n, ast.Name)}
    for name in bound - read:
        if isinstance(names.get(name), kind):
            del names[name]
    return names


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


def _kind(arrived: Arrived, met: _Met) -> type | None:
    home = arrived.module if met.module == "__main__" else sys.modules.get(met.module)
    found: Any = functools.reduce(lambda o, name: getattr(o, name, None), met.kind.split("."), home)
    return found if isinstance(found, type) else None


# -- as a target


def _target(
    target: Target, script: Path, met: _Met, stage: _Stage, paths: Iterable[str], used: frozenset[str]
) -> Target | None:
    nodes = nodes_in(script, stage.arrived, stage.kind)
    own = {path: nodes[path] for path in paths if path in nodes}
    if not own:
        return None
    groups = grouped(own)
    wanted = ", ".join(g.name for g in groups)
    more = "," if len(groups) == 1 else ""
    module = stage.arrived.module if met.module == "__main__" else sys.modules[met.module]
    return replace(
        target,
        module=stage.arrived.module,
        names={**stage.arrived.names, "_engine": EngineRun(stage.entry, stage.kind, groups)},
        setup=f"{wanted}{more} = _engine.values()",
        call=f"loss = _engine.forward({wanted})\n{', '.join(f'd{g.name}' for g in groups)}{more} = _engine.backward()",
        loss="loss",
        grads={**target.grads, **{f"d{g.name}": g.name for g in groups}},
        notes=(*target.notes, *([stage.note] if stage.note else []), *_told(groups, met, stage.kind)),
        traced=True,
        folder=stage.arrived.folder,
        engine=Engine(stage.kind, module, *_called_at(met), used),
    )


def _of_numbers(kind: type) -> bool:
    """Whether an engine's nodes hold numbers one by one, so that nothing in it could take samples for units."""
    methods = [m for m in vars(kind).values() if isinstance(m, FunctionType)]
    return not any({"np", "numpy", "xp", "cp", "mx"} & {*m.__code__.co_names} for m in methods)


def _cut(arrived: Arrived, place: Place, size: int, of_numbers: bool) -> str:
    """Cut the data that no node holds; what to say of it, "" where there is none."""
    body = body_of(ast.parse(text_of(place.file), place.file), place)
    used = frozenset(n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name))
    modules = [arrived.globals] if arrived.globals is vars(arrived.module) else [arrived.globals, vars(arrived.module)]
    handed: Any = arrived.names or arrived.globals
    found = cut.samples(handed, [m for m in modules if m is not handed], lambda _: False, frozenset(), used)
    each = 0 if found is None else max(FEW, found.classes) if of_numbers else cut.batch_for(found)
    batch = each if size == 1 else each * size + 1
    if found is None or batch >= found.count:
        return ""
    cut.cut(found, batch)
    return f"checked on {batch} of the {found.count} samples"


def _called_at(met: _Met) -> tuple[str, int]:
    place, line = met.frames[0]
    return shown(place.file), line


def _told(groups: Sequence[Group], met: _Met, kind: type) -> Iterator[str]:
    at = told_place(*_called_at(met))
    count = sum(np.size(getattr(n, attribute_of(n, DATA))) for g in groups for n in g.nodes)
    yield f"the loss that goes back at {at}, by the {count} numbers in nodes of {kind.__name__} that the step moves"
    named = ", ".join(f"{g.name}: {g.path}" for g in groups if g.name != g.path)
    if named:
        yield f"told of together: {named}"
    yield "how far they are moved along their gradients was not checked"


def _works(target: Target) -> bool:
    """Whether it comes to a loss and to gradients."""
    with Driver(target, base_of=lambda name: conventions.bases(name, target.grads)).open() as program:
        return bool(program.gradients) and program.trace.raised is None
