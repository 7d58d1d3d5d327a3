"""A small enough step along minus the gradient lowers the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.blame import in_layout
from gradcheck.gradients import Gradient, updated
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
    moves = _moves(opened)
    if not moves:
        return missing("no parameter has a gradient of its shape")
    at: dict[Any, Array] = {g.of.ref: np.asarray(g.of.array) for g, _ in moves}
    along: dict[Any, Array] = {g.of.ref: d for g, d in moves}
    slope = sum(float(np.vdot(d, d)) for d in along.values())
    if not np.isfinite(slope) or slope <= 1e-12 * max(1.0, abs(base)):
        return nothing("the gradient is zero")
    for k in range(HALVINGS):
        t = 2.0**-k
        if t * slope < 1e-13 * max(abs(base), 1e-3):
            break
        value = float(np.real(program.loss({ref: a - t * along[ref] for ref, a in at.items()}).value))
        if value < base:
            return HELD
        last = t, value
    names = ", ".join(g.name for g, _ in moves)
    line = f"loss {number(base)}; {number(last[1])} after a step of {last[0]:.3g} along minus {names}, no less for longer ones"
    return Outcome("no step along minus the gradient lowers the loss", (line,))


def _moves(opened: Opened) -> list[tuple[Gradient, Array]]:
    """Each parameter's gradient in its value's layout, and with the sign in which the update takes it off."""
    program, found = opened.program, []
    for g in opened.gradients:
        update = updated(program, program.trace, g)
        if g.kind != "parameter" and not (update is not None and g.kind == "intermediate" and _is_leaf(opened, g)):
            continue
        own, _ = in_layout(g.array, g.of.array.shape)
        if own is None:
            continue
        if _is_square_transposed(opened, g):
            own = own.T
        rises = update is not None and update[1].shape == own.shape and float(np.vdot(update[1], own)) > 0
        found.append((g, np.asarray(-own if rises else own)))
    return found


def _is_leaf(opened: Opened, gradient: Gradient) -> bool:
    """A script's parameter: assigned by the code itself, and changed again by its update."""
    site = gradient.of.site
    return site is not None and any(
        v.name == gradient.of.name and v.site.kind in ("assign", "augment", "modify")
        for v in opened.program.trace.values[opened.program.first_gradient :]
    )


def _is_square_transposed(opened: Opened, gradient: Gradient) -> bool:
    axes = opened.blueprint.axes
    mine, of = axes.get(gradient.name, ()), axes.get(gradient.of.name, ())
    return gradient.array.shape == gradient.of.array.shape and len(mine) == 2 and mine != of and mine == of[::-1]
