"""A small enough step along minus the gradient lowers the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.blame.judged import in_layout
from gradcheck.gradients import Gradient, updated
from gradcheck.loss.falling import may_be_raised
from gradcheck.properties.drawing import Array
from gradcheck.properties.outcome import HELD, Outcome, missing, nothing, number
from gradcheck.properties.subject import Opened

HALVINGS = 40


def step_descends(opened: Opened) -> Outcome:
    """All parameters together move by 1, 1/2, 1/4, ... of their gradients, until the loss is lower."""
    program = opened.program
    base = program.base_value
    if not np.isfinite(base):
        return nothing("the loss is not finite")
    if may_be_raised(program, program.scalar) and any(g.rate is not None for g in opened.gradients):
        return missing("what goes up may be meant to")
    moves = _moves(opened)
    if not moves:
        return missing("no parameter has a gradient of its shape")
    at: dict[Any, Array] = {g.of.ref: np.asarray(g.of.array) for g, _, _ in moves}
    along: dict[Any, Array] = {g.of.ref: d for g, d, _ in moves}
    slope = sum(float(np.vdot(d, d)) for d in along.values())
    if not slope > 1e-9 * opened.loss_size():
        return nothing("the gradient is zero" if np.isfinite(slope) else "the gradient is not finite")
    for k in range(HALVINGS):
        t = 2.0**-k
        if t * slope < 1e-13 * opened.loss_size():
            break
        value = float(np.real(program.loss({ref: a - t * along[ref] for ref, a in at.items()}).value))
        if value < base:
            return HELD
        last = t, value
    names = ", ".join(g.name for g, _, _ in moves)
    rises = any(rise for _, _, rise in moves)
    way = f"plus {names}, as the update goes" if rises else f"minus {names}"
    line = (
        f"loss {number(base)}; {number(last[1])} after a step of {last[0]:.3g} along {way}, no less after longer ones"
    )
    sentence = "no step the way the update goes" if rises else "no step along minus the gradient"
    return Outcome(f"{sentence} lowers the loss", (line,))


def _moves(opened: Opened) -> list[tuple[Gradient, Array, bool]]:
    """Each parameter's gradient in its value's layout, as it is taken off; and whether the update adds it instead."""
    program, found = opened.program, []
    for g in opened.parameters:
        update = updated(program, program.trace, g)
        own, _ = in_layout(g.array, g.of.array.shape)
        if own is None:
            continue
        if opened.keeps_transposed(g):
            own = own.T
        rises = update is not None and _is_multiple(update[1], own)
        found.append((g, np.asarray(-own if rises else own), rises))
    return found


def _is_multiple(change: Array, gradient: Array) -> bool:
    """Whether the update is the gradient times a positive number: plain ascent, not the momentum of earlier steps."""
    size = float(np.linalg.norm(gradient))
    if change.shape != gradient.shape or not size:
        return False
    factor = float(np.vdot(change, gradient)) / size / size
    return factor > 0 and float(np.linalg.norm(change - factor * gradient)) < 1e-6 * factor * size
