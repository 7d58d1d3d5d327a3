"""A backward pass reads what the forward left and changes none of it; run again, it gives the same.

Where forward and backward are one function, what it makes of its own values is its own affair: `dscores = p`, then
`dscores[rows, y] -= 1`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck import conventions
from gradcheck.capture.record import Key, Value
from gradcheck.capture.rewrite import CROSSING
from gradcheck.properties.drawing import Array, written
from gradcheck.properties.outcome import HELD, Outcome, difference, missing, place
from gradcheck.properties.subject import Opened, recomputed

_PASSED = CROSSING | {"argument"}
"""Kinds of sites that make nothing."""
_HANDED = re.compile(r"upstream(_\w+)?$")
"""What drivers call the gradient that a backward is handed. To reuse its memory is common, and right in a chain."""


def backward_is_pure(opened: Opened) -> Outcome:
    """Inputs, parameters before their update, and the forward's values are left alone; twice gives the same."""
    if not opened.gradients:
        return missing("no gradient was seen")
    edited = _edited_inputs(opened)
    wrong = next((o for o in edited if not o.minor), None) or _differs_again(opened)
    return wrong or _edited_value(opened) or next(iter(edited), HELD)


def _edited_inputs(opened: Opened) -> list[Outcome]:
    """Arrays of the state that the loss depends on, and that no update has a right to change."""
    program = opened.program
    found = []
    with_gradient = {base for v in program.trace.values for base in conventions.bases(v.name)}
    with_gradient |= {g.of.name for g in opened.gradients}
    of_gradients = {g.of.ref for g in opened.gradients}
    for path in sorted(program.edited):
        root = program.roots[path]
        if (root.name in with_gradient or path in of_gradients) and not _is_data(opened, path):
            continue  # a parameter: its update
        if not isinstance(root.value, np.ndarray) or not _matters(opened, path, root.value):
            continue
        edits = [i for i, v in enumerate(program.trace.values) if v.identity == id(root.value) and _is_edit(v)]
        if edits and edits[0] < program.first_gradient:
            continue  # the forward's own doing
        if edits and _goes_down(opened, path, program.trace.values[edits[-1]].array):
            continue  # its update: an image that is learned looks like data
        if not edits and any(g.rate is not None for g in opened.gradients):
            continue  # where only updates tell parameters, it may be one that is moved behind the others
        where = f" at {place(program.trace.values[edits[0]])}" if edits else ""
        handed = bool(_HANDED.match(root.name))
        what = "the gradient that it is handed" if handed else "an input"
        line = f"{root.name} is changed in place{where}"
        found.append(Outcome(f"{root.name}, {what}, is changed in place{where}", (line,), minor=handed))
    return found


def _goes_down(opened: Opened, path: str, now: Array) -> bool:
    """Whether an array has moved against its gradient, in every entry."""
    own = (g for g in opened.gradients if g.of.ref == path and g.array.shape == now.shape == g.of.array.shape)
    along = [(now - g.of.array) * g.array for g in own]
    return any(bool((a <= 0).all() and (a < 0).any()) for a in along)


def _is_data(opened: Opened, path: str) -> bool:
    batch = opened.blueprint.batch
    return any(p.path == path and not p.parameter and batch in p.axes for p in opened.blueprint.parts)


def _is_edit(value: Value) -> bool:
    return value.site.kind in ("augment", "modify")


def _edited_value(opened: Opened) -> Outcome | None:
    """A value of the forward that no longer holds what it held when the backward began."""
    program = opened.program
    values, objects = program.trace.values, program.trace.objects
    cached = _cached(opened)
    own = {g.of.name: i for i, v in enumerate(values) for g in opened.gradients if v.key == g.key}
    for i in range(program.first_gradient, len(values)):
        before, after = cached.get(values[i].identity), values[i]
        if before is None or not _changed(before.array, after.array) or _is_own(before, after):
            continue
        if i > own.get(after.name, len(values)) and not opened.blueprint.is_per_sample(after.name):
            cached.pop(after.identity)  # a parameter's update: it comes after its gradient
        elif _matters(opened, before.key, before.array):
            return _told(before, after.array, f"{after.name} at {place(after)}")
    unseen = _edited_by_forward(opened)
    begun = values[program.first_gradient]
    for value, live in zip(values, objects):
        before = cached.get(value.identity)
        if before is None or value.key != before.key or value.key in unseen or _is_own(value, begun):
            continue
        if isinstance(live, np.ndarray) and _changed(before.array, live) and _matters(opened, before.key, before.array):
            return _told(before, np.array(live), "the backward")
    return None


def _is_own(value: Value, edited: Value) -> bool:
    """Whether one call of one function has made the value and edits it."""
    return (value.site.file, value.site.function, value.call) == (
        edited.site.file,
        edited.site.function,
        edited.call,
    )


def _told(value: Value, now: Array, what: str) -> Outcome:
    """A warning: the gradients are right, and whoever reads the value afterwards, or goes back once more, is misled."""
    line = f"{value.name} computed at {place(value)} is {written(value.array)}, after {what} {written(now)}"
    return Outcome(f"{value.name}, a value of the forward, is changed in place by {what}", (line,), minor=True)


def _cached(opened: Opened) -> dict[int, Value]:
    """Arrays of the forward as they last were in it, by identity, under the key by which it has made them.

    What belongs to the state is left out.
    """
    program = opened.program
    state = {id(r.value) for r in program.roots.values()}
    forward = program.forward_values
    found: dict[int, Value] = {}
    for value in forward:
        if value.array.ndim and value.identity not in state and value.site.kind not in _PASSED and value.plain:
            made = found.get(value.identity, value)
            found[value.identity] = replace(value, key=made.key)
    return found


def _edited_by_forward(opened: Opened) -> set[Key]:
    """Values that the forward itself goes on to change where no probe sees it."""
    trace = opened.program.forward()
    return {
        v.key
        for v, live in zip(trace.values, trace.objects)
        if isinstance(live, np.ndarray) and _changed(v.array, live)
    }


def _changed(a: Array, b: Array) -> bool:
    return a.shape != b.shape or not np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _matters(opened: Opened, ref: Any, array: Array) -> bool:
    """Whether the loss depends on the value: a buffer of the optimiser's may be changed at will."""
    program = opened.program
    if array.dtype.kind != "f":
        return True
    moved = program.loss({ref: array * 1.125 + 0.125 * opened.rng(7).standard_normal(array.shape)}).value
    return difference(program.base_value, float(np.real(moved)))


def _differs_again(opened: Opened) -> Outcome | None:
    """The same step from the same state once more."""
    trace = opened.program.backward()
    for g in opened.gradients:
        again = recomputed(trace, g)
        if again is None or again.shape != g.array.shape or difference(g.array, again, opened.size(), close=1e-12):
            now = "nothing" if again is None else written(again)
            line = f"{g.name} computed at {place(g.value)} is {written(g.array)}, a second time {now}"
            return Outcome(f"{g.name} is not the same when the step is run again", (line,))
    return None
