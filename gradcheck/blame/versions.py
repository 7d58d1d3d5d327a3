"""Which version of a gradient is meant, where a name is used again: before a clip, before an activation."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judge import judge
from gradcheck.blame.judged import Judged
from gradcheck.capture.program import Program, Variable
from gradcheck.capture.rates import names_in, statement_at
from gradcheck.capture.record import Value
from gradcheck.compare import Truth, Verdict, agreement
from gradcheck.gradients import Gradient, updated
from gradcheck.source import line_of

Array = NDArray[Any]


_DERIVATIVES: tuple[Callable[[Array], Array], ...] = (
    lambda h: 1 - h * h,
    lambda h: h * (1 - h),
    lambda h: (h > 0).astype(float),
)
"""Of tanh, sigmoid and relu, by what they come to."""
_ACTIVATIONS: tuple[Callable[[Array], Array], ...] = (
    np.tanh,
    lambda z: 1 / (1 + np.exp(-z)),
    lambda z: np.maximum(z, 0),
)

_ACTIVATION = re.compile(r"(?i)tanh|sig|relu|maximum|expit|exp$|logistic|activ|nonlin|^(act|f|g)$")


def judge_versions(program: Program, gradient: Gradient, truth: Truth) -> Judged:
    """Judge a gradient at its last version, or, for a name that is used again, at an earlier one that is right.

    After `dh[h <= 0] = 0` the name dh stands for the gradient of what went into the activation, which has no name.
    """
    last = judge(program, gradient, truth)
    if last.verdict is not Verdict.FAIL:
        return last
    fused = _before_probabilities(program, gradient, truth)
    if fused is not None:
        return fused
    if gradient.kind != "intermediate":
        before = _before_clipping(program, gradient, truth) or _before_scaling_down(program, gradient, truth)
        return before or _of_each_sample(program, gradient, truth) or last
    for version in gradient.versions[:-1]:
        earlier = judge(program, replace(gradient, value=version), truth)
        if earlier.right:
            return replace(earlier, reused_at=gradient.value)
    first = _before_a_loop(gradient)
    if first is not None:
        last = judge(program, first, truth)
    return _before_activation(program, first or gradient, truth) or last


def _of_each_sample(program: Program, gradient: Gradient, truth: Truth) -> Judged | None:
    """A parameter's gradient that each sample of a step has its own of, and that something else adds up."""
    last = gradient.versions[-1]
    each = [v for v in program.trace.values if (v.site.number, v.path) == (last.site.number, last.path)]
    update = updated(program, program.trace, gradient)
    names = {v.name.partition("[")[0] for v in program.trace.values if v.identity == last.identity}
    used = update is not None and bool(names & names_in(update[0].site))
    if len(program.rounds) < 2 or len(each) < 2 or last.site.form in ("refined", "moved") or used:
        return None
    if truth.reason or any(v.array.shape != truth.shape for v in each):
        return None
    whole = np.sum([v.array for v in each], axis=0)
    if not agreement(truth, whole, scale=None).holds:
        return None
    reason = f"right for each of {len(each)} samples; --grad NAME={gradient.of.name} says what adds them up"
    return Judged(gradient, truth, Verdict.INCONCLUSIVE, reason)


def _before_a_loop(gradient: Gradient) -> Gradient | None:
    """The gradient without what a loop makes of it for the turns before, dh = dh * z + ...; None where none does."""
    lines = [v.site.number for v in gradient.versions if v.site.form == "refined" and v.site.kind == "assign"]
    again = (i for i, v in enumerate(gradient.versions) if i and lines.count(v.site.number) > 1)
    at = next(again, 0)
    if not at or _adds_up(gradient.versions[at]):
        return None
    return replace(gradient, value=gradient.versions[at - 1], versions=gradient.versions[:at])


def _adds_up(value: Value) -> bool:
    """Whether its line adds to what it was, dW = dW + ..., as sums over the turns of a loop are made."""
    statement = statement_at(value.site.file, value.site.line)
    terms = [] if statement is None or statement.value is None else [statement.value]
    while terms:
        term = terms.pop()
        if isinstance(term, ast.BinOp) and isinstance(term.op, (ast.Add, ast.Sub)):
            terms += [term.left, term.right]
        elif ast.unparse(term) == value.site.name:
            return True
    return False


def _before_clipping(program: Program, gradient: Gradient, truth: Truth) -> Judged | None:
    """A parameter's gradient as a later line clips it: the clipping is no fault of it, and hides none."""
    clipped = gradient.versions[-1]
    if not _clips(clipped):
        return None  # one entry made smaller looks like clipping, too
    for i, version in reversed(list(enumerate(gradient.versions[:-1]))):
        a = version.array
        if a.shape != clipped.array.shape or not a.size:
            return None
        within = np.clip(a, clipped.array.min(), clipped.array.max())
        judged = judge(program, replace(gradient, value=version), truth)
        if np.array_equal(within, clipped.array):
            if judged.right:
                return replace(judged, reason=f"before it is clipped at line {clipped.site.line}")
            if not _clips(version):
                return judge(program, replace(gradient, value=version, versions=gradient.versions[: i + 1]), truth)
        if not _clips(version):
            return None  # this is what is clipped: it may be wrong though an earlier one is right
    return None


def _before_scaling_down(program: Program, gradient: Gradient, truth: Truth) -> Judged | None:
    """A parameter's gradient that is right, and that a later line makes smaller so that its norm is no more than so."""
    scaled = gradient.versions[-1]
    near = (line_of(scaled.site.file, line) for line in range(max(scaled.site.line - 3, 1), scaled.site.line + 1))
    if not re.search("(?i)clip|(max|grad|total|global)_?norm", " ".join([scaled.site.function, *near])):
        return None
    for i, version in reversed(list(enumerate(gradient.versions[:-1]))):
        a, size = version.array, float(np.vdot(version.array, version.array))
        if a.shape != scaled.array.shape or not size:
            return None
        factor = float(np.vdot(a, scaled.array)) / size
        if 0 < factor < 1 and np.allclose(scaled.array, factor * a, rtol=1e-9, atol=0):
            judged = judge(program, replace(gradient, value=version, versions=gradient.versions[: i + 1]), truth)
            reason = f"before it is scaled down to a norm at line {scaled.site.line}"
            return replace(judged, reason=reason) if judged.right else judged
    return None


def _clips(value: Value) -> bool:
    """Whether its line, by its words, clips."""
    return re.search("clip|min|max", line_of(value.site.file, value.site.line)) is not None


def _activates(h: Variable) -> bool:
    """Whether its line, or what is put into a list, calls an activation on something that it gives no name."""
    made: ast.AST | None = None
    if h.site is not None and h.site.kind == "element":
        made = ast.parse(h.site.name)  # an element goes by its text
    elif h.site is not None and h.site.kind == "assign":
        made = statement_at(h.site.file, h.site.line)
    calls = (n for n in ast.walk(made or ast.Pass()) if isinstance(n, ast.Call) and n.args)
    named = (c for c in calls if _ACTIVATION.search(getattr(c.func, "attr", getattr(c.func, "id", ""))))
    return any(not all(isinstance(a, (ast.Name, ast.Attribute, ast.Constant)) for a in c.args) for c in named)


def _before_activation(program: Program, gradient: Gradient, truth: Truth) -> Judged | None:
    """A gradient that is right for what goes into an activation, where that has no name: many write dh for it."""
    if _has_a_name_inside(program, gradient.of):
        return None
    for inside in before_activation(gradient.of, truth):
        judged = judge(program, gradient, inside)
        if judged.right:
            return replace(judged, reason=f"of what goes into {gradient.of.name}")
    return None


def _has_a_name_inside(program: Program, h: Variable) -> bool:
    """Whether what goes into an activation has a gradient of its own."""
    named = (g.of.array for g in program.gradients if g.of.array.shape == h.array.shape and 0 <= g.of.order < h.order)
    with np.errstate(over="ignore"):
        return any(np.allclose(activation(z), h.array) for z in named for activation in _ACTIVATIONS)


def _before_probabilities(program: Program, gradient: Gradient, truth: Truth) -> Judged | None:
    """The gradient that a loss hands on of what goes into the softmax or sigmoid before it, p - y, where it is handed
    the probabilities: the two are often differentiated together, and the loss alone does not show it."""
    p = gradient.of.array
    handed = gradient.of.order < 0 and p.ndim and p.dtype.kind == "f" and bool(((p > 0) & (p < 1)).all())
    known, is_loss = truth.map, all(v.array.size == 1 for v in program.scalar.variables.values())
    if not handed or not is_loss or known is None or truth.reason or gradient.rate is not None:
        return None
    slope, error = np.asarray(known.derivative), np.asarray(known.error)
    if slope.shape != p.shape:
        return None

    def mixed(axis: int) -> tuple[Array, Array]:
        derivative = p * (slope - (slope * p).sum(axis=axis, keepdims=True))
        return derivative, p * (error + (error * p).sum(axis=axis, keepdims=True))

    own = p * (1 - p)
    ways = {"sigmoid": [(slope * own, error * own)], "softmax": [mixed(axis) for axis in range(p.ndim)]}
    for name, derivatives in ways.items():
        for derivative, off in derivatives:
            inside = replace(truth, map=replace(known, derivative=derivative, error=off, one_sided=None))
            judged = judge(program, gradient, inside)
            if judged.right and judged.agreement is not None and math.isclose(judged.scale, 1, rel_tol=1e-6):
                return replace(judged, reason=f"of what goes into the {name} that {gradient.of.name} comes out of")
    return None


def before_activation(h: Variable, truth: Truth) -> list[Truth]:
    """What a gradient would be held against if it were not h's but that of what goes into the activation that makes h
    of something without a name, of each activation."""
    if truth.map is None:
        return []
    found = []
    for f in slopes(h):
        derived, error = np.asarray(truth.map.derivative) * f, np.asarray(truth.map.error) * np.abs(f)
        found.append(replace(truth, map=replace(truth.map, derivative=derived, error=error, one_sided=None)))
    return found


def slopes(h: Variable) -> list[Array]:
    """The derivatives of each activation where h comes out of one of something that has no name; none elsewhere."""
    return [derivative(h.array) for derivative in _DERIVATIVES] if _activates(h) else []
