"""What the chain rule may make of a gradient: what flows back through a product, a sum, a factor or a normalisation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.fix.pool import Array, Operand

_AXIS = re.compile(r"axis\s*=\s*(-?\d+)")
_CALLED = re.compile(r"\.dot\(|\bdot\(")


@dataclass(frozen=True, slots=True)
class Style:
    """How a file's author writes things."""

    numpy: str
    """What numpy is called there; "" where it has no name."""
    dots: bool
    """Products as np.dot(a, b) rather than a @ b."""
    axes: tuple[str, ...]
    """Axes as they are written: 0, 1, -1."""

    @classmethod
    def of(cls, text: str, numpy: str) -> Style:
        dots = bool(numpy) and len(_CALLED.findall(text)) > text.count(" @ ")
        return cls(numpy, dots, tuple(dict.fromkeys(_AXIS.findall(text))) or ("0", "1"))

    def axis(self, axis: int, ndim: int) -> str:
        """An axis as the author would write it: -1 where the file says so."""
        return next((a for a in self.axes if -ndim <= int(a) < ndim and int(a) % ndim == axis), str(axis))

    def product(self, a: str, b: str) -> str:
        return f"{self.numpy}.dot({a}, {b})" if self.dots else f"{a} @ {b}"


def contributions(d: Operand, others: Sequence[Operand], shape: tuple[int, ...], style: Style) -> Iterator[Operand]:
    """What a gradient contributes to another one of a shape: each with its text, linear in the gradient."""
    yield from (one for one in _alone(d, shape, style) if _becomes(one.array, shape))
    for other in others:
        for one in (*_products(d, other, shape, style), *_factors(d, other)):
            if _becomes(one.array, shape) and one.array.any():
                yield one


def _becomes(array: Array, shape: tuple[int, ...]) -> bool:
    """Whether an array has the shape, or is spread to it when it is added to one that has."""
    return array.shape == shape or (0 < array.ndim <= len(shape) and _spread(array.shape, shape) == shape)


def _spread(*shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


def _alone(d: Operand, shape: tuple[int, ...], style: Style) -> Iterator[Operand]:
    text, array = d.text, d.array
    yield d
    if array.ndim == 2:
        yield Operand(f"{text}.T", array.T)
    for axis in range(array.ndim):
        at = style.axis(axis, array.ndim)
        yield Operand(f"{text}.sum(axis={at})", array.sum(axis=axis))
        yield Operand(f"{text}.mean(axis={at}, keepdims=True)", array.mean(axis=axis, keepdims=True))
        yield Operand(f"{text}.sum(axis={at}, keepdims=True)", array.sum(axis=axis, keepdims=True))
    if array.ndim > 2:
        leading = tuple(range(array.ndim - 1))
        yield Operand(f"{text}.sum(axis={leading})", array.sum(axis=leading))
    if shape in ((), (1,)):
        yield Operand(f"{text}.sum()", np.asarray(array.sum()))


def _products(d: Operand, other: Operand, shape: tuple[int, ...], style: Style) -> Iterator[Operand]:
    """Matrix products in every layout that comes to the shape."""
    if d.array.ndim == other.array.ndim == 1 and style.numpy and len(shape) == 2:
        for a, b in ((other, d), (d, other)):
            if (a.array.size, b.array.size) == shape:
                yield Operand(f"{style.numpy}.outer({a.text}, {b.text})", np.outer(a.array, b.array))
    for a, b in ((other, d), (d, other)):
        for left in _turned(a):
            for right in _turned(b):
                if _inner(left.array.shape, right.array.shape) == shape:
                    yield Operand(style.product(left.text, right.text), left.array @ right.array)


def _turned(one: Operand) -> tuple[Operand, ...]:
    return (one, Operand(f"{one.text}.T", one.array.T)) if one.array.ndim == 2 else (one,)


def _inner(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape of a product of matrices, stacked ones on the left, and vectors; None where there is no matrix."""
    if not (len(left) > 0 and 0 < len(right) <= 2) or len(left) + len(right) == 2 or left[-1] != right[0]:
        return None
    return (*left[:-1], *right[1:])


def _factors(d: Operand, other: Operand) -> Iterator[Operand]:
    """The gradient times a factor, and summed where the factor was shared."""
    if other.array.dtype.kind not in "fb" or _spread(d.array.shape, other.array.shape) is None:
        return
    product = np.asarray(d.array * other.array)
    yield Operand(f"{d.text} * {other.text}", product)
    if d.array.shape == other.array.shape:
        for axis in range(product.ndim):
            yield Operand(f"({d.text} * {other.text}).sum(axis={axis})", product.sum(axis=axis))


def normalising(d: Operand, others: Sequence[Operand], style: Style) -> Iterator[Operand]:
    """What a normalisation takes from a gradient: its mean, or what of it lies along the normalised value."""
    for axis in style.axes:
        if int(axis) < d.array.ndim:
            mean = d.array.mean(axis=int(axis), keepdims=True)
            yield Operand(f"{d.text}.mean(axis={axis}, keepdims=True)", mean)
            for other in others:
                if other.array.shape == d.array.shape and other.array.dtype.kind == "f":
                    for along in ("sum", "mean"):
                        share = getattr(d.array * other.array, along)(axis=int(axis), keepdims=True)
                        text = f"({d.text} * {other.text}).{along}(axis={axis}, keepdims=True)"
                        yield Operand(text, share)
                        yield Operand(f"{other.text} * {text}", other.array * share)
