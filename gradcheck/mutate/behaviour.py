"""What a backward pass comes to, and whether a mutant's is the same: then it is no bug, and is not counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.pairing import Group, is_update
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
    """Of parameters and inputs, by name, as they stand last."""
    intermediates: Mapping[str, Array]
    """Of what is computed on the way: a constant factor on one that no other sees is a convention."""
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
    last = {g.name: (g.of.order < 0 or g.of.name in moves, _last(g)) for g in program.gradients}
    held, passed = ({n: a for n, (own, a) in last.items() if own is which} for which in (True, False))
    return Behaviour(held, passed, moves, at)


def _last(group: Group) -> Array:
    """Its last version of its value's size: in a loop over layers a name goes on to mean another layer's."""
    sized = [v.array for v in group.versions if v.array.size == group.of.array.size]
    return sized[-1] if sized else group.versions[-1].array


def _change(new: Array, old: Array) -> Array:
    return new - old if new.shape == old.shape else new


def same(a: Behaviour, b: Behaviour) -> bool:
    """Whether two steps agree in every gradient and every update, up to rounding."""
    scaled = {name: x * _factor(x, b.intermediates.get(name)) for name, x in a.intermediates.items()}
    pairs = ((a.gradients, b.gradients), (scaled, b.intermediates), (a.moves, b.moves))
    return a.raised_at == b.raised_at and all(_agree(x, y) for x, y in pairs)


def _factor(a: Array, b: Array | None) -> float:
    """The factor between two arrays, as least squares has it; 1 where there is none."""
    if b is None or a.shape != b.shape or not np.any(a):
        return 1.0
    factor = float(np.vdot(a, b) / np.vdot(a, a))
    return factor if np.isfinite(factor) and factor else 1.0


def _agree(a: Mapping[str, Array], b: Mapping[str, Array]) -> bool:
    if a.keys() != b.keys():
        return False
    largest = max((float(np.abs(x).max(initial=0.0)) for x in a.values()), default=0.0)
    return all(_close(x, b[name], largest) for name, x in a.items())


def _is_its_row(x: Array, y: Array) -> bool:
    """Whether a mutant's y is (3,) where x is (1, 3): what it is taken from keeps its shape."""
    axes = len(x.shape) - len(y.shape)
    return axes > 0 and x.size == y.size and x.shape[axes:] == y.shape


def _close(x: Array, y: Array, largest: float) -> bool:
    if x.shape != y.shape and not _is_its_row(x, y):
        return False
    size = float(np.abs(x).max(initial=0.0))
    # a NaN is equal to nothing
    return bool((np.abs(x - y) <= ROUNDING * size + NEGLIGIBLE * largest).all())
