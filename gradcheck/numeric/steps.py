"""How large a step to begin with, from the scale of the value, the noise of f and the precision of x."""

from __future__ import annotations

import math

import numpy as np

from gradcheck.numeric.evaluation import Array

LARGEST_START = 1e-3
"""Of the value's scale. Ten times more crosses ReLU kinks in ordinary networks; the ladder may still grow."""

LARGEST = 0.25
"""Of the value's scale: the ladder climbs no higher."""


def rms(x: Array) -> float:
    """Root mean square of the finite entries, without overflow; 0 for an empty or zero array."""
    size = np.abs(x[np.isfinite(x)]).astype(np.float64, copy=False)
    largest = float(size.max(initial=0.0))
    return largest * math.sqrt(float(np.mean((size / largest) ** 2))) if largest > 0 else 0.0


def scale(x: Array) -> float:
    """The size of a change that matters to x: its rms, or 1 where x says nothing (all zeros, empty)."""
    return rms(x) or 1.0


def entry_scales(x: Array) -> Array:
    """`scale` for every entry: its own size, but no less than the typical size, so that zeros move too.

    The typical size is the median of the non-zero entries: one entry of 1e8 must not set the others' steps.
    """
    size = np.abs(x).astype(np.float64)
    moving = size[(size > 0) & np.isfinite(size)]
    typical = float(np.median(moving)) if moving.size else 1.0
    scales: Array = np.where(np.isfinite(size), np.maximum(size, typical), typical)
    return scales


def relative_start(noise_to_signal: float) -> float:
    """The first step as a fraction of the value's scale, given noise / (change of f over that scale).

    Two central differences leave a truncation of order h⁴ against a noise of order 1/h: balanced at the
    noise's fifth root. Beyond 1e-3 only the more careful cube root (one central difference) counts.
    """
    ratio = min(max(noise_to_signal, 1e-17), 1e-4)
    return min(math.pow(ratio, 0.2), max(LARGEST_START, math.pow(ratio, 1 / 3)))


def power_of_two(h: float) -> float:
    """The power of two nearest below h, so that x + h and h / 2 are exact whenever they can be."""
    return math.ldexp(0.5, math.frexp(h)[1])
