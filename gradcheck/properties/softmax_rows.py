"""A softmax's rows sum to one, ignore a shift, and stay finite however far apart the logits are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck import cells
from gradcheck.capture.program import Program
from gradcheck.properties.drawing import Array, written
from gradcheck.properties.outcome import HELD, Outcome, difference, missing, nothing
from gradcheck.properties.subject import Opened
from gradcheck.rules.softmax import CLOSE, Softmax, probabilities, softmax_underflow, softmaxes


def rows_sum_to_one(opened: Opened) -> Outcome:
    """Each row sums to one, and adding a number to all of a row's logits changes nothing."""
    found = softmaxes(opened.program)
    if not found:
        return missing("no softmax was seen")
    results = [_sums(opened, s) for s in found]
    return next((r for r in results if r.failure), None) or next((r for r in results if r.held), results[0])


def _sums(opened: Opened, softmax: Softmax) -> Outcome:
    place = f"{softmax.probabilities} computed at {cells.place(softmax.file.rpartition('/')[2], softmax.line)}"
    p = probabilities(opened.program, softmax, softmax.array)
    if p is None:
        return nothing("the softmax is not reached")
    classes = _class_axis(opened, softmax)
    if classes is not None and softmax.axis != classes:
        what = "over everything" if softmax.axis is None else "over samples, not classes"
        line = f"{place} is {written(p)}, its rows sum to {written(p.sum(axis=classes))}"
        return Outcome(f"{softmax.probabilities} sums to one {what}", (line,))
    if softmax.axis is None:
        return nothing("what sums to one is the whole array")
    rng = opened.rng(5)
    shape = list(softmax.array.shape)
    shape[softmax.axis] = 1
    shift = rng.integers(-3, 4, size=shape)
    again = probabilities(opened.program, softmax, softmax.array + shift)
    if again is None or difference(p, again, 1.0, close=CLOSE):
        now = "nothing" if again is None else written(again)
        line = f"{place} is {written(p)}, with {written(shift)} added to the rows of {softmax.logits} {now}"
        return Outcome(f"{softmax.probabilities} does not ignore a shift of its logits", (line,))
    logits = np.round(rng.uniform(-3, 3, softmax.array.shape), 1)
    other = probabilities(opened.program, softmax, logits)
    if other is not None and difference(other.sum(axis=softmax.axis), np.ones(1), 1.0, close=CLOSE):
        line = f"{place} is {written(other)} for {softmax.logits} = {written(logits)}"
        return Outcome(f"the rows of {softmax.probabilities} do not sum to one", (line,))
    return HELD


def _class_axis(opened: Opened, softmax: Softmax) -> int | None:
    """The axis of the classes, where one-hot labels of the softmax's own axes tell which it is."""
    axes = opened.blueprint.axes.get(softmax.probabilities)
    for part in opened.blueprint.parts:
        if part.numbers.kind == "one-hot" and part.axes == axes and axes is not None:
            labels = opened.program.variables.get(part.name)
            if None in axes and (labels is None or labels.array.shape != softmax.array.shape):
                continue  # samples as rows may go beside a softmax that has them as columns
            # over one sample, or one class, the axes can't be told apart
            return part.numbers.axis if min(softmax.array.shape) > 1 else None
    return None


def stays_finite(opened: Opened) -> Outcome:
    """Logits up to 1e4 apart, between rows and within one, give finite probabilities that sum to one."""
    found = [s for s in softmaxes(opened.program) if s.axis is not None]
    if not found:
        return missing("no softmax was seen")
    for softmax in found:
        axis = softmax.axis
        assert axis is not None
        for logits in _extremes(softmax.array.shape, axis):
            p = probabilities(opened.program, softmax, logits)
            if p is not None and not np.isfinite(p).all():
                return _not_finite(opened.program, softmax, logits, p)
    return HELD


def _extremes(shape: tuple[int, ...], axis: int) -> Iterator[Array]:
    """Rows 800 apart, entries 1e4 apart, rows 1e4 apart."""
    count = shape[axis]
    others = int(np.prod(shape)) // count
    near = np.arange(count, dtype=float)
    for rows in (
        near + 800.0 * (np.arange(others) % 2)[:, None],
        np.where(near % 2 == 1, 1e4, 0.0) + np.zeros((others, 1)),
        near + 1e4 * (np.arange(others) % 2)[:, None],
    ):
        moved = shape[:axis] + shape[axis + 1 :]
        yield np.moveaxis(rows.reshape(*moved, count), -1, axis)


def _not_finite(program: Program, softmax: Softmax, logits: Array, p: Array) -> Outcome:
    axis = softmax.axis
    assert axis is not None
    exact = np.exp(logits - logits.max(axis=axis, keepdims=True))
    exact = exact / exact.sum(axis=axis, keepdims=True)
    place = f"{cells.place(softmax.file.rpartition('/')[2], softmax.line)}"
    lines = [
        f"{softmax.logits} = {written(logits)}",
        f"{softmax.probabilities} computed at {place} is {written(p)}, softmax {written(exact)}",
    ]
    found = softmax_underflow(program)
    if found is not None and found.whole_matrix:
        lines.append("each row alone is finite: the maximum of the whole matrix is taken off, not each row's own")
    return Outcome(f"{softmax.probabilities} is not finite for {softmax.logits} = {written(logits)}", tuple(lines))
