"""Why a right network may treat samples, or units, unlike: what it does on purpose is no failure."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.capture.program import Trace
from gradcheck.capture.record import Key, Value
from gradcheck.properties.drawing import Array
from gradcheck.properties.outcome import difference, place
from gradcheck.properties.subject import Opened


def excuse(opened: Opened, symbol: str, permuted: Trace) -> str:
    """What in the forward tells one entry along `symbol` from another by design; "" where nothing does."""
    if opened.program.draws:
        return "the step draws random numbers"
    found = _bound_to_places(opened, symbol, permuted)
    if found is None and symbol == opened.blueprint.batch:
        found = _statistic(opened, symbol) or _centred(opened, symbol) or _carried(opened)
        return f"{found.name} ({place(found)}) ties the samples of a batch together" if found is not None else ""
    if found is not None:
        return (
            f"{found.name} ({place(found)}) belongs to places along {symbol}, whatever the inputs: a mask, a position"
        )
    if symbol != opened.blueprint.batch:
        return _split(opened, symbol)
    return ""


def _forward(opened: Opened) -> list[Value]:
    """Plain values that the forward assigns."""
    program = opened.program
    return [v for v in program.forward_values if v.plain and v.site.kind != "argument"]


def _bound_to_places(opened: Opened, symbol: str, permuted: Trace) -> Value | None:
    """A value with this axis that stays as it is when the inputs are permuted, and is not the same all along it."""
    after = {v.key: v.array for v in permuted.values}
    roots = {id(r.value) for r in opened.program.roots.values()}
    for value in _forward(opened):
        axis = _axis(opened, value, symbol)
        if axis is None or value.identity in roots:
            continue
        now = after.get(value.key)
        same = now is not None and np.array_equal(now, value.array)
        if same and not (value.array == value.array.take([0], axis)).all():
            return value
    return None


def _axis(opened: Opened, value: Value, symbol: str) -> int | None:
    labels = opened.labels(value.name, value.array)
    return labels.index(symbol) if labels is not None and symbol in labels else None


def _statistic(opened: Opened, batch: str) -> Value | None:
    """A value over all samples, a mean or a maximum, that later values of single samples depend on."""
    program, rng = opened.program, opened.rng(8)
    data: dict[Any, Array] = {}
    for part in opened.blueprint.parts:
        array = np.asarray(program.roots[part.path].value) if part.path in program.roots else None
        if array is not None and batch in part.axes and array.dtype.kind == "f":
            data[part.path] = array + rng.standard_normal(array.shape)
    other = {v.key: v.array for v in program.forward(data).values}
    for value in _forward(opened):
        labels = opened.labels(value.name, value.array)
        if labels is None or batch in labels or value.array.dtype.kind != "f" or value.key not in other:
            continue
        if np.array_equal(other[value.key], value.array):
            continue  # made of parameters alone
        moved = program.forward({value.key: value.array + rng.standard_normal(value.array.shape)})
        if _reaches_samples(opened, moved, value.key, batch):
            return value
    return None


def _reaches_samples(opened: Opened, moved: Trace, source: Key, batch: str) -> bool:
    before = {v.key: v for v in _forward(opened)}
    for v in moved.values:
        known = before.get(v.key)
        if known is None or v.key == source or known.array.shape != v.array.shape:
            continue
        if _axis(opened, known, batch) is not None and difference(known.array, v.array):
            return True
    return False


def _centred(opened: Opened, batch: str) -> Value | None:
    """A value whose mean over the batch has been taken out."""
    for value in _forward(opened):
        axis = _axis(opened, value, batch)
        if axis is None or value.array.dtype.kind != "f" or value.array.shape[axis] < 2:
            continue
        largest = float(np.abs(value.array).max(initial=0.0))
        if largest > 0 and float(np.abs(value.array.mean(axis=axis)).max(initial=0.0)) < 1e-9 * largest:
            return value
    return None


def _carried(opened: Opened) -> Value | None:
    """An array that a loop over the samples hands from one to the next."""
    for value in _forward(opened):
        where = (value.site.file, value.site.line, value.name)
        if value.key.occurrence or not value.array.ndim or where not in opened.blueprint.loops:
            continue
        moved = opened.program.forward({value.key: value.array + 1})
        after = next((v for v in moved.values if v.key == Key(value.key.site, 1)), None)
        before = next((v for v in _forward(opened) if v.key == Key(value.key.site, 1)), None)
        if after is not None and before is not None and not np.array_equal(after.array, before.array):
            return value
    return None


def _split(opened: Opened, symbol: str) -> str:
    """Units that are cut into groups, heads or gates, or that a number may stand for, are not interchangeable."""
    for part in opened.blueprint.parts:
        if part.numbers.whole and part.path in opened.program.roots:
            return f"the whole numbers in {part.name} may stand for places along {symbol}"
    for value in _forward(opened):
        labels = opened.blueprint.axes.get(value.name, ())
        if value.array.ndim and (not labels or None in labels):
            return f"{value.name} ({place(value)}) has an axis of its own: units along {symbol} may be grouped"
    return ""
