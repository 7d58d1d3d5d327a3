"""The dot test of one backward step: is a gradient what its line should make of the gradients that the line was handed?

A step takes the gradients G_u of the values u that come next in the forward, and makes of them the gradient of v:
g = Σ_u (∂u/∂v)ᵀ G_u. That is the derivative of the scalar Σ_u ⟨G_u, u(v)⟩ with the G_u held fast, right or wrong, so
the step can be checked by itself, whatever has gone wrong before it, and whatever the sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.program import Program, Ref, Scalar, Variable
from gradcheck.compare import Truth, measure
from gradcheck.evaluation import Array, Evaluation, Signature

Handed = tuple[Variable, NDArray[Any] | None]
"""A value of the forward, and the code's gradient of it in its layout and in units of the loss; None for one that has
no layout."""

MOST = 4
"""Values next to v that a step may take gradients of; what passes by them is taken from the loss itself."""


def local_truth(program: Program, v: Variable, handed: Sequence[Handed], rng: np.random.Generator) -> Truth | None:
    """What the gradient of v should be, made of the gradients that the code had of what comes next.

    `handed` are the values of the forward that the code has gradients of. None where none of them comes next, or where
    one that does can't be used.
    """
    between = _between(program, v, handed)
    usable = [(u, g) for u, g in between if g is not None]
    if not usable or len(usable) < len(between):
        return None
    found = measure(lambda a: _dot(program, {v.ref: a}, usable), v.array, rng=rng, full=False)
    return None if found.reason else found


def _between(program: Program, v: Variable, handed: Sequence[Handed]) -> list[Handed]:
    """The values that come next after v: those that move with it while the ones before them are held fast."""
    moved: dict[Ref, Array] = {v.ref: v.array + 1e-3 * (np.abs(v.array) + 1e-3)}
    found: list[Handed] = []
    for u, gradient in sorted(handed, key=lambda h: h[0].order):
        if len(found) < MOST and u.order > v.order and _moves(program, u, moved):
            found.append((u, gradient))
            moved[u.ref] = u.array
    return found


def _moves(program: Program, u: Variable, replace: Mapping[Ref, Array]) -> bool:
    same = Scalar(u.name, {u.name: u}, lambda values: float(np.allclose(values[u.name], u.array, rtol=1e-12, atol=0)))
    return program.evaluate(same, replace).value == 0.0


def _dot(program: Program, replace: Mapping[Ref, Array], between: Sequence[tuple[Variable, Array]]) -> Evaluation:
    """Σ_u ⟨G_u, u⟩, each u with those before it held fast, and what passes by all of them: a penalty on the weights."""
    total: complex | float = 0.0
    signature: Signature = ()
    held: dict[Ref, Array] = dict(replace)
    for u, gradient in between:
        found = program.evaluate(_dotted(u, gradient), held)
        total, signature = total + found.value, signature + found.signature
        held[u.ref] = u.array
    past = program.loss(held)
    return Evaluation(total + past.value, signature + past.signature)


def _dotted(u: Variable, gradient: Array) -> Scalar:
    return Scalar(u.name, {u.name: u}, lambda values: np.sum(gradient * values[u.name]))
