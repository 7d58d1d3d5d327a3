"""What a backward pass comes to, and whether a mutant's is the same: then it is no bug, and is not counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.pairing import is_update
from gradcheck.capture.program import Program
from gradcheck.source import frames_of

Array = NDArray[Any]
ROUNDING = 1e-9
"""Two ways of writing the same sums differ by far less, relative to a tensor's scale."""
NEGLIGIBLE = 1e-14
"""And no tensor is told from zero that is smaller than this, relative to the largest of them."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The gradients of one step, and how far it moves the parameters."""

    gradients: Mapping[str, Array]
    """By name, as they stand last."""
    moves: Mapping[str, Array]
    """Changes of what was updated, by name."""
    raised_at: tuple[str, int] | None
    """File and line of the user's code at which it raised."""


def behaviour(program: Program) -> Behaviour:
    """What an open program's step came to."""
    error = program.trace.raised
    frames = frames_of(error) if error is not None else []
    at = (frames[-1].filename, frames[-1].lineno or 0) if frames else None
    moves = {}
    for group in program.gradients:
        later = (v for v in program.trace.values[program.first_gradient :] if is_update(v, group.of))
        for value in later:
            moves[group.of.name] = _change(value.array, group.of.array)
    return Behaviour({g.name: g.versions[-1].array for g in program.gradients}, moves, at)


def _change(new: Array, old: Array) -> Array:
    return new - old if new.shape == old.shape else new


def same(a: Behaviour, b: Behaviour) -> bool:
    """Whether two steps agree in every gradient and every update, up to rounding."""
    return (
        a.raised_at == b.raised_at
        and _agree(list(a.gradients.items()), list(b.gradients.items()))
        and _agree(list(a.moves.items()), list(b.moves.items()))
    )


def _agree(a: Sequence[tuple[str, Array]], b: Sequence[tuple[str, Array]]) -> bool:
    if [n for n, _ in a] != [n for n, _ in b]:
        return False
    largest = max((float(np.abs(x).max(initial=0.0)) for _, x in a), default=0.0)
    return all(_close(x, y, largest) for (_, x), (_, y) in zip(a, b))


def _close(x: Array, y: Array, largest: float) -> bool:
    if x.shape != y.shape:
        return False
    size = float(np.abs(x).max(initial=0.0))
    # a NaN is equal to nothing
    return bool((np.abs(x - y) <= ROUNDING * size + NEGLIGIBLE * largest).all())
