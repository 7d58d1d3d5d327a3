"""Shapes follow the convention: each gradient has its value's shape, each named value the one that the spec gives."""

from __future__ import annotations

import numpy as np

from gradcheck.blame.judged import in_layout
from gradcheck.gradients import Gradient, updated
from gradcheck.properties.outcome import HELD, Outcome, difference, nothing, place, shape
from gradcheck.properties.subject import Opened
from gradcheck.shapes import Bindings, Spec, match_all


def shapes_follow(opened: Opened) -> Outcome:
    """A gradient in another layout is right only if the update puts it right."""
    found = [_gradient(opened, gradient) for gradient in opened.gradients]
    if opened.blueprint.spec is not None:
        found.append(_values(opened, opened.blueprint.spec))
    return next((f for f in found if f.failure), None) or next((f for f in found if not f.held), HELD)


def _gradient(opened: Opened, gradient: Gradient) -> Outcome:
    of = gradient.of.array
    own, layout = in_layout(gradient.array, of.shape)
    if layout is None and own is not None:
        return HELD
    seen = updated(opened.program, opened.program.trace, gradient) if own is not None else None
    if own is not None and seen is not None and seen[1].shape == of.shape:
        if not np.abs(own).max(initial=0.0) > 0:
            return nothing(f"{gradient.name} is zero, so that its update shows nothing")
        step = float(np.vdot(seen[1], own)) / float(np.vdot(own, own))
        if not difference(seen[1], step * own, float(np.abs(of).max(initial=0.0)), close=1e-6):
            return HELD
    sentence = f"{gradient.name} has shape {shape(gradient.array)}, {gradient.of.name} has {shape(of)}"
    line = (
        f"{gradient.name} computed at {place(gradient.value)} has shape {shape(gradient.array)}, expected {shape(of)}"
    )
    return Outcome(sentence, (line,))


def _values(opened: Opened, spec: Spec) -> Outcome:
    shapes = {n: v.array.shape for n, v in opened.program.variables.items() if n in spec}
    bound = Bindings()
    for symbol, size in opened.sizes.items():
        bound = bound.bind(symbol, size, "the drawn network")
    rows, _ = match_all(spec, shapes, bindings=bound)
    wrong = next((row for row in rows if row.ok is False), None)
    return HELD if wrong is None else Outcome(wrong.reason, (wrong.reason,))
