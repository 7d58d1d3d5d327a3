"""One gradient as it was judged, and what may be asked of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from gradcheck.capture.record import Key, Value
from gradcheck.compare import Agreement, Truth, Verdict
from gradcheck.gradients import Gradient

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Judged:
    """A gradient, its truth, and what came of holding one against the other."""

    gradient: Gradient
    truth: Truth
    verdict: Verdict
    reason: str = ""
    """Why, in a few words; "" where the verdict says it all."""
    agreement: Agreement | None = None
    """None for a wrong shape or a gradient that is not finite."""
    layout: str | None = None
    """transposed or reshaped, where the gradient's axes are not those of its value."""
    put_right: Value | None = None
    """The update that puts the layout or the sign right."""
    inherited_from: str = ""
    """The gradient at fault, for an inherited error."""
    reused_at: Value | None = None
    """Where the name takes on another meaning after the version that was judged."""
    fed: Array | None = None
    """What the line computes from right inputs, where it was fed some."""
    inputs: Mapping[Key, Array] = field(default_factory=dict)
    """Those right inputs."""
    convention: float | None = None
    """The factor that a wrong gradient should carry, where more is known of it than what the ones before it show."""
    slack: float = 0.0
    """What their own error may come to in what the line makes of them, relative to the tensor's scale."""

    @property
    def scale(self) -> float:
        return self.agreement.scale if self.agreement is not None else 1.0

    @property
    def right(self) -> bool:
        return self.verdict is Verdict.PASS


def before_reuse(judged: Judged) -> Gradient:
    """The gradient without the versions in which its name had come to mean something else."""
    gradient = judged.gradient
    if judged.reused_at is None:
        return gradient
    at = next(i for i, v in enumerate(gradient.versions) if v.key == gradient.value.key)
    return replace(gradient, versions=gradient.versions[: at + 1])


def in_layout(a: Array, shape: tuple[int, ...]) -> tuple[Array | None, str | None]:
    """The gradient in its value's layout and how it differs from it; (None, None) where no layout fits."""
    if a.shape == shape:
        return a, None
    if a.ndim == 2 and a.T.shape == shape:
        return a.T, "transposed"
    if a.size == math.prod(shape) and [n for n in a.shape if n != 1] == [n for n in shape if n != 1]:
        return a.reshape(shape), "reshaped"
    return None, None


def upstream_scale(judged: Judged, all_judged: Sequence[Judged]) -> float:
    """The factor that the intermediates computed before this one carry by convention; 1 for the first of them."""
    if judged.convention is not None:
        return judged.convention
    scale = 1.0
    for other in all_judged:
        if other is judged or other.gradient.name == judged.gradient.name:
            break
        if other.gradient.kind == "intermediate" and other.right:
            scale = other.scale
    return scale


def is_scaled(judged: Judged) -> bool:
    """Wrong by a factor alone."""
    return judged.verdict is Verdict.FAIL and judged.agreement is not None and judged.agreement.holds


def came_right(judged: Judged | None) -> bool:
    return judged is not None and judged.right
