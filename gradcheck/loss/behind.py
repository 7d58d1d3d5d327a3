"""A loss that the code computes behind its update, and that was computed ahead of it as well: whether it is that of the
step's own data, and of which standard loss it is the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace as replaced
from itertools import islice
from typing import Any

import numpy as np

from gradcheck.capture.program import Program, Ref, Variable
from gradcheck.capture.record import LARGE
from gradcheck.capture.state import Root
from gradcheck.loss.screening import CLOSE, Explanation, Screening, as_written, fitted, nudged, own_slopes, sizes_in
from gradcheck.loss.standard import Candidate, distinct

MOVED = 2
"""Arrays of the data that are exchanged, and how often each."""
APART = 1e-2
"""How far two losses may differ that go together: in a floor within a logarithm."""
LAST = 2
"""Values that a loss is computed from in the end: an output, and its difference from the labels."""


def ahead(program: Program) -> Variable | None:
    """The scalar that such a call hands back."""
    made = (v for v in program.variables.values() if v.site is not None and v.site.form == "ahead")
    return next((v for v in made if v.array.size == 1 and v.array.dtype.kind == "f"), None)


def is_of_the_step(screening: Screening, own: Variable) -> bool:
    """Whether it rests on the very samples that the gradients rest on, on each of them or on none."""
    if screening.supports(own):
        return True
    seen = [_felt(screening, own, root.path, other) for root in _data(screening) for other in _in_part(root.value)]
    return any(seen) and None not in seen


def reaches(screening: Screening, own: Variable, outputs: Sequence[Variable]) -> bool:
    """Whether all that has a gradient moves it, and what moves these outputs: it may run a forward of its own."""
    program, rng = screening.program, np.random.default_rng(0)
    graded = {g.of.ref: g.of for g in screening.gradients}
    later = (
        v for v in program.variables.values() if v.order > own.order and v.array.dtype.kind == "f" and v.array.ndim
    )
    for v in {**{v.ref: v for v in (*later, *outputs)}, **graded}.values():
        now = program.seen([own, *outputs], {v.ref: nudged(v.array, rng)})
        felt = v.ref in graded or any(o.ref == v.ref or not _is_as_it_was(o, now) for o in outputs)
        if felt and _is_as_it_was(own, now):
            return False
    return True


def _is_as_it_was(v: Variable, now: Mapping[Ref, Any]) -> bool:
    return np.array_equal(now.get(v.ref, v.array), v.array, equal_nan=True)


def goes_on(screening: Screening, own: Variable) -> bool:
    """Whether a gradient rests on what the loss is computed from in the end: it may run another forward than the step,
    in which no units are dropped, or a norm is a running one."""
    made = (v for v in distinct(screening.program.variables.values()) if 0 <= v.order < own.order)
    moved = {g.of.ref for g in screening.gradients}
    arrays = [v for v in made if v.array.dtype.kind == "f" and v.array.size > 1 and v.ref not in moved]
    return any(_is_gone_on_with(screening, [v]) for v in sorted(arrays, key=lambda v: -v.order)[:LAST])


def as_standard(screening: Screening, own: Variable) -> Explanation | None:
    """The standard loss of the step's own outputs that it is, up to a factor; None where it is none."""
    parameters = [g for g in screening.gradients if g.kind == "parameter"]
    measured = [s for g in parameters if (s := screening.slopes(g)) is not None]
    mine = [replaced(s, analytic=own_slopes(s, own)) for s in measured]
    if not mine or not all(np.isfinite(s.analytic).all() for s in mine):
        return None
    for candidate in screening.candidates:
        slopes = [(s, screening.slope(candidate, s)) for s in mine]
        fits = [fitted(s, slope, slope[:, None]) for s, slope in slopes]
        factors = [float(f[0]) for f in fits if f is not None]
        fits_all = len(factors) == len(mine) and np.allclose(factors, factors[0], rtol=CLOSE, atol=0)
        alike = fits_all and factors[0] > 0 and _changes_alike(screening, own, candidate, factors[0])
        if alike and _is_gone_on_with(screening, candidate.outputs):
            reading = min(candidate.readings, key=lambda r: abs(np.log(factors[0] / r.weight)))
            factor = as_written(factors[0] / reading.weight, sizes_in(screening.program))
            return Explanation(candidate, reading, factor, parameters[0], 1.0, None, True)
    return None


def is_only_shown(screening: Screening, own: Variable) -> bool:
    """Whether it shows how far training has come, a root of the mean square: the gradients are those of a standard loss
    with which it does not go where the data are others. A penalty goes with whatever that is added to."""
    found, rng = screening.explained(), np.random.default_rng(0)
    if found is None:
        return False
    ratios = []
    for root in islice(_data(screening), MOVED):
        for _ in range(MOVED):
            other = root.value + (float(np.std(root.value)) or 1.0) * rng.standard_normal(root.value.shape)
            mine, standard = screening.changes(found.candidate, own, {root.path: other})
            ratios += [mine / standard] if standard and np.isfinite(mine) else []
    return bool(ratios) and not np.allclose(ratios, ratios[0], rtol=APART)


def _is_gone_on_with(screening: Screening, outputs: Sequence[Variable]) -> bool:
    """Whether a gradient rests on these, or they are those of a forward that the loss alone runs."""
    rng = np.random.default_rng(0)
    return _changed(screening, {v.ref: nudged(v.array, rng) for v in outputs})


def _changes_alike(screening: Screening, own: Variable, candidate: Candidate, factor: float) -> bool:
    """Whether that is so far away, too: the slope of a penalty is zero where the parameters are."""
    loss, standard = screening.changes(candidate, own)
    return bool(np.isclose(loss, factor * standard, rtol=CLOSE, atol=0))


def _data(screening: Screening) -> Iterator[Root]:
    """What the step is handed or holds, less its parameters."""
    moved = {g.of.ref for g in screening.gradients}
    for root in screening.program.roots.values():
        array = root.value
        fits = isinstance(array, np.ndarray) and array.dtype.kind == "f" and 1 < array.size <= LARGE
        if fits and root.path not in moved:
            yield root


def _in_part(array: Any) -> Iterator[Any]:
    """The array with the first, a middle or the last slice of its first or last axis moved."""
    for axis in {0, array.ndim - 1}:
        for i in {0, array.shape[axis] // 2, array.shape[axis] - 1}:
            other = array.copy()
            at = (slice(None),) * axis + (i,)
            other[at] = nudged(other[at], np.random.default_rng(0))
            yield other


def _felt(screening: Screening, own: Variable, path: str, other: Any) -> bool | None:
    """Whether another value there changes both the loss and a gradient; None where it is one of them alone."""
    program = screening.program
    now = program.seen([own], {path: other})
    loss = not _is_as_it_was(own, now)
    return loss if loss == _changed(screening, {path: other}) else None


def _changed(screening: Screening, replace: Mapping[Ref, Any]) -> bool:
    """Whether any gradient is another one then."""
    run = {(v.key, v.path): v.array for v in screening.program.backward(replace).values}
    last = (v for g in screening.gradients for v in g.versions[-1:])
    return any(not np.array_equal(run.get((v.key, v.path), v.array), v.array, equal_nan=True) for v in last)
