"""Sums over the wrong axis, over everything, or not at all."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.rules.evidence import Evidence, keyword_text, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient
from gradcheck.shapes import format_shape

Array = NDArray[Any]


@of_gradient(rank=30)
def wrong_axis(evidence: Evidence) -> Finding | None:
    """GC201: the code sums an upstream gradient over one axis; over another one it agrees."""
    for name, upstream in _right_sums(evidence):
        right, factor = upstream.right_axes, upstream.factor
        for axes in _axes(upstream.array):
            if axes != right and len(axes) == len(right) and _is_sum(evidence, upstream.array, axes, factor):
                return _finding(evidence, "GC201", name, upstream, axes)
    return None


@of_gradient(rank=40)
def over_everything(evidence: Evidence) -> Finding | None:
    """GC202: the code sums an upstream gradient over more axes than it should."""
    for name, upstream in _right_sums(evidence):
        for axes in _axes(upstream.array):
            # an axis of length one is summed or not: the values are the same
            more = any(upstream.array.shape[axis] > 1 for axis in set(axes) - set(upstream.right_axes))
            if (
                more
                and set(axes) > set(upstream.right_axes)
                and _is_sum(evidence, upstream.array, axes, upstream.factor)
            ):
                return _finding(evidence, "GC202", name, upstream, axes)
    return None


@of_gradient(rank=50)
def missing_sum(evidence: Evidence) -> Finding | None:
    """GC203: the code passes an upstream gradient on where its sum over an axis is due."""
    for name, upstream in _right_sums(evidence):
        a = evidence.analytic
        if a.shape == upstream.array.shape and np.allclose(a, upstream.factor * upstream.array, rtol=1e-9, atol=0):
            return Finding(
                "GC203",
                "missing-reduction",
                "error",
                f"{evidence.name} is not summed",
                f"{evidence.name} has {name}'s shape {format_shape(a.shape)}; {evidence.of} has"
                f" {format_shape(evidence.judged.truth.shape)} and is used once for each entry along"
                f" {_axis_text(upstream.right_axes)}, so its gradient is the sum over it: that sum agrees with the"
                " numeric derivative.",
                f"not summed over {_axis_text(upstream.right_axes)}",
                evidence.name,
                **place(evidence.site),
                evidence={"upstream": name, "right_axes": list(upstream.right_axes)},
            )
    return None


class _Upstream:
    """An earlier gradient whose sum over `right_axes`, times `factor`, is the numeric derivative."""

    def __init__(self, array: Array, right_axes: tuple[int, ...], factor: float) -> None:
        self.array, self.right_axes, self.factor = array, right_axes, factor


def _right_sums(evidence: Evidence) -> list[tuple[str, _Upstream]]:
    found = []
    for name, array in evidence.earlier():
        for axes in _axes(array):
            total = array.sum(axis=axes)
            if total.size == evidence.judged.truth.size:
                fitted = evidence.fit(total.reshape(evidence.judged.truth.shape))
                if fitted is not None and fitted.holds:
                    found.append((name, _Upstream(array, axes, 1 / fitted.scale)))
    return found


def _axes(array: Array) -> list[tuple[int, ...]]:
    axes = range(array.ndim) if array.ndim <= 4 else ()
    return [c for k in range(1, array.ndim + 1) for c in combinations(axes, k)]


def _is_sum(evidence: Evidence, upstream: Array, axes: tuple[int, ...], factor: float) -> bool:
    a, total = evidence.analytic, factor * upstream.sum(axis=axes)
    if a.size != total.size or a.shape == upstream.shape:
        return False
    # the terms may cancel, so agreement is measured on their summed magnitude
    size = abs(factor) * np.abs(upstream).sum(axis=axes)
    return bool((np.abs(a.reshape(total.shape) - total) <= 1e-9 * size).all())


def _finding(evidence: Evidence, code: str, upstream_name: str, upstream: _Upstream, axes: tuple[int, ...]) -> Finding:
    name, of, shape = evidence.name, evidence.of, format_shape(evidence.judged.truth.shape)
    a = evidence.analytic
    everything = code == "GC202" and len(axes) == upstream.array.ndim
    verdict = "sums over everything" if everything else "sums over the wrong axis"
    got = (
        "a single number, which broadcasts over it without a word" if a.ndim == 0 else f"shape {format_shape(a.shape)}"
    )
    size = np.abs(upstream.factor) * np.abs(upstream.array).sum(axis=axes)
    zero = bool((np.abs(a) <= 1e-9 * np.reshape(size, a.shape)).all())
    parts = [
        f"{of} has shape {shape}; summing {upstream_name} over {_axis_text(axes)} leaves {got}"
        + (", and all of it is zero up to rounding" if zero else "")
        + "."
    ]
    if raised := evidence.raised_here():
        parts.append(f"There {raised}.")
    if len(axes) == len(upstream.right_axes) and a.ndim == 1 and upstream.array.ndim == 2:
        other = upstream.array.shape[upstream.right_axes[0]]
        same = upstream.array.shape[axes[0]]
        if other != same:
            parts.append(f"With {same} samples the shapes would agree and nothing would be raised.")
    parts.append(f"The sum over {_axis_text(upstream.right_axes)} agrees with the numeric derivative.")
    marked = keyword_text(evidence.site, "sum", "axis") or ("sum" if everything else "")
    return Finding(
        code,
        "wrong-axis",
        "error",
        f"{name} {verdict}",
        " ".join(parts),
        verdict,
        name,
        **place(evidence.site, marked),
        evidence={
            "upstream": upstream_name,
            "axes": list(axes),
            "right_axes": list(upstream.right_axes),
            "factor": upstream.factor,
            "zero": zero,
        },
    )


def _axis_text(axes: tuple[int, ...]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {' and '.join(map(str, axes))}"
