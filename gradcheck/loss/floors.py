"""Floors inside logarithms: log(p + 1e-8), which p - y, the gradient that goes with it, leaves out.

The loss's own gradient differs from p - y by about the floor over p. Held against it, p - y would be wrong by no more
than the floor explains, so the loss is taken without the floor where the gradient then agrees, and only there.
"""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np

from gradcheck.capture.program import Scalar, Variable
from gradcheck.compare import BLUNT, agreement, measure
from gradcheck.gradients import Gradient, laid_out
from gradcheck.loss.forms import floored
from gradcheck.loss.screening import CLOSE, Screening, own_slopes
from gradcheck.loss.standard import Candidate

SMALL = 1e-3
"""What is added in a logarithm and is larger than this is no floor."""


def without_floor(screening: Screening, own: Variable) -> tuple[Scalar, float] | None:
    """The code's own loss less the floor in its logarithm, and the floor; None where no gradient asks for that."""
    files = dict.fromkeys(v.site.file for v in screening.program.trace.values)
    floors = dict.fromkeys(floor for file in files for floor in _floors(file))
    if not floors:
        return None
    for gradient in screening.gradients:
        found = _written_with(screening, own, gradient)
        if found is not None and not _holds(screening, _plain(own), gradient):
            for floor in floors:
                scalar = _less(own, *found, floor)
                if _holds(screening, scalar, gradient):
                    return scalar, floor
    return None


def _written_with(screening: Screening, own: Variable, gradient: Gradient) -> tuple[Candidate, float] | None:
    """The standard loss with a logarithm that the code's own is, but for a floor, and its weight."""
    slopes = screening.slopes(gradient)
    if slopes is None:
        return None
    written = own_slopes(slopes, own)
    for candidate in screening.candidates:
        if candidate.form.name in ("softmax cross-entropy", "binary cross-entropy"):
            slope = screening.slope(candidate, slopes)
            for reading in candidate.readings:
                if np.abs(written - reading.weight * slope).max() <= CLOSE * np.abs(written).max():
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


def _holds(screening: Screening, scalar: Scalar, gradient: Gradient) -> bool:
    analytic, of = laid_out(gradient), gradient.of
    rng = np.random.default_rng(0)
    truth = measure(lambda a: screening.program.evaluate(scalar, {of.ref: a}), of.array, rng=rng, full=False)
    if analytic is None or truth.reason:
        return False
    held = agreement(truth, analytic, scale=None)
    return held.holds and math.isfinite(held.resolution) and held.resolution < BLUNT


def _floors(file: str) -> tuple[float, ...]:
    """Small numbers that the file adds to something inside a logarithm: written there, or by a name that has one."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ()
    named = dict(_numbers(tree))
    added = [
        term
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) == "log"
        for sum_ in ast.walk(call)
        if isinstance(sum_, ast.BinOp) and isinstance(sum_.op, ast.Add)
        for term in (sum_.left, sum_.right)
    ]
    found = [t.value if isinstance(t, ast.Constant) else named.get(ast.unparse(t)) for t in added]
    return tuple(dict.fromkeys(f for f in found if isinstance(f, float) and 0 < f < SMALL))


def _numbers(tree: ast.Module) -> list[tuple[str, float]]:
    """What plain numbers are assigned to or are defaults of."""
    found: list[tuple[str, float]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and type(node.value.value) is float:
            found += [(ast.unparse(t), node.value.value) for t in node.targets]
        elif isinstance(node, ast.arguments):
            pairs = zip(reversed([*node.posonlyargs, *node.args]), reversed(node.defaults))
            found += [(a.arg, d.value) for a, d in pairs if isinstance(d, ast.Constant) and type(d.value) is float]
    return found
