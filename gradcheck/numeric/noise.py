"""The noise floor of a function: how far its values are off merely because they are computed.

Moré and Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33 (2011): over steps so small that f is
a straight line, the k-th differences of f are pure noise, and their size gives its standard deviation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradcheck.numeric.evaluation import Array, Evaluation, Function, same_side
from gradcheck.numeric.steps import entry_scales

POINTS = 7
FINE = (2.0**-30, 2.0**-38, 2.0**-45)
"""Spacings, relative to x: the first usually serves, the next where f bends within it."""
COARSE = (2.0**-20, 2.0**-13)
"""Where f stands still over the fine ones, or x has no room for them."""
SUSPICIOUS = 1000.0
"""Times the rounding of f: a level above it may be f varying fast, and a smaller spacing tells."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of f near one point, shared by all estimates made there."""

    level: float
    """Standard deviation of f's error, in units of f; at least the rounding of f's own value."""
    unit: float
    """The rounding of f's values, relative to them: eps of the precision they seem to be computed in."""
    slope: float
    """|d/dt f(x + t g s)| for the Gaussian direction g tried, s the entries' scales; 0 if lost in noise."""
    grain: float
    """A change of x, relative to its entries' scales, at which f stood still: smaller steps see nothing."""
    deterministic: bool
    """Whether f gave the same value twice at x."""
    evaluations: int
    """How often f was called."""


def noise_floor(f: Function, x: Array, *, rng: np.random.Generator, base: Evaluation | None = None) -> Noise:
    """Estimate f's absolute noise at x from 8 evaluations (a few more where the first spacing is unfit).

    x: any shape, float32 or float64. All points but x itself lie on one side of it, so that an x that sits on
    a kink does not make the kink look like noise. A function that is nan or inf at x has noise inf.
    """
    x = np.asarray(x)
    used = 2 if base is None else 1
    base = f(x.copy()) if base is None else base
    again = f(x.copy())
    f0, f1 = float(base.value.real), float(again.value.real)
    if not (math.isfinite(f0) and math.isfinite(f1)):
        return Noise(math.inf, 1.0, 0.0, 0.0, f0 == f1 or (f0 != f0 and f1 != f1), used)
    deterministic = f0 == f1 and same_side(base.signature, again.signature)
    unit = max(rounding_unit(base.value), rounding_unit(again.value))
    direction = rng.standard_normal(x.shape) * entry_scales(x)
    level, slope, grain = math.inf, 0.0, 0.0
    for spacing in FINE + COARSE:
        if spacing < 16 * np.finfo(x.dtype).eps or (level < math.inf and spacing in COARSE):
            continue
        if grain and spacing < grain:
            continue
        values = _values(f, x, spacing * direction)
        used += POINTS
        if values is None:
            continue
        distinct = len(set(values.tolist()))
        unit = max(unit, _unit_of(values)) if distinct > 1 else unit
        if distinct <= POINTS // 2 or spacing < 16 * unit:
            grain = max(grain, spacing)
            continue
        found = _level(values)
        if found <= level / 8:
            level, rise = found, float(abs(values[-1] - values[0])) / (POINTS - 1)
            slope = rise / spacing if rise > max(level, unit * abs(f0)) else 0.0
        if level <= SUSPICIOUS * unit * abs(f0) or not deterministic:
            break
    level = max(level if level < math.inf else 0.0, unit * abs(f0), abs(f1 - f0))
    return Noise(level, unit, slope, grain, deterministic, used)


def _values(f: Function, x: Array, spacing: Array) -> Array | None:
    """f at equally spaced points beside x; None if a kink lies among them, or f is not finite there."""
    with np.errstate(all="ignore"):
        runs = [f((x + k * spacing).astype(x.dtype)) for k in range(1, POINTS + 1)]
    values = np.array([float(run.value.real) for run in runs])
    smooth = all(same_side(runs[0].signature, run.signature) for run in runs)
    return values if smooth and np.isfinite(values).all() else None


def rounding_unit(value: complex | float) -> float:
    """The machine epsilon of the type in which a value came back (a plain float counts as float64)."""
    dtype = getattr(value, "dtype", None)
    return float(np.finfo(dtype).eps) if dtype is not None and dtype.kind in "fc" else 2.0**-52


def _unit_of(values: Array) -> float:
    """eps of float32 if every value fits into it, as chance would never have it; else that of float64."""
    with np.errstate(over="ignore"):
        narrow = bool((values.astype(np.float32) == values).all())
    return float(np.finfo(np.float32).eps) if narrow else 2.0**-52


def _level(values: Array) -> float:
    """ECnoise on equally spaced values: where three orders of differences agree, else the last three's most."""
    differences, factor, levels, noisy = values, 1.0, [], []
    for k in range(1, POINTS - 1):
        differences = np.diff(differences)
        factor *= k / (2 * (2 * k - 1))  # (k!)² / (2k)!
        peak = float(np.abs(differences).max())
        mean = peak * math.sqrt(float(np.mean((differences / peak) ** 2))) if peak > 0 else 0.0
        levels.append(math.sqrt(factor) * mean)
        noisy.append(bool(((differences[1:] > 0) != (differences[:-1] > 0)).any()))
    for k in range(1, len(levels) - 2):
        three = levels[k : k + 3]
        if noisy[k] and max(three) <= 4 * min(three):
            return max(three)
    return max(levels[-3:])
