"""The standard losses, each as a sum over everything, and what they may be the losses of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SINGLE = 9
"""An axis that no output has."""


@dataclass(frozen=True, slots=True)
class Form:
    """A standard loss, summed over everything."""

    name: str
    """As the reader knows it."""
    function: Callable[[Any, Any], Any]
    """(output, label) to the summed loss; differentiable by complex step."""
    fits: Callable[[Array, Array], bool]
    """Whether output and label can be its arguments."""
    axis: int | None
    """The axis of samples; None where either may be, SINGLE where the output is one sample."""
    doubled: str = ""
    """What twice the loss is called, where that has a name of its own."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to add a form up: mean or sum."""

    text: str
    """mean softmax cross-entropy"""
    weight: float
    """By which the sum is multiplied."""
    samples: int
    """Number of samples."""
    factor: float = 1.0
    """The weight but for what it is divided by."""
    over: Literal["samples", "entries", ""] = ""
    """What it is divided by."""
    axis: int | None = None
    """The output's axis that counts the samples; None where they are counted by how often it is computed."""

    def at(self, shape: tuple[int, ...], times: int) -> Reading:
        """The same of outputs of another shape."""
        samples = times if self.axis is None or times > 1 else shape[self.axis]
        divisor = {"samples": samples, "entries": times * math.prod(shape), "": 1}[self.over]
        return replace(self, weight=self.factor / divisor, samples=samples)


def readings(form: Form, shape: tuple[int, ...], times: int = 1) -> Iterator[Reading]:
    """Every way to add up a form of outputs of this shape that are computed `times` times; the mean comes first."""
    names = ((form.name, 1.0), (form.doubled, 2.0)) if form.doubled else ((form.name, 1.0),)
    entries = times * math.prod(shape)
    if entries == 1:
        samples_axis = next((a for a in (form.axis, 0) if a is not None and a < len(shape)), None)
        yield from (Reading(name, factor, 1, factor, "samples", samples_axis) for name, factor in names)
        return
    for name, factor in names:
        for axis, samples in _counts(form, shape, times):
            yield Reading(f"mean {name}", factor / samples, samples, factor, "samples", axis)
        axis, samples = _counts(form, shape, times)[0]
        yield Reading(f"summed {name}", factor, samples, factor, "", axis)
    for name, factor in names:
        yield Reading(f"{name}, averaged over entries,", factor / entries, samples, factor, "entries", axis)


def _counts(form: Form, shape: tuple[int, ...], times: int) -> list[tuple[int | None, int]]:
    """Axes that may count samples, and how many they count; each number once."""
    if times > 1:
        return [(None, times)]
    axes = (form.axis,) if form.axis is not None else tuple(range(min(len(shape), 2)))
    along = {shape[axis]: axis for axis in reversed(axes) if -len(shape) <= axis < len(shape) and shape[axis] > 1}
    found: list[tuple[int | None, int]] = [(axis, samples) for samples, axis in along.items()]
    return found[::-1] or [(None, 1)]


def is_distribution(output: Array, axis: int = -1) -> bool:
    """Whether every row (or column) is a probability distribution."""
    if output.ndim not in (1, 2) or not output.shape[axis] > 1 or not np.isfinite(output).all():
        return False
    return bool((output >= 0).all() and np.allclose(output.sum(axis=axis), 1, rtol=1e-4))


def _cross_entropy(output: Any, label: Any) -> Any:
    # 0 log 0 is 0: where the label is zero the logarithm does not enter
    with np.errstate(all="ignore"):
        return -np.sum(np.where(label != 0, label * np.log(output), 0))


def _picked(output: Any, label: Any) -> Any:
    with np.errstate(all="ignore"):
        return -np.sum(np.log(output[np.arange(len(output)), label.ravel().astype(int)]))


def _logits(output: Any, label: Any, axis: int = -1) -> Any:
    largest = np.real(output).max(axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(output - largest), axis=axis, keepdims=True)) + largest
    return np.sum(label * (total - output))


def _of_classes(output: Any, label: Any) -> Any:
    return np.eye(output.shape[1])[label.ravel().astype(int)]


def _binary(output: Any, label: Any) -> Any:
    return _cross_entropy(output, label) + _cross_entropy(1 - output, 1 - label)


def _binary_logits(output: Any, label: Any) -> Any:
    positive = np.real(output) > 0
    with np.errstate(all="ignore"):
        softplus = np.where(positive, output + np.log1p(np.exp(-output)), np.log1p(np.exp(output)))
    return np.sum(softplus - label * output)


def _above(value: Any) -> Any:
    return np.where(np.real(value) > 0, value, 0)


def _margins(output: Any, label: Any) -> Any:
    rows, own = np.arange(len(output)), label.ravel().astype(int)
    margins = _above(output - output[rows, own][:, None] + 1)
    return np.where(np.arange(output.shape[1]) == own[:, None], 0, margins)


def _criterion(output: Any, label: Any) -> Any:
    """What a perceptron that answers 1 above zero moves down: its answer less the label, times what it answers from."""
    return np.sum((np.where(np.real(output) > 0, 1, 0) - label) * output)


def _distance(output: Any, label: Any) -> Any:
    off = output - label
    return np.sum(np.where(np.real(off) < 0, -off, off))


def _one_hot(output: Array, label: Array, axis: int = -1) -> bool:
    return output.shape == label.shape and is_distribution(label.astype(float), axis)


def _classes(output: Array, label: Array) -> bool:
    """Whether each row of output has one whole number below its length for a label."""
    if output.ndim != 2 or label.dtype.kind not in "fiu" or len(label.ravel()) != len(output) or label.ndim > 2:
        return False
    return bool((label == np.round(label)).all() and (label >= 0).all() and (label < output.shape[1]).all())


def _are_signs(output: Array, label: Array) -> bool:
    return output.shape == label.shape and bool((np.abs(label.astype(float)) == 1).all() and (label < 0).any())


def _are_shares(label: Array) -> bool:
    return bool(((label >= 0) & (label <= 1)).all())


def _same(output: Array, label: Array) -> bool:
    return output.shape == label.shape


RESIDUAL = Form("half squared residual", lambda o, _: np.sum(o**2) / 2, _same, None, "squared residual")
"""Of `r = X @ w - y`, where the output itself has no name: what the label has been taken from."""
FORMS = (
    Form(
        "softmax cross-entropy", _cross_entropy, lambda o, t: o.ndim == 2 and is_distribution(o) and _one_hot(o, t), 0
    ),
    Form(
        "softmax cross-entropy",
        _cross_entropy,
        lambda o, t: o.ndim == 2 and is_distribution(o, 0) and _one_hot(o, t, 0),
        1,
    ),
    Form("softmax cross-entropy", _picked, lambda o, t: o.ndim == 2 and is_distribution(o) and _classes(o, t), 0),
    Form(
        "softmax cross-entropy",
        lambda o, t: _picked(o.T, t),
        lambda o, t: o.ndim == 2 and is_distribution(o, 0) and _classes(o.T, t),
        1,
    ),
    Form(
        "softmax cross-entropy",
        _cross_entropy,
        lambda o, t: o.ndim == 1 and is_distribution(o) and _one_hot(o, t),
        SINGLE,
    ),
    Form(
        "binary cross-entropy",
        _binary,
        lambda o, t: _same(o, t) and bool(((o > 0) & (o < 1)).all()) and _are_shares(t),
        None,
    ),
    Form("half squared error", lambda o, t: np.sum((o - t) ** 2) / 2, _same, None, "squared error"),
    RESIDUAL,
    Form("softmax cross-entropy of the logits", _logits, lambda o, t: o.ndim == 2 and _one_hot(o, t), 0),
    Form(
        "softmax cross-entropy of the logits",
        lambda o, t: _logits(o, t, 0),
        lambda o, t: o.ndim == 2 and _one_hot(o, t, 0),
        1,
    ),
    Form("softmax cross-entropy of the logits", lambda o, t: _logits(o, _of_classes(o, t)), _classes, 0),
    Form("binary cross-entropy of the logits", _binary_logits, lambda o, t: _same(o, t) and _are_shares(t), None),
    Form("hinge loss", lambda o, t: np.sum(_margins(o, t)), _classes, 0),
    Form("squared hinge loss", lambda o, t: np.sum(_margins(o, t) ** 2), _classes, 0),
    Form("hinge loss", lambda o, t: np.sum(_above(1 - o * t)), _are_signs, None),
    Form("squared hinge loss", lambda o, t: np.sum(_above(1 - o * t) ** 2), _are_signs, None),
    Form("perceptron loss", lambda o, t: np.sum(_above(-o * t)), _are_signs, None),
    Form("perceptron loss", _criterion, lambda o, t: _same(o, t) and bool(np.isin(t, (0, 1)).all()), None),
    Form("absolute error", _distance, _same, None),
)
"""Likeliest first. Where two explain a gradient, as a softmax's probabilities and its logits do, the first is named."""


def floored(form: Form, floor: float) -> Callable[[Any, Any], Any]:
    """The form as it is written with a floor inside its logarithms, log(p + floor); other forms have none."""
    if form.name == "binary cross-entropy":
        return lambda o, t: _cross_entropy(o + floor, t) + _cross_entropy(1 - o + floor, 1 - t)
    if form.name == "softmax cross-entropy":
        return lambda o, t: form.function(o + floor, t)
    return form.function
