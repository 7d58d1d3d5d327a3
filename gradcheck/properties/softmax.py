"""A softmax in the forward: its rows sum to one, ignore a shift, and stay finite however far apart its logits are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.capture.program import Program
from gradcheck.capture.record import Key
from gradcheck.properties.drawing import Array, written
from gradcheck.properties.outcome import HELD, Outcome, difference, missing, nothing
from gradcheck.properties.subject import Opened
from gradcheck.source import shown

CLOSE = 1e-6
"""To which sums and shifts must hold: a guard such as `/ (sum + 1e-8)` is within it."""


@dataclass(frozen=True, slots=True)
class Softmax:
    """A value of the forward that is exp(logits) over a sum."""

    logits: str
    """Z2."""
    ref: Any
    """How to replace them."""
    probabilities: str
    """A2."""
    key: Key
    """The probabilities' key."""
    array: Array
    """The logits."""
    axis: int | None
    """The axis along which it sums to one; None where only the whole array does."""
    file: str
    """Where the probabilities are computed."""
    line: int
    """1-based."""


@dataclass(frozen=True, slots=True)
class Underflow:
    """Two rows of logits in one batch for which a softmax is not finite."""

    logits: str
    """Name of the logits."""
    softmax: str
    """Name of the probabilities."""
    file: str
    """Where they are computed, as the user would write the path."""
    line: int
    """1-based."""
    rows: tuple[tuple[float, ...], tuple[float, ...]]
    """([0, 1], [800, 801])."""
    non_finite: tuple[int, ...]
    """Which of the two rows comes out as nan or infinite."""
    alone_finite: tuple[bool, bool]
    """Whether each row is finite when it is the only one."""

    @property
    def whole_matrix(self) -> bool:
        """True where each row alone is finite: then it is the maximum of the whole matrix that is taken off."""
        return all(self.alone_finite)


def softmaxes(program: Program) -> list[Softmax]:
    """Every softmax of the forward: positive, sums to one, and its logarithm differs from its logits by a constant."""
    forward = [
        v
        for v in program.trace.values[: program.first_gradient]
        if v.plain and v.site.kind != "argument" and v.array.dtype.kind == "f" and v.array.ndim
    ]
    roots = [(r.name, p, np.asarray(r.value)) for p, r in program.roots.items() if np.ndim(r.value)]
    found: dict[int, Softmax] = {}
    for i, value in enumerate(forward):
        if not _is_positive(value.array):
            continue
        earlier = [*roots, *((v.name, v.key, v.array) for v in forward[:i] if v.identity != value.identity)]
        for name, ref, array in earlier:
            is_softmax, axis = _summed(array, value.array)
            if is_softmax:
                # of a callee's return value and the name that it is given, the later is the author's
                key = found[value.identity].key if value.identity in found else value.key
                place = shown(value.site.file), value.site.line
                found[value.identity] = Softmax(name, ref, value.name, key, array, axis, *place)
                break
    return list(found.values())


def _is_positive(array: Array) -> bool:
    return bool(np.isfinite(array).all() and (array >= 0).all() and (array <= 1 + CLOSE).all() and array.any())


def _summed(logits: Array, p: Array) -> tuple[bool, int | None]:
    """Whether p is a softmax of the logits, and along which axis; None for the whole array."""
    if logits.shape != p.shape or logits.dtype.kind != "f" or not np.isfinite(logits).all():
        return False, None
    with np.errstate(divide="ignore"):
        shift = np.log(p) - logits
    seen = p > 1e-200
    for axis in reversed(range(p.ndim)):
        if p.shape[axis] > 1 and np.allclose(p.sum(axis=axis), 1, atol=CLOSE) and _is_constant(shift, seen, axis):
            return True, axis
    whole = p.size > 1 and abs(float(p.sum()) - 1) < CLOSE
    return whole and _is_constant(shift, seen, None), None


def _is_constant(shift: Array, seen: Array, axis: int | None) -> bool:
    high = np.where(seen, shift, -np.inf).max(axis=axis)
    low = np.where(seen, shift, np.inf).min(axis=axis)
    return bool((high - low < CLOSE * (1 + np.abs(high))).all())


def rows_sum_to_one(opened: Opened) -> Outcome:
    """Each row sums to one, and adding a number to all of a row's logits changes nothing."""
    found = softmaxes(opened.program)
    if not found:
        return missing("no softmax was seen")
    results = [_sums(opened, s) for s in found]
    return next((r for r in results if r.failure), None) or next((r for r in results if r.held), results[0])


def _sums(opened: Opened, softmax: Softmax) -> Outcome:
    place = f"{softmax.probabilities} computed at {softmax.file.rpartition('/')[2]}:{softmax.line}"
    p = _at(opened.program, softmax, softmax.array)
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
    again = _at(opened.program, softmax, softmax.array + shift)
    if again is None or difference(p, again, 1.0, close=CLOSE):
        now = "nothing" if again is None else written(again)
        line = f"{place} is {written(p)}, with {written(shift)} added to the rows of {softmax.logits} {now}"
        return Outcome(f"{softmax.probabilities} does not ignore a shift of its logits", (line,))
    logits = np.round(rng.uniform(-3, 3, softmax.array.shape), 1)
    other = _at(opened.program, softmax, logits)
    if other is not None and difference(other.sum(axis=softmax.axis), np.ones(1), 1.0, close=CLOSE):
        line = f"{place} is {written(other)} for {softmax.logits} = {written(logits)}"
        return Outcome(f"the rows of {softmax.probabilities} do not sum to one", (line,))
    return HELD


def _class_axis(opened: Opened, softmax: Softmax) -> int | None:
    """The axis of the classes, where one-hot labels of the softmax's own axes tell which it is."""
    axes = opened.blueprint.axes.get(softmax.probabilities)
    for part in opened.blueprint.parts:
        if part.numbers.kind == "one-hot" and part.axes == axes and axes is not None:
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
            p = _at(opened.program, softmax, logits)
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
    place = f"{softmax.file.rpartition('/')[2]}:{softmax.line}"
    lines = [
        f"{softmax.logits} = {written(logits)}",
        f"{softmax.probabilities} computed at {place} is {written(p)}, softmax {written(exact)}",
    ]
    found = softmax_underflow(program)
    if found is not None and found.whole_matrix:
        lines.append("each row alone is finite: the maximum of the whole matrix is taken off, not each row's own")
    return Outcome(f"{softmax.probabilities} is not finite for {softmax.logits} = {written(logits)}", tuple(lines))


def softmax_underflow(program: Program) -> Underflow | None:
    """Two rows that are not finite together, if the forward has a softmax and there are such rows.

    The rows are [0, 1] and [800, 801]: e⁻⁸⁰⁰ is zero in double precision, so that a row far below the largest entry of
    all comes to 0/0. Each is tried alone as well, which tells a maximum over the whole matrix from none at all.
    """
    for softmax in softmaxes(program):
        if softmax.axis is None or softmax.array.ndim != 2:
            continue
        low, high = np.array([[0.0, 1.0]]), np.array([[800.0, 801.0]])
        together = _at_rows(program, softmax, np.concatenate([low, high]))
        if together is None or np.isfinite(together).all():
            continue
        bad = tuple(i for i in range(2) if not np.isfinite(together[i]).all())
        alone = _is_finite(program, softmax, low), _is_finite(program, softmax, high)
        names = softmax.logits, softmax.probabilities, softmax.file, softmax.line
        return Underflow(*names, ((0.0, 1.0), (800.0, 801.0)), bad, alone)
    return None


def _is_finite(program: Program, softmax: Softmax, row: Array) -> bool:
    p = _at_rows(program, softmax, row)
    return p is not None and bool(np.isfinite(p).all())


def _at_rows(program: Program, softmax: Softmax, rows: Array) -> Array | None:
    """The probabilities of a batch of just these rows, within one of the code's own shape where it insists on it."""
    turned = softmax.axis == 0
    found = _at(program, softmax, rows.T if turned else rows)
    if found is not None and found.shape == (rows.T if turned else rows).shape:
        return found.T if turned else found
    shape = softmax.array.shape[::-1] if turned else softmax.array.shape
    if shape[0] < len(rows) or shape[1] < 2:
        return None
    # the first row fills the batch up: equal rows behave alike
    full = np.tile(rows[:1], (shape[0], shape[1] // 2 + 1))[:, : shape[1]]
    full[: len(rows)] = np.tile(rows, (1, shape[1] // 2 + 1))[:, : shape[1]]
    found = _at(program, softmax, full.T if turned else full)
    return None if found is None else (found.T if turned else found)[: len(rows)]


def _at(program: Program, softmax: Softmax, logits: Array) -> Array | None:
    """The probabilities for other logits; None where the forward doesn't get that far."""
    trace = program.forward({softmax.ref: logits})
    return next((v.array for v in trace.values if v.key == softmax.key), None)
