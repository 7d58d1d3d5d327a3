"""Samples and hidden units have no order: permuting them permutes what belongs to them and changes nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.capture.program import Trace
from gradcheck.properties.blueprint import Axes
from gradcheck.properties.coupling import excuse
from gradcheck.properties.drawing import Array, written
from gradcheck.properties.outcome import HELD, Outcome, difference, missing, nothing, number, place, shape
from gradcheck.properties.subject import Opened, recomputed


def samples_permute(opened: Opened) -> Outcome:
    """The loss and the parameters' gradients stay as they are; the gradients of each sample move with it."""
    batch = opened.blueprint.batch
    if batch is None:
        return missing("no axis of the inputs is known to count samples")
    return _permuted(opened, batch, "samples")


def units_permute(opened: Opened) -> Outcome:
    """Every parameter is permuted along all of its axes of a hidden size; gradients permute likewise."""
    if not opened.blueprint.hidden:
        return missing("no size belongs to hidden units alone")
    found = [_permuted(opened, symbol, f"units along {symbol}") for symbol in opened.blueprint.hidden]
    return next((f for f in found if f.failure), None) or next((f for f in found if f.held), found[0])


def _permuted(opened: Opened, symbol: str, what: str) -> Outcome:
    program, count = opened.program, opened.sizes[symbol]
    if count < 2:
        return nothing(f"{symbol} is 1")
    if not np.isfinite(program.base_value):
        return nothing("the loss is not finite")
    order = _order(count, opened.rng(2))
    moved: dict[Any, Array] = {
        part.path: _taken(np.asarray(program.roots[part.path].value), part.axes, symbol, order)
        for part in opened.blueprint.parts
        if symbol in part.axes
    }
    after = float(np.real(program.loss(moved).value))
    trace = program.backward(moved)
    permuted = f"{what} permuted to {order.tolist()}"
    if difference(program.base_value, after, opened.loss_size(), close=opened.close):
        sentence = f"the loss is not what it was after {what} are permuted"
        line = f"loss {number(program.base_value)}, with {permuted} {number(after)}"
        return _unless_meant(opened, symbol, trace, Outcome(sentence, (line,)))
    size, tried = opened.size(), False
    for g in opened.gradients:
        axes = opened.labels(g.name, g.array)
        again = recomputed(trace, g)
        if axes is None or None in axes or again is None:
            continue
        expected = _taken(g.array, axes, symbol, order)
        if again.shape != expected.shape:
            sentence = f"{g.name} has shape {shape(again)} after {what} are permuted, {shape(expected)} before"
            return Outcome(sentence, (f"{g.name} computed at {place(g.value)}: {sentence}",))
        if difference(expected, again, size, close=opened.close):
            verb = "permute with them" if symbol in axes else "stay as it was"
            sentence = f"{g.name} does not {verb} when {what} are permuted"
            computed = f"{g.name} computed at {place(g.value)} is {written(g.array)}"
            line = f"{computed}, with {permuted} {written(again)}, expected {written(expected)}"
            return _unless_meant(opened, symbol, trace, Outcome(sentence, (line,)))
        tried = tried or size > 0
    return HELD if tried else nothing("every gradient is zero")


def _unless_meant(opened: Opened, symbol: str, trace: Trace, failure: Outcome) -> Outcome:
    reason = excuse(opened, symbol, trace)
    return missing(reason) if reason else failure


def _order(count: int, rng: np.random.Generator) -> Array:
    """A permutation that moves something."""
    order = rng.permutation(count)
    return np.roll(order, 1) if (order == np.arange(count)).all() else order


def _taken(array: Array, axes: Axes, symbol: str, order: Array) -> Array:
    for axis, name in enumerate(axes):
        if name == symbol:
            array = array.take(order, axis)
    return array
