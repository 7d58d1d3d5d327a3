"""Small inputs on which a checker drives the networks: real digits at the real sizes, else random numbers."""

from __future__ import annotations

import functools

import numpy as np

from reference_net.corrected import Parameters, initialise
from reference_net.data import CLASSES, Digits, load

_PIXELS = 784


def probe_batch(m: int, d: int = _PIXELS, c: int = CLASSES, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A batch x (m, d) in [0, 1] and one-hot y (m, c), both float64, the same for the same seed.

    At d = 784 and c = 10 these are m distinct training digits of the shipped subset, otherwise uniform random
    numbers and random classes. Raises ValueError if m digits are more than the subset has.
    """
    rng = np.random.default_rng(seed)
    if (d, c) != (_PIXELS, CLASSES):
        return rng.random((m, d)), np.eye(c)[rng.integers(c, size=m)]
    digits = _subset()
    available = len(digits.x_train)
    if m > available:
        raise ValueError(f"m: expected at most {available} digits, got {m}")
    rows = rng.choice(available, m, replace=False)
    return digits.x_train[rows], digits.y_train[rows]


def probe_parameters(d: int = _PIXELS, h: int = 10, c: int = CLASSES, seed: int = 0) -> Parameters:
    """He weights W1 (d, h), W2 (h, c) and small non-zero biases b1 (h,), b2 (c,), float64.

    The biases have a standard deviation of 0.1: at zero, a forward pass that drops or doubles one would go
    unnoticed.
    """
    drawn = initialise("he", d, h, c, seed=seed)
    # A stream of its own: the same seed's stream would repeat the numbers that became W1.
    rng = np.random.default_rng([seed, 1])
    return drawn._replace(b1=0.1 * rng.standard_normal(h), b2=0.1 * rng.standard_normal(c))


@functools.cache
def _subset() -> Digits:
    return load("subset")
