"""An error at the stated resolution is seen with probability 0.999, and a right gradient is never wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.compare import agreement, measure
from gradcheck.numeric import Evaluation


def drawn(rng: np.random.Generator, full: bool) -> tuple[Any, Any]:
    """A truth and the exact gradient that belongs to it."""
    n = int(rng.integers(4, 40))
    A, x = rng.normal(size=(n, n)) / np.sqrt(n), rng.normal(size=n)
    t = np.tanh(A @ x)
    truth = measure(lambda x: Evaluation(np.sum(np.tanh(A @ x) ** 2)), x, rng=rng, full=full)
    return truth, A.T @ (2 * t * (1 - t * t))


@pytest.mark.parametrize(("full", "draws", "most"), [(True, 60, 0), (False, 600, 4)], ids=["entry", "norm"])
def test_an_error_at_the_resolution_is_seen(full: bool, draws: int, most: int) -> None:
    missed = fine = 0
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        truth, right = drawn(rng, full)
        found = agreement(truth, right)
        assert found.holds
        for i in range(right.size) if full else [int(rng.integers(right.size))]:
            off = np.zeros(right.size)
            off[i] = found.resolution * found.size * rng.choice([-1, 1])
            missed += agreement(truth, right + 1.01 * off).holds
            fine += agreement(truth, right + 0.01 * off).holds
    assert missed <= most  # of 600 that miss with probability 0.001, five or more would be one in two thousand
    assert fine > draws / 2  # the resolution is no more than what is needed, by far
