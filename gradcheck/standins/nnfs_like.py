"""The data sets of the package that comes with a book on networks from scratch: its shapes, drawn numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.standins.hints import Hints, random

Array = NDArray[Any]


def contents(_: Hints) -> Mapping[str, Mapping[str, Any]]:
    """What the modules hold."""
    sets = {"spiral_data": spiral_data, "vertical_data": spiral_data, "sine_data": sine_data}
    return {"nnfs": {"init": init}, "nnfs.datasets": {**sets, "sine": sine_data, "spiral": spiral_data}}


def init(*_: Any, random_seed: int | None = 0, **__: Any) -> None:
    """The generator as the package leaves it; its float32 is left out, so that the check is in float64."""
    np.random.seed(random_seed)  # noqa: NPY002


def spiral_data(samples: int, classes: int) -> tuple[Array, Array]:
    """Points of the plane, and their classes one after the other: (samples * classes, 2) and (samples * classes,)."""
    labels = np.repeat(np.arange(classes, dtype=np.uint8), samples)
    radius = np.tile(np.linspace(0.05, 1, samples), classes)
    angle = 4 * (labels + radius) + random().normal(0, 0.2, labels.size)
    return np.c_[radius * np.sin(angle), radius * np.cos(angle)], labels


def sine_data(samples: int = 1000) -> tuple[Array, Array]:
    """A sine wave: (samples, 1) twice."""
    x = np.linspace(0, 1, samples)[:, None]
    return x, np.sin(2 * np.pi * x)
