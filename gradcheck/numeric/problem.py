"""A function at a point, made ready: its value and noise there, and how to search along a line through it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradcheck.errors import UsageError
from gradcheck.numeric.evaluation import Array, Evaluation, Function
from gradcheck.numeric.noise import Noise, noise_floor
from gradcheck.numeric.steps import LARGEST, power_of_two, relative_start
from gradcheck.numeric.walk import Point, Search

ENOUGH = 1e-9
"""The relative error bound at which no further evaluation is spent; the error itself is far less."""
UNSIGNED_LEVELS, SIGNED_LEVELS = 3, 2
"""Pairs in a table: without signatures the table itself must notice a kink, which takes a third."""


@dataclass(frozen=True, slots=True)
class Problem:
    """f near x."""

    f: Function
    x: Array
    base: Evaluation
    noise: Noise
    levels: int
    spent: int
    """Evaluations made to prepare it."""

    @property
    def usable(self) -> bool:
        return math.isfinite(self.noise.level) and bool(np.isfinite(self.x).all())

    @property
    def eps(self) -> float:
        return float(np.finfo(self.x.dtype).eps)

    @property
    def origin(self) -> Point:
        return 0.0, float(self.base.value.real), self.base.signature

    def run(self, x: Array, t: float) -> Point:
        """f at a perturbed x; arithmetic that fails there counts as nan."""
        try:
            evaluation = self.f(x)
        except (ArithmeticError, ValueError) as error:
            if isinstance(error, ValueError) and "math domain error" not in str(error):
                raise
            return t, math.nan, ()
        return t, float(evaluation.value.real), evaluation.signature

    def search(
        self,
        unit: float,
        slope: float,
        size: float,
        *,
        stride: float = 1.0,
        climb: bool = True,
        reference: float = 0.0,
    ) -> Search:
        """A search in t, where a t of `unit` is a change of x by its scale, and of f by about `slope`.

        size: |x| / |dx/dt|, whose rounding limits the step from below. stride: how much longer
        than usual the first step is to be. climb, reference: as in Search.
        """
        ratio = self.noise.level / slope if slope > 0 else 4 * self.eps
        start = power_of_two(unit * min(stride * relative_start(ratio), LARGEST / 8))
        smallest = power_of_two(max(32 * self.eps * size, start * 2.0**-36, 8 * self.noise.grain * unit))
        return Search(
            start=max(start, 4 * smallest),
            smallest=smallest,
            largest=unit * LARGEST,
            sigma=self.noise.level,
            unit=self.noise.unit,
            rounding=self.eps * size / 2,
            levels=self.levels,
            enough=ENOUGH,
            climb=climb,
            reference=reference,
        )


def prepare(
    f: Function,
    x: Array,
    base: Evaluation | None,
    noise: Noise | None,
    levels: int | None,
    rng: np.random.Generator | None,
) -> Problem:
    """Evaluate what of base and noise was not given."""
    x = np.asarray(x)
    if x.dtype.kind in "biu":
        x = x.astype(np.float64)
    if x.dtype.kind != "f":
        raise UsageError(f"x must be an array of real numbers, got dtype {x.dtype}")
    spent = 0
    if base is None:
        base, spent = f(x.copy()), 1
    if noise is None:
        noise = noise_floor(f, x, rng=rng or np.random.default_rng(0), base=base)
        spent += noise.evaluations
    return Problem(f, x, base, noise, levels or (SIGNED_LEVELS if base.signature else UNSIGNED_LEVELS), spent)
