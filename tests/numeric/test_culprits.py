from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.errors import UsageError
from gradcheck.numeric import Evaluation, locate

RNG = np.random.default_rng
DATA = RNG(5).random((16, 60))
OUT = RNG(6).standard_normal((8, 4))


def f(W: Any) -> Evaluation:
    z = DATA @ W
    return Evaluation(np.tanh(np.maximum(z, 0) @ OUT).sum(), (("relu", z > 0),))


def gradient(W: Any) -> Any:
    z = DATA @ W
    return DATA.T @ ((1 - np.tanh(np.maximum(z, 0) @ OUT) ** 2) @ OUT.T * (z > 0))


W = RNG(7).standard_normal((60, 8)) * 0.2


@pytest.mark.parametrize("size", [1.0, 0.1, 1e-6])
def test_one_wrong_entry(size: float) -> None:
    claimed = gradient(W)
    claimed[17, 3] += size * np.abs(claimed).max()
    found = locate(f, W, claimed, rng=RNG(0))
    assert found.indices == (17 * 8 + 3,)
    assert found.derivative[0] == pytest.approx(gradient(W)[17, 3], rel=1e-7)
    assert found.complete
    assert found.evaluations < 90


def test_swapped_rows() -> None:
    claimed = gradient(W)
    claimed[[4, 30]] = claimed[[30, 4]]
    found = locate(f, W, claimed, rng=RNG(0))
    assert found.indices == tuple(np.flatnonzero(claimed != gradient(W)))  # a dead unit's entries are all 0
    assert 8 <= len(found.indices) <= 16
    assert found.complete


def test_a_right_gradient_has_no_culprits() -> None:
    for seed in range(10):
        found = locate(f, W, gradient(W), rng=RNG(seed))
        assert (found.indices, found.complete) == ((), True)
        assert found.evaluations < 25


def test_too_many_to_list() -> None:
    found = locate(f, W, 2 * gradient(W), most=5, rng=RNG(0))
    assert len(found.indices) == 5
    assert not found.complete


def test_an_error_within_the_tolerance_is_not_minded() -> None:
    claimed = gradient(W)
    worst = int(np.abs(claimed).argmax())
    claimed.reshape(-1)[worst] *= 1 + 1e-5
    assert locate(f, W, claimed, rng=RNG(0)).indices == (worst,)
    assert locate(f, W, claimed, tolerance=1e-4, rng=RNG(0)).indices == ()


def test_another_shape_is_refused() -> None:
    with pytest.raises(UsageError, match=r"gradient has shape \(8, 60\), but x has shape \(60, 8\)"):
        locate(f, W, gradient(W).T, rng=RNG(0))
