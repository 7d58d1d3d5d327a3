"""Finds a softmax in the forward, and rows of logits for which it is not finite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.program import Program
from gradcheck.capture.record import Key
from gradcheck.source import shown

Array = NDArray[Any]

NONE = "none"
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


_FOUND: WeakKeyDictionary[Program, list[Softmax]] = WeakKeyDictionary()
"""What was found in programs that are open: several rules ask, and it takes hundreds of runs where time is unrolled."""


def softmaxes(program: Program) -> list[Softmax]:
    """Every softmax of the forward: positive, sums to one, and its logarithm differs from its logits by a constant."""
    if program not in _FOUND:
        _FOUND[program] = _softmaxes(program)
    return _FOUND[program]


def _softmaxes(program: Program) -> list[Softmax]:
    forward = [
        v
        for v in program.forward_values
        if v.plain and v.site.kind != "argument" and v.array.dtype.kind == "f" and v.array.ndim
    ]
    roots = [(r.name, p, np.asarray(r.value)) for p, r in program.roots.items() if np.ndim(r.value)]
    found: dict[int, Softmax] = {}
    tried: dict[tuple[int, object], int | str | None] = {}
    """By the lines of both, so that a loop over time is not run again for each of its steps."""
    for i, value in enumerate(forward):
        if not _is_positive(value.array):
            continue
        spread = _is_spread(value.array)
        earlier = [*roots, *((v.name, v.key, v.array) for v in forward[:i] if v.identity != value.identity)]
        for name, ref, array in earlier:
            lines = value.site.number, ref.site if isinstance(ref, Key) else ref
            if not spread and tried.get(lines) == NONE:
                continue
            is_softmax, axis = _summed(array, value.array)
            if is_softmax and not spread and lines not in tried:
                tried[lines] = _at_other_logits(program, ref, array, value.key)
            if is_softmax and (spread or tried[lines] == axis):
                # of a callee's return value and the name that it is given, the later is the author's
                key = found[value.identity].key if value.identity in found else value.key
                place = shown(value.site.file), value.site.line
                found[value.identity] = Softmax(name, ref, value.name, key, array, axis, *place)
                break
    return list(found.values())


def _is_positive(array: Array) -> bool:
    """Of what is finite; rows that have come to 0/0 are no less a softmax's."""
    p = array[np.isfinite(array)]
    return bool((p >= 0).all() and (p <= 1 + CLOSE).all() and p.any())


def _summed(logits: Array, p: Array) -> tuple[bool, int | None]:
    """Whether p is a softmax of the logits, and along which axis; None for the whole array."""
    if logits.shape != p.shape or logits.dtype.kind != "f" or not np.isfinite(logits).all():
        return False, None
    seen = np.isfinite(p) & (p > 1e-200)
    shift = np.log(np.where(seen, p, 1.0)) - logits

    def constant(axis: int | None) -> Array:
        high = np.where(seen, shift, -np.inf).max(axis=axis)
        low = np.where(seen, shift, np.inf).min(axis=axis)
        with np.errstate(invalid="ignore"):
            return np.asarray(high - low < CLOSE * (1 + np.abs(high)))

    for axis in reversed(range(p.ndim)):
        finite = np.isfinite(p).all(axis=axis)
        sums = p.sum(axis=axis)[finite]
        if p.shape[axis] > 1 and sums.size and np.allclose(sums, 1, atol=CLOSE) and constant(axis)[finite].all():
            return True, axis
    whole = p.size > 1 and abs(float(p.sum()) - 1) < CLOSE
    return bool(whole and constant(None)), None


def _is_spread(p: Array) -> bool:
    """Whether the entries show more than which is the largest: exp(Z - max) alone may come to 0, 0, 1 as well."""
    return bool(((p > 1e-3) & (p < 1 - 1e-3)).any())


def _at_other_logits(program: Program, ref: Any, logits: Array, key: Key) -> int | str | None:
    """Along which axis it is a softmax of logits that lie close together; NONE where it isn't one there."""
    near = np.round(np.random.default_rng(0).uniform(-1, 1, logits.shape), 1)
    p = _value(program, ref, near, key)
    is_softmax, axis = _summed(near, p) if p is not None and _is_spread(p) else (False, None)
    return axis if is_softmax else NONE


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
    found = probabilities(program, softmax, rows.T if turned else rows)
    if found is not None and found.shape == (rows.T if turned else rows).shape:
        return found.T if turned else found
    shape = softmax.array.shape[::-1] if turned else softmax.array.shape
    if shape[0] < len(rows) or shape[1] < 2:
        return None
    # the first row fills the batch up: equal rows behave alike
    full = np.tile(rows[:1], (shape[0], shape[1] // 2 + 1))[:, : shape[1]]
    full[: len(rows)] = np.tile(rows, (1, shape[1] // 2 + 1))[:, : shape[1]]
    found = probabilities(program, softmax, full.T if turned else full)
    return None if found is None else (found.T if turned else found)[: len(rows)]


def probabilities(program: Program, softmax: Softmax, logits: Array) -> Array | None:
    """The probabilities for other logits; None where the forward doesn't get that far."""
    return _value(program, softmax.ref, logits, softmax.key)


def _value(program: Program, ref: Any, logits: Array, key: Key) -> Array | None:
    trace = program.forward({ref: logits})
    return next((v.array for v in trace.values if v.key == key), None)
