"""The loss of a batch is the mean, or the sum, of its samples' losses; and so are its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.gradients import Gradient
from gradcheck.properties.coupling import excuse
from gradcheck.properties.drawing import Array, written
from gradcheck.properties.outcome import HELD, Outcome, difference, missing, nothing, number, place, shape
from gradcheck.properties.subject import Opened

Weights = tuple[float, float]


def batches_average(opened: Opened) -> Outcome:
    """A batch cut in two: the mean loss is the weighted mean of the parts', a summed one their sum."""
    batch = opened.blueprint.batch
    if batch is None:
        return missing("no axis of the inputs is known to count samples")
    count, whole = opened.sizes[batch], opened.program.base_value
    if count < 2 or not np.isfinite(whole):
        return nothing("a single sample can't be cut in two" if count < 2 else "the loss is not finite")
    cut = int(opened.rng(3).integers(1, count))
    rows = [np.arange(cut), np.arange(cut, count)]
    parts = [_run(opened, batch, r) for r in rows]
    means: Weights = (cut / count, 1 - cut / count)
    weights = next((w for w in (means, (1.0, 1.0)) if _adds_up(opened, parts, w)), None)
    if weights is None:
        return _broken(opened, batch, rows, parts, means)
    size = opened.size()
    for g in opened.parameters:
        first, second = (p[1].get(g.name) for p in parts)
        if first is None or second is None:
            continue
        told = f"{g.name} computed at {place(g.value)}"
        if not g.array.shape == first.shape == second.shape:
            shapes = f"{shape(g.array)} over {count} samples, {shape(first)} over {cut}"
            return Outcome(f"the shape of {g.name} follows the batch", (f"{told} has shape {shapes}",))
        expected = weights[0] * first + weights[1] * second
        if difference(g.array, expected, size, close=opened.close):
            how = "the weighted mean" if weights is means else "the sum"
            line = f"{told} is {written(g.array)}, {how} over its parts is {written(expected)}"
            return Outcome(f"{g.name} of a batch is not {how} of its parts'", (_cut(cut, count), line))
    return HELD if size > 0 else nothing("every gradient is zero")


def _cut(cut: int, count: int) -> str:
    return f"cut into the first {cut} and the last {count - cut} samples"


def _run(opened: Opened, batch: str, rows: Array) -> tuple[float, dict[str, Array]]:
    """Loss and parameters' gradients over some of the samples."""
    values = opened.values
    for part in opened.blueprint.parts:
        for axis, symbol in enumerate(part.axes):
            if symbol == batch:
                values[part.name] = values[part.name].take(rows, axis)
    sizes = {**opened.sizes, batch: len(rows)}
    with opened.subject.open(opened.network, sizes=sizes, values=values) as part_opened:
        gradients: Sequence[Gradient] = part_opened.parameters
        return part_opened.program.base_value, {g.name: g.array for g in gradients}


def _adds_up(opened: Opened, parts: Sequence[tuple[float, Any]], weights: Weights) -> bool:
    total = sum(w * p[0] for w, p in zip(weights, parts))
    return not difference(
        opened.program.base_value, total, max(opened.loss_size(), *(abs(p[0]) for p in parts)), close=opened.close
    )


def _broken(
    opened: Opened, batch: str, rows: Sequence[Array], parts: Sequence[tuple[float, Any]], means: Weights
) -> Outcome:
    whole, count, cut = opened.program.base_value, opened.sizes[batch], len(rows[0])
    if _adds_a_constant(opened, batch, rows, parts):
        return missing("the loss adds a term of the parameters alone")
    order = np.roll(np.arange(count), 1)
    permuted: dict[Any, Array] = {}
    for part in opened.blueprint.parts:
        if batch in part.axes:
            array = np.asarray(opened.program.roots[part.path].value)
            permuted[part.path] = array.take(order, part.axes.index(batch))
    reason = excuse(opened, batch, opened.program.forward(permuted))
    if reason:
        return missing(reason)
    mean = means[0] * parts[0][0] + means[1] * parts[1][0]
    line = f"loss {number(whole)}, of its parts {number(parts[0][0])} and {number(parts[1][0])}, mean {number(mean)}"
    return Outcome("the loss of a batch is neither the mean nor the sum of its parts'", (_cut(cut, count), line))


def _adds_a_constant(opened: Opened, batch: str, rows: Sequence[Array], parts: Sequence[tuple[float, Any]]) -> bool:
    """What the parts lack is the same for other samples: a penalty that is not averaged with the rest."""
    counts = [len(r) for r in rows]
    other = [rows[0], rows[0][np.arange(counts[1]) % counts[0]]]
    try:
        second = _run(opened, batch, other[1])[0]
        both = _run(opened, batch, np.concatenate(other))[0]
    except GradcheckError:
        return False
    found = []
    for weight in (lambda n: 1.0, float):
        lacks = weight(sum(counts)) * opened.program.base_value
        lacks -= sum(weight(n) * p[0] for n, p in zip(counts, parts))
        lacks_other = weight(sum(counts)) * both - weight(counts[0]) * parts[0][0] - weight(counts[1]) * second
        size = max(opened.loss_size(), abs(both)) * sum(counts)
        found.append(not difference(lacks, lacks_other, size, close=opened.close))
    return any(found)
