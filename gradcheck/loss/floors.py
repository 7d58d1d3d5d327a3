"""Floors inside logarithms: log(p + 1e-8), which p - y, the gradient that goes with it, leaves out.

The loss's own gradient differs from p - y by about the floor over p. Held against it, p - y would be wrong by no more
than the floor explains, so the loss is taken without the floor where the gradient then agrees, and only there.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.program import Scalar, Variable
from gradcheck.compare import measure
from gradcheck.gradients import Gradient, laid_out
from gradcheck.loss.forms import floored
from gradcheck.loss.screening import CLOSE, Screening, own_slopes
from gradcheck.loss.standard import Candidate
from gradcheck.numeric import Estimate
from gradcheck.patch import read
from gradcheck.small_numbers import added

Array = NDArray[np.float64]

SMALL = 1e-3
"""What is added in a logarithm and is larger than this is no floor."""
AROUND = 100.0
"""What a floor changes of a derivative, relative to it and to the floor, where probabilities are no less than 0.01."""
SURE = 0.1
"""An error of the share at which no more gradients are asked."""
WRONG = 10
"""Error bars by which a gradient that is right may be off after the fit."""


def without_floor(screening: Screening, own: Variable) -> tuple[Scalar, float] | None:
    """The code's own loss less the floor in its logarithm, and the floor; None where no gradient asks for that."""
    files = dict.fromkeys(v.site.file for v in screening.program.trace.values)
    roots = screening.program.roots.values()
    known = {r.name: r.value for r in roots if isinstance(r.value, float)}  # eps of a settings module's object
    floors = dict.fromkeys(floor for file in files for floor in _floors(file, known))
    if not floors:
        return None
    close = max(CLOSE, AROUND * max(floors))
    found = next((f for g in screening.gradients if (f := _written_with(screening, own, g, close)) is not None), None)
    if found is None:
        return None
    shares = ((floor, _left_out(screening, own, _less(own, *found, floor))) for floor in floors)
    floor = next((floor for floor, share in shares if abs(share - 1) < 0.5), None)
    return None if floor is None else (_less(own, *found, floor), floor)


def _left_out(screening: Screening, own: Variable, less: Scalar) -> float:
    """How much of what the floor adds to the derivative the gradients leave out: 1 all, 0 nothing, nan can't be told.

    One gradient alone may be too blunt to tell, and one that is wrong says nothing: all that fit are taken together.
    """
    sum_, weights = 0.0, 0.0
    for gradient in screening.gradients:
        share, error = _share(screening, own, less, gradient)
        if error < math.inf:
            sum_, weights = sum_ + share / error**2, weights + 1 / error**2
        if weights > SURE**-2:
            break
    return sum_ / weights if weights > 1 else math.nan


def _share(screening: Screening, own: Variable, less: Scalar, gradient: Gradient) -> tuple[float, float]:
    """What one gradient says of it, and the error of that: along a direction it is s (loss + share (less - loss))."""
    analytic, of = laid_out(gradient), gradient.of
    if analytic is None:
        return math.nan, math.inf
    difference = replace(less, function=lambda v: less.function(v) - v[own.name])
    by_own, by_floor = (_along(screening, scalar, of) for scalar in (_plain(own), difference))
    error = np.array([float(e.error) for _, e in by_own])
    said = np.array([np.vdot(np.asarray(analytic, float), v) for v, _ in by_own])
    columns = np.array([[float(e.derivative) for _, e in lines] for lines in (by_own, by_floor)]).T
    if not (np.isfinite(columns).all() and np.isfinite(error).all() and error.all()):
        return math.nan, math.inf
    scale = 1 / np.abs(columns).max(axis=0, initial=1e-300)
    weighted = columns * scale / error[:, None]
    (s, t), _, rank, _ = np.linalg.lstsq(weighted, said / error, rcond=None)
    off = np.abs(weighted @ (s, t) - said / error)
    if rank < 2 or s == 0 or off.max() > WRONG:
        return math.nan, math.inf
    spread = math.sqrt(np.linalg.inv(weighted.T @ weighted)[1, 1])
    unit = scale[1] / (s * scale[0])
    return t * unit, spread * abs(unit)


def _along(screening: Screening, scalar: Scalar, of: Variable) -> tuple[tuple[Array, Estimate], ...]:
    rng = np.random.default_rng(0)
    program = screening.program
    return measure(lambda a: program.evaluate(scalar, {of.ref: a}), of.array, rng=rng, full=False, count=6).along


def _written_with(
    screening: Screening, own: Variable, gradient: Gradient, close: float
) -> tuple[Candidate, float] | None:
    """The standard loss with a logarithm that the code's own is, as close as a floor lets it be, and its weight."""
    slopes = screening.slopes(gradient)
    if slopes is None:
        return None
    written = own_slopes(slopes, own)
    for candidate in screening.candidates:
        if candidate.form.name in ("softmax cross-entropy", "binary cross-entropy"):
            slope = screening.slope(candidate, slopes)
            for reading in candidate.readings:
                if np.abs(written - reading.weight * slope).max() <= close * np.abs(written).max():
                    return candidate, reading.weight
    return None


def _less(own: Variable, candidate: Candidate, weight: float, floor: float) -> Scalar:
    """own + weight * (the standard loss without the floor - the same with it)"""
    variables = dict(sorted({**candidate.variables(), own.name: own}.items(), key=lambda item: item[1].order))
    plain, written = candidate.form.function, floored(candidate.form, floor)
    o, t = candidate.names
    return Scalar(
        f"{own.name} without its floor",
        variables,
        lambda v: v[own.name] + weight * (plain(v[o], v[t]) - written(v[o], v[t])),
    )


def _plain(own: Variable) -> Scalar:
    return Scalar(own.name, {own.name: own}, lambda values: values[own.name])


def _floors(file: str, known: Mapping[str, float]) -> tuple[float, ...]:
    """Small numbers that the file adds to something inside a logarithm: written there, or by a name that has one."""
    source = read(file)
    try:
        tree = ast.parse(source.text if source is not None else "")
    except (SyntaxError, ValueError):
        return ()
    calls = [call for call in ast.walk(tree) if isinstance(call, ast.Call)]
    logarithms = [c for c in calls if getattr(c.func, "attr", getattr(c.func, "id", "")) == "log"]
    return tuple(dict.fromkeys(number for c in logarithms for _, number in added(tree, SMALL, c, known)))
