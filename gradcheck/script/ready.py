"""From a script to a target like any other: its first training step, on a small batch of its own data."""

from __future__ import annotations

import ast
import contextlib
import functools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import numpy as np

from gradcheck import cells, conventions, standins
from gradcheck.capture import ambient
from gradcheck.capture.program import FirstRun, Program, Variable
from gradcheck.capture.project import root_of
from gradcheck.capture.roots import assign
from gradcheck.capture.state import IsMine
from gradcheck.capture.steps import BINDS, BaseOf, says_loss
from gradcheck.capture.streams import quiet
from gradcheck.conventions import DATA
from gradcheck.driver import Driver
from gradcheck.options import Options
from gradcheck.script import cut, once
from gradcheck.script.arrive import Arrived, arrive
from gradcheck.script.beside import beside, needless
from gradcheck.script.callers import is_ahead, losses_of_callers
from gradcheck.script.engines import engine_step
from gradcheck.script.held import everything
from gradcheck.script.scout import Scouted, scout
from gradcheck.script.shorter import shorter
from gradcheck.script.sources import Place, body_of, loops_around, text_of
from gradcheck.source import shown
from gradcheck.standins import sources_of
from gradcheck.target import Target

P = ParamSpec("P")
R = TypeVar("R")
GUESSES = 8
"""How many widths are tried for a table that is missing and of which the source says nothing."""
WHOLE = 1 << 16
"""Data of up to this many entries may be left as they are: more would take too long."""
LARGER = (1, 10, 80)
"""The batch, and how many times as large it is made where code does nothing with so few: 13 // 32 mini-batches."""


def on_first_step(
    run: Callable[Concatenate[Target, Options, P], R],
) -> Callable[Concatenate[Target, Options, P], R]:
    """Of a script, hand on its first training step as the target; its own run counts in the time limit."""

    @functools.wraps(run)
    def wrapped(target: Target, options: Options, *args: P.args, **kwargs: P.kwargs) -> R:
        started = time.monotonic()
        output: Any = kwargs.get("output")
        with first_step(target, {**target.grads, **options.grads}, output, engines=not options.says_what) as step:
            if options.timeout is not None and step is not target:
                left = options.timeout - (time.monotonic() - started)
                options = replace(options, timeout=max(left, 1e-3))
            return run(step, options, *args, **kwargs)

    return cast(Callable[Concatenate[Target, Options, P], R], wrapped)


@contextlib.contextmanager
def first_step(target: Target, grads: Any, output: FirstRun | None, *, engines: bool = True) -> Iterator[Target]:
    """The target; of a script its first training step, where one can be told. Generators and settings are put back.

    `engines` says whether a script that trains with an autograd engine is to be taken as such.
    """
    if target.script is None:
        yield target
        return
    script = target.script.resolve()
    root_of.cache_clear()
    root_of(script)  # of the folder that is the current one now

    @functools.cache
    def base_of(name: str) -> tuple[str, ...]:
        return conventions.bases(name, grads)

    with _generators_put_back(), standins.active(sources_of(script)) as hints:
        step = engine_step(target, script, output) if engines else None
        if step is None:
            scouted = _scouted(script, base_of, output, hints)
            step = _found(target, script, scouted, base_of) or target
        yield replace(step, notes=(*step.notes, *hints.notes))


def _scouted(script: Path, base_of: BaseOf, output: FirstRun | None, hints: standins.Hints) -> Scouted:
    """The first run; again with tables of other widths where their width had to be guessed."""
    for guess in range(GUESSES):
        hints.guess = guess
        with ambient.kept(), quiet():
            scouted = scout(script, base_of, output)
        if scouted.places or not hints.guessed or scouted.raised is None:
            break
    return scouted


def _found(target: Target, script: Path, scouted: Scouted, base_of: BaseOf) -> Target | None:
    """The step of the innermost function or loop that can be run again by itself."""
    for place, lines, latest in scouted.places:
        for candidate in _places(place, lines, latest):
            for size in (*LARGER, None):
                with ambient.kept(), quiet():
                    arrived = arrive(script, candidate, scouted.updated)
                made = None if arrived is None else _target(target, candidate, arrived, scouted, size)
                if arrived is None or made is None:
                    break
                step, smaller = made
                _begin_as_arrays(step, scouted.updated)
                step = _less(step, candidate, arrived, lines, scouted.updated)
                step = _with_loss(step, candidate, arrived, scouted.updated)
                if works(step, base_of, whole=not smaller):
                    return step
                if not smaller:
                    break
    return None


def _places(place: Place, lines: frozenset[int], latest: frozenset[int]) -> list[Place]:
    """One iteration of its loop, whose parameters and data all stand there by then; else a function as a whole.

    A loop within that, over the layers on the way back, has no forward: then it is one of those around it. What was
    tried out before the loop, gradients for a figure to print, is no part of the step.
    """
    tree = ast.parse(text_of(place.file), place.file)
    loops = loops_around(tree, place, lines)
    if latest and not loops:
        behind = {n: frozenset(at for at in lines if at > n) for n in loops_around(tree, place, latest)}
        loops = [n for n, rest in behind.items() if n in loops_around(tree, place, rest)]
    iterations = [replace(place, loop=loop) for loop in loops]
    return [*iterations, place] if place.function != "<module>" else iterations


def _target(
    target: Target, place: Place, arrived: Arrived, scouted: Scouted, size: int | None
) -> tuple[Target, bool] | None:
    """The step at a place as a target, and whether its data were cut, `size` times the least batch."""
    step: once.Step | None = None
    names = dict(arrived.names)
    if place.loop:
        step = once.step_of(place, arrived.globals, tuple(names))
        if step is None:
            return None
    elif arrived.function is None:
        return None
    _begin_as_floats(arrived, names, scouted.updated)
    note, done = _cut(arrived, names, scouted, place, size)
    notes = (*target.notes, *([note] if note else []))
    if step is None:
        names["_step"] = arrived.function
    made = replace(
        target,
        module=arrived.module,
        names=names,
        call=arrived.call,
        step=step,
        notes=notes,
        folder=arrived.folder,
        shorter=shorter(*_held(arrived, names), scouted.updated, _used(place)),
    )
    return made, done


def _less(target: Target, place: Place, arrived: Arrived, working: frozenset[int], updated: frozenset[str]) -> Target:
    """An iteration less what it does beside its step, as far as that makes no difference."""
    if not place.loop:
        return target
    tree = ast.parse(text_of(place.file))

    def is_mine(kind: Any) -> bool:
        return getattr(kind, "__module__", None) in {arrived.globals.get("__name__"), "__main__"}

    found = beside(tree, body_of(tree, place), working, {**arrived.globals, **arrived.names}, is_mine)
    if not found:
        return target

    def without(texts: frozenset[str]) -> once.Step:
        step = once.step_of(place, arrived.globals, tuple(arrived.names), texts)
        assert step is not None  # the whole of it is one
        return step

    with Driver(target, base_of=conventions.bases).staged() as staged:
        gone = needless(found, staged, lambda texts: without(texts)({}, staged.names), updated)
    if not gone:
        return target
    lines = ", ".join(cells.place(shown(place.file), one.line) for one in gone)
    note = f"left out where the step is run again, since nothing in it rests on that: what stands at {lines}"
    return replace(target, step=without(frozenset(one.text for one in gone)), notes=(*target.notes, note))


def _with_loss(target: Target, place: Place, arrived: Arrived, updated: frozenset[str]) -> Target:
    """The step with a loss ahead of it that is only computed behind it, if it has none of its own."""
    losses = list(losses_of_callers(arrived, _used(place)))
    driver = Driver(target, base_of=conventions.bases)
    if not losses or _has_loss(driver):
        return target
    with driver.staged() as staged:
        return replace(target, ahead=next((loss for loss in losses if is_ahead(loss, staged, updated)), None))


def _has_loss(driver: Driver) -> bool:
    with driver.open() as program:
        return any(v.array.ndim == 0 and says_loss(v.name) for v in program.forward_values)


def _used(place: Place) -> frozenset[str]:
    """The names in the step's own statements."""
    body = body_of(ast.parse(text_of(place.file), place.file), place)
    return frozenset(n.id for statement in body for n in ast.walk(statement) if isinstance(n, ast.Name))


def _cut(arrived: Arrived, names: dict[str, Any], scouted: Scouted, place: Place, size: int | None) -> tuple[str, bool]:
    """Cut the data that the step is about to use; what to say of it, and whether anything was cut."""
    if size is None:
        return "", False
    found = cut.samples(*_held(arrived, names), scouted.updated, _used(place))
    if found is None:
        return "", False
    batch = cut.batch_for(found) if size == 1 else cut.batch_for(found) * size + 1
    if batch >= found.count:
        return "", False
    if max(_entries(held.value) for held in found.held) <= WHOLE and found.count in _divisors(place.file):
        return f"checked on all {found.count} samples, since the code divides by {found.count}", False
    cut.cut(found, batch)
    more = f"; {', '.join(found.elsewhere)} counts others as well, and was left" if found.elsewhere else ""
    return f"checked on {batch} of the {found.count} samples{more}", True


def _begin_as_floats(arrived: Arrived, names: dict[str, Any], updated: frozenset[str]) -> None:
    """Parameters that begin as whole numbers, `self.bias = 0`, are those numbers as floats: so they can be moved."""
    for h in everything(*_held(arrived, names)):
        if h.name in updated and type(h.value) is int and h.value in (0, 1):
            assign(h.where, float(h.value))
        elif h.name in updated and isinstance(h.value, np.ndarray) and h.value.dtype.kind in "iu":
            assign(h.where, h.value.astype(float))


def _entries(value: Any) -> int:
    """How many numbers an array or a list of samples holds."""
    if isinstance(value, (list, tuple)):
        return len(value) * sum(map(_entries, value[:1]))
    return int(np.size(value))


def _divisors(file: str) -> frozenset[float]:
    """The numbers that are written behind a division: a batch of 7 is no reason to take / 100 for a mistake."""
    nodes = ast.walk(ast.parse(text_of(file), file))
    divisions = (n for n in nodes if isinstance(n, (ast.BinOp, ast.AugAssign)) and isinstance(n.op, ast.Div))
    divisors = (n.right if isinstance(n, ast.BinOp) else n.value for n in divisions)
    return frozenset(d.value for d in divisors if isinstance(d, ast.Constant) and isinstance(d.value, (int, float)))


def _begin_as_arrays(target: Target, updated: frozenset[str]) -> None:
    """Parameters that begin as one number and that the step makes arrays, `self.b = 0` with db of a layer's units, are
    arrays of that number."""
    with Driver(target, base_of=conventions.bases).staged() as staged:
        numbers = {
            path: root for path, root in staged.roots.items() if root.name in updated and not np.shape(root.value)
        }
        if not numbers:
            return
        shapes: dict[str, tuple[int, ...]] = {}

        def keep() -> None:
            shapes.update({path: np.shape(staged.runs.now(path)()) for path in numbers})

        staged.runs.run({}, {}, then=keep)
        names = staged.names
    for path, shape in shapes.items():
        for holder, steps in numbers[path].places if shape else ():
            assign((target.names if holder is names else holder, steps), np.full(shape, float(numbers[path].value)))


def _held(arrived: Arrived, names: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]], IsMine]:
    """What the step is handed, what its modules hold beside that, and what tells the project's own classes."""

    def is_mine(kind: Any) -> bool:
        return getattr(kind, "__module__", None) in mine

    modules = [arrived.globals] if arrived.globals is vars(arrived.module) else [arrived.globals, vars(arrived.module)]
    mine = {m.get("__name__") for m in modules}
    handed = names or arrived.globals
    return handed, [m for m in modules if m is not handed], is_mine


def works(target: Target, base_of: BaseOf, *, whole: bool = True) -> bool:
    """Whether the step by itself comes to a gradient, and to something of the forward before that: of all samples that
    it takes, where they are not the `whole` data, X[:32] and X[32:]."""
    with Driver(target, base_of=base_of).open() as program:
        forward = [v for v in program.forward_values if v.site.kind in BINDS and v.array.dtype.kind == "f"]
        seen = whole or not any(v.array.ndim > 1 and v.array.shape[0] == 0 for v in program.trace.values)
        return bool(program.gradients) and bool(forward) and seen and _has_forward(program)


def _has_forward(program: Program) -> bool:
    """Whether most parameters go into what is computed before the last gradient begins: in a backward alone few do."""
    parameters = [g.of for g in program.gradients if g.of.order < 0 and g.of.name not in DATA]
    values = program.forward_values
    before = {(v.key, v.path): v for v in values if v.site.kind in BINDS}

    def goes_in(of: Variable) -> bool:
        now = program.forward({of.ref: 1.01 * of.array + 0.01}).values
        seen = ((v, before[v.key, v.path]) for v in now if (v.key, v.path) in before)
        return any(was.identity != of.identity and not np.array_equal(v.array, was.array) for v, was in seen)

    return 3 * sum(map(goes_in, parameters)) >= 2 * len(parameters)


@contextlib.contextmanager
def _generators_put_back() -> Iterator[None]:
    legacy, python = np.random.mtrand._rand, random._inst  # type: ignore[attr-defined,unused-ignore]
    states = legacy.get_state(), python.getstate()
    try:
        yield
    finally:
        legacy.set_state(states[0])
        python.setstate(states[1])
