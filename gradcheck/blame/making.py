"""Wrong gradients told at the line that makes them wrong, where that is not the last one that touches them.

An update `theta -= rate * g` is right where it moves its parameter by exactly something that was computed for it alone.
Of several lines that write into one gradient, those that leave alone what is wrong of it are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judged import Judged
from gradcheck.blame.rerun import again, other_than
from gradcheck.blame.versions import judge_versions
from gradcheck.capture.program import Program
from gradcheck.capture.rates import names_in
from gradcheck.capture.record import Value
from gradcheck.capture.rewrite import CROSSING
from gradcheck.capture.steps import BINDS, EDITS
from gradcheck.compare import CARE, Verdict
from gradcheck.gradients import Gradient, at_origin

ALIKE = 1e-6
"""How far an update's rounding may take what it moved by from what it was handed, relative to the largest entry."""


def at_their_making(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """The gradients, each that an update is handed as it is told where it is computed."""
    made = {j.gradient.name: v for j in judged if (v := _moved_by(program, j)) is not None}
    own = {name: v for name, v in made.items() if _for_it_alone(program, name, v, judged)}
    return [_told_at(program, j, own[j.gradient.name]) if j.gradient.name in own else j for j in judged]


def _moved_by(program: Program, judged: Judged) -> Value | None:
    """What the parameter of a wrong gradient is moved by, where that is a value of the backward."""
    gradient = judged.gradient
    sound = bool(np.isfinite(gradient.array).all() and gradient.array.any())  # of zeros a sum begins, and comes to none
    if judged.verdict is not Verdict.FAIL or gradient.rate is None or not sound:
        return None
    names, values = names_in(gradient.value.site), program.trace.values
    at = next(i for i, v in enumerate(values) if v.key == gradient.key)
    computed = (v for v in reversed(values[:at]) if v.plain and v.site.kind in BINDS - {"element", "loop"})
    handed = (v for v in computed if v.site.last in names)
    made = next((v for v in handed if _is_same(v, gradient)), None)
    return made if made is not None and not _is_of_the_forward(program, made) else None


def _for_it_alone(program: Program, name: str, value: Value, judged: Sequence[Judged]) -> bool:
    """Whether no other gradient rests on what the update is handed."""
    others = [j for j in judged if j.gradient.name != name]
    now = again(program, others, {value.key: other_than(value.array)})
    return all(np.array_equal(now.get(j.gradient.key, j.gradient.array), j.gradient.array) for j in others)


def _is_of_the_forward(program: Program, value: Value) -> bool:
    return program.loss({value.key: other_than(value.array)}).value != program.base_value


def _is_same(value: Value, gradient: Gradient) -> bool:
    a = gradient.array
    return value.array.shape == a.shape and bool(np.allclose(value.array, a, rtol=0, atol=ALIKE * np.abs(a).max()))


def _told_at(program: Program, judged: Judged, made: Value) -> Judged:
    gradient = replace(judged.gradient, value=at_origin(program, made), versions=(made,), rate=None)
    return judge_versions(program, gradient, judged.truth)


def at_their_writing(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """The gradients, each that several lines write into at the last of them that has written what is wrong of it."""
    right = [j for j in judged if j.right]
    return [_written_at(program, j, right) if j.verdict is Verdict.FAIL else j for j in judged]


def _written_at(program: Program, judged: Judged, right: Sequence[Judged]) -> Judged:
    gradient, wrong = judged.gradient, _wrong_entries(judged)
    if wrong is None:
        return judged
    own = (v for v in program.trace.values if v.identity == gradient.value.identity and v.plain)
    versions = [v for v in own if v.site.kind not in CROSSING]
    for before, after in reversed(list(pairwise(versions))):
        if before.array.shape != after.array.shape or after.site.kind not in EDITS | {"assign", "unpack", "return"}:
            break
        if after.site.form == "alias" and _is_sound(program, before, right):
            break  # da = dq: no line that made dq is wrong
        changed = before.array != after.array
        if changed.any() and after.site.kind not in EDITS:
            break
        if changed.shape == wrong.shape and (changed & wrong).any():
            return replace(judged, gradient=replace(gradient, value=replace(gradient.value, site=after.site)))
    return judged


def _is_sound(program: Program, value: Value, right: Sequence[Judged]) -> bool:
    """Whether it is a right gradient, or one rests on it."""
    if any(v.key == value.key for j in right for v in j.gradient.versions):
        return True
    now = again(program, right, {value.key: other_than(value.array)})
    return any(not np.array_equal(now.get(j.gradient.key, j.gradient.array), j.gradient.array) for j in right)


def _wrong_entries(judged: Judged) -> NDArray[np.bool_] | None:
    """Which entries of a gradient are wrong, in its own layout; None where that is not known, or where all are."""
    own = judged.gradient.array if judged.fed is None else judged.fed
    truth, found = judged.truth.map, judged.agreement
    if truth is None or found is None or found.holds or own.shape != judged.truth.shape:
        return None
    right, bar = np.asarray(truth.derivative), CARE * np.asarray(truth.error)
    return np.asarray(~(np.abs(own - right) <= bar + ALIKE * np.abs(right).max()))
