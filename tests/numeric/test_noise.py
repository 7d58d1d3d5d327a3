from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.numeric import Evaluation, noise_floor


def floor(f: Any, x: Any, seed: int = 0) -> Any:
    return noise_floor(lambda x: Evaluation(f(x)), x, rng=np.random.default_rng(seed))


def test_rounding_of_a_smooth_function() -> None:
    x = np.random.default_rng(1).standard_normal(50)
    noise = floor(lambda x: np.sin(x).sum() + 3, x)
    assert noise.deterministic
    assert 1e-17 < noise.level < 1e-14
    assert noise.evaluations == 9


@pytest.mark.parametrize("sigma", [1e-12, 1e-8, 1e-3])
def test_noise_that_was_put_in_is_found_again(sigma: float) -> None:
    dice = np.random.default_rng(2)
    levels = []
    for seed in range(30):
        noise = floor(lambda x: np.sin(x).sum() + sigma * dice.standard_normal(), np.ones(5), seed)
        assert not noise.deterministic
        levels.append(noise.level)
    assert sigma / 2 < np.median(levels) < 3 * sigma
    assert min(levels) > sigma / 5


def test_single_precision_is_noticed_wherever_it_hides() -> None:
    x = np.random.default_rng(3).standard_normal(50)
    inside = floor(lambda x: float(np.tanh(x.astype(np.float32)).sum()), x)
    outside = floor(lambda x: np.tanh(x).sum(), x.astype(np.float32))
    for noise in (inside, outside):
        assert 1e-8 < noise.level < 1e-4
        assert noise.unit == np.finfo(np.float32).eps


def test_single_precision_shows_its_cancellation() -> None:
    x, big = np.random.default_rng(3).standard_normal(200).astype(np.float32), np.float32(1e4)

    def f(x: Any) -> Any:
        return (((x + big) - big) ** 2).mean(dtype=np.float32)

    assert floor(f, x).level > 20 * np.finfo(np.float32).eps * abs(f(x))


def test_cancellation_shows() -> None:
    assert floor(lambda x: (((x + 1e6) - 1e6) ** 2).sum(), np.random.default_rng(4).random(20)).level > 1e-12


@pytest.mark.parametrize("factor", [1e-300, 1e-12, 1e12, 1e300])
def test_the_level_scales_with_f(factor: float) -> None:
    x = np.random.default_rng(5).standard_normal(20)
    plain, scaled = floor(lambda x: np.cos(x).sum(), x), floor(lambda x: factor * np.cos(x).sum(), x)
    assert scaled.level / factor == pytest.approx(plain.level, rel=2)
    assert scaled.slope / factor == pytest.approx(plain.slope, rel=1e-3)


def test_sitting_on_a_kink_is_not_noise() -> None:
    assert floor(lambda x: np.maximum(x, 0).sum() + 1, np.zeros(10)).level < 1e-14


def test_bending_fast_is_not_noise() -> None:
    assert floor(lambda x: np.sin(1e7 * x).sum(), np.ones(3)).level < 1e-6


def test_a_function_that_is_not_finite_has_infinite_noise() -> None:
    noise = floor(lambda x: float("nan"), np.ones(3))
    assert noise.level == np.inf
    assert noise.deterministic


def test_a_constant_has_only_the_rounding_of_its_value() -> None:
    assert floor(lambda x: 3.0, np.ones(3)).level == pytest.approx(3 * 2.0**-52)
    assert floor(lambda x: 0.0, np.zeros(3)).level == 0
