from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.errors import UsageError
from gradcheck.numeric import Crossing, Evaluation, directional, directions, elementwise, numeric_gradient

RNG = np.random.default_rng


def plain(f: Any) -> Any:
    return lambda x: Evaluation(f(x))


def relu(x: Any) -> Evaluation:
    return Evaluation(np.maximum(x, 0).sum() + np.sin(x).sum(), (("relu", x > 0),))


def within(estimate: Any, true: Any) -> bool:
    return bool(np.all(np.abs(estimate.derivative - true) <= estimate.error))


class TestSmooth:
    def test_directional(self) -> None:
        x = RNG(0).standard_normal((3, 4))
        for v in directions(x, 5, RNG(1)):
            e = directional(plain(lambda x: np.sin(x).sum()), x, v)
            true = (np.cos(x) * v).sum()
            assert within(e, true)
            assert e.error < 1e-9 * abs(true)
            assert e.evaluations <= 9 + 8

    def test_elementwise_costs_four_where_kinks_are_told_of(self) -> None:
        x = RNG(0).standard_normal((20, 5)) + 5
        e = elementwise(relu, x)
        assert within(e, 1 + np.cos(x))
        assert (e.evaluations - 9) / x.size < 4.5
        assert e.kinks == ()
        assert e.reason == ""

    def test_only_what_is_asked_for(self) -> None:
        x = RNG(0).standard_normal((2, 3))
        e = elementwise(plain(lambda x: (x**2).sum()), x, indices=[1, 4])
        assert np.isfinite(e.derivative.reshape(-1)).tolist() == [False, True, False, False, True, False]
        assert np.isnan(e.error).sum() == 4

    def test_a_wrong_derivative_is_outside_the_bar(self) -> None:
        x = RNG(0).standard_normal(30)
        e = elementwise(plain(lambda x: np.exp(x).sum()), x)
        assert within(e, np.exp(x))
        assert not (np.abs(e.derivative - np.exp(x) * (1 + 1e-7)) <= e.error).any()
        v = RNG(1).standard_normal(30)
        d = directional(plain(lambda x: np.exp(x).sum()), x, v)
        assert abs(d.derivative - (np.exp(x) * v).sum() * (1 + 1e-7)) > d.error

    def test_commensurate_steps_would_miss_an_oscillation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        x, w = np.array([1.0]), 2 * math.pi * 2.0**20  # whole periods in every dyadic step above 2⁻²⁰
        f, true = plain(lambda x: (np.sin(x) + 1e-3 * np.sin(w * x)).sum()), np.cos(1.0) + 1e-3 * w
        assert within(elementwise(f, x), true)
        monkeypatch.setattr("gradcheck.numeric.walk.RATIO", 0.5)
        broken = elementwise(f, x)
        assert not within(broken, true)
        assert broken.error < 1e-3

    def test_zero_direction_and_empty_array(self) -> None:
        assert directional(plain(lambda x: x.sum()), np.ones(3), np.zeros(3)).derivative == 0
        e = elementwise(plain(lambda x: 1.0), np.zeros((0, 3)))
        assert e.derivative.shape == (0, 3)

    def test_a_scalar_array(self) -> None:
        e = elementwise(plain(lambda x: x**2), np.array(3.0))
        assert e.derivative.shape == ()
        assert within(e, 6.0)

    def test_layouts(self) -> None:
        x = np.asfortranarray(RNG(0).standard_normal((4, 6)))[::2, ::-1]
        assert within(elementwise(plain(lambda x: (x**3).sum()), x), 3 * x**2)


class TestScale:
    @given(
        c=st.sampled_from([1e-300, 1e-12, 1.0, 1e12, 1e300]) | st.floats(1e-20, 1e20),
        s=st.sampled_from([1e-6, 1.0, 1e6]) | st.floats(1e-6, 1e6),
        seed=st.integers(0, 1000),
    )
    def test_units_change_nothing(self, c: float, s: float, seed: int) -> None:
        c, s = 2.0 ** round(math.log2(c)), 2.0 ** round(math.log2(s))  # so that no rounding differs
        x, v = RNG(seed).standard_normal(4), RNG(seed + 1).standard_normal(4)

        def f(x: Any) -> Any:
            return np.tanh(x).sum() + (x[0] * x[1])

        plain_e = directional(plain(f), x, v)
        scaled = directional(plain(lambda x: c * f(x / s)), x * s, v * s)
        assert scaled.derivative / c == pytest.approx(plain_e.derivative, rel=1e-9)
        assert scaled.error / c == pytest.approx(plain_e.error, rel=1e-3)
        assert scaled.evaluations == plain_e.evaluations
        plain_g = elementwise(plain(f), x)
        scaled_g = elementwise(plain(lambda x: c * f(x / s)), x * s)
        np.testing.assert_allclose(scaled_g.derivative / c * s, plain_g.derivative, rtol=1e-9)
        np.testing.assert_allclose(scaled_g.error / c * s, plain_g.error, rtol=1e-3)

    def test_the_length_of_a_direction_is_a_factor(self) -> None:
        x, v = RNG(0).standard_normal(5), RNG(1).standard_normal(5)
        f = plain(lambda x: np.exp(x).sum())
        one, big = directional(f, x, v), directional(f, x, v * 2.0**40)
        assert big.derivative == one.derivative * 2.0**40
        assert big.error == one.error * 2.0**40

    def test_zero_values_still_move(self) -> None:
        assert within(elementwise(plain(lambda x: np.sin(x).sum()), np.zeros(3)), np.ones(3))
        x = np.array([0.0, 1e-3, 5.0])
        assert within(elementwise(plain(lambda x: np.sin(x).sum()), x), np.cos(x))

    def test_a_huge_entry_does_not_blind_the_others(self) -> None:
        x = np.array([1e9, 1.0, 1.0, 0.5])
        e = elementwise(plain(lambda x: np.sin(x[1:]).sum() + x[0] / 1e9), x)
        assert within(e, [1e-9, *np.cos(x[1:])])
        assert (e.error[1:] < 1e-8).all()


class TestFloat32:
    def test_steps_that_would_vanish_are_avoided(self) -> None:
        x = np.full(5, 1e4, np.float32) + np.arange(5, dtype=np.float32)

        def f(x: Any) -> Evaluation:
            assert x.dtype == np.float32
            return Evaluation((x * x / np.float32(1e4)).sum())

        assert within(elementwise(f, x), 2 * x.astype(float) / 1e4)
        v = np.ones(5)
        assert within(directional(f, x, v), (2 * x.astype(float) / 1e4).sum())

    def test_the_bar_says_how_little_is_known(self) -> None:
        x = RNG(0).standard_normal(20).astype(np.float32)
        e = elementwise(plain(lambda x: np.tanh(x).sum()), x)
        assert within(e, 1 / np.cosh(x.astype(float)) ** 2)
        assert 1e-6 < np.median(e.error) < 1e-2


class TestKinks:
    @pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-9])
    def test_a_kink_nearby_is_stepped_around_and_named(self, distance: float) -> None:
        x = np.array([1.0, distance, -distance, -1.0])
        e = elementwise(relu, x)
        assert within(e, (x > 0) + np.cos(x))
        assert (e.error < max(1e-8, 1e-13 / distance)).all()
        assert e.reason == ""
        assert distance > 1e-3 or set(e.kinks) == {Crossing("relu", (1,)), Crossing("relu", (2,))}
        v = np.array([0.3, -0.5, 0.8, 1.0])
        d = directional(relu, x, v)
        assert within(d, ((x > 0) + np.cos(x)) @ v)

    @pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-8])
    def test_an_untold_kink_never_makes_a_confident_wrong_answer(self, distance: float) -> None:
        x = np.array([1.0, distance, -distance, -1.0])
        f = plain(lambda x: relu(x).value)
        assert within(elementwise(f, x), (x > 0) + np.cos(x))
        for v in directions(x, 10, RNG(0)):
            assert within(directional(f, x, v), ((x > 0) + np.cos(x)) @ v)

    @pytest.mark.parametrize("told", [True, False])
    def test_on_a_kink_there_is_no_derivative_but_two_sides(self, told: bool) -> None:
        f = relu if told else plain(lambda x: relu(x).value)
        e = elementwise(f, np.array([0.0, 1.0, -1.0]))
        assert np.isinf(e.error).tolist() == [True, False, False]
        assert e.reason == "kink within every usable step" + (" at relu[0]" if told else "")
        left, right = e.one_sided
        assert left[0] == pytest.approx(1.0, abs=1e-4)
        assert right[0] == pytest.approx(2.0, abs=1e-4)
        assert np.isnan(left[1:]).all()
        d = directional(f, np.array([0.0, 1.0]), np.array([1.0, 1.0]))
        assert d.error == math.inf
        assert d.one_sided == pytest.approx((1 + np.cos(1) + 1, 2 + np.cos(1) + 1), abs=1e-4)

    def test_a_tie_in_a_stable_softmax_is_smooth(self) -> None:
        def f(z: Any) -> Evaluation:
            top = z.argmax()
            return Evaluation(z[top] + np.log(np.exp(z - z[top]).sum()) - z[0], (("max", top),))

        z = np.zeros(4)
        e = elementwise(f, z)
        assert within(e, [0.25 - 1, 0.25, 0.25, 0.25])
        assert (e.error < 1e-6).all()
        assert e.reason == ""
        assert e.kinks
        assert e.one_sided is None

    def test_many_kinks_on_a_direction(self) -> None:
        x = RNG(0).standard_normal(2000) * 10.0 ** RNG(1).uniform(-6, 0, 2000)
        for v in directions(x, 3, RNG(2)):
            e = directional(relu, x, v)
            assert within(e, ((x > 0) + np.cos(x)) @ v)
            assert e.kinks

    def test_another_branch_counts_as_a_kink(self) -> None:
        def f(x: Any) -> Evaluation:
            if x[0] > 1:
                return Evaluation(float(3 * x[0] - 2), (("if", np.array(True)), ("deep", np.ones(3))))
            return Evaluation(float(x[0]), (("if", np.array(False)),))

        e = elementwise(f, np.array([1 - 1e-7]))
        assert within(e, 1.0)
        assert Crossing(None, None) in e.kinks


class TestNotFinite:
    def test_at_x(self) -> None:
        e = directional(plain(lambda x: float("nan")), np.ones(2), np.ones(2))
        assert (e.error, e.reason) == (math.inf, "not finite")
        g = elementwise(plain(lambda x: math.inf), np.ones(2), indices=[1])
        assert np.isinf(g.error[1])
        assert np.isnan(g.error[0])
        assert g.reason == "not finite"
        assert elementwise(plain(lambda x: 0.0), np.array([1.0, math.nan])).reason == "not finite"

    def test_near_x_the_step_shrinks(self) -> None:
        x = np.array([1e-9, 1.0])
        assert within(elementwise(plain(lambda x: np.log(x).sum() * 1e-9), x), 1e-9 / x)
        e = elementwise(plain(lambda x: math.log(x[0]) + 1 / x[1]), np.array([1e-8, 1e-8]))
        assert within(e, [1e8, -1e16])

    def test_at_the_edge_of_the_domain(self) -> None:
        e = elementwise(plain(lambda x: np.sqrt(x).sum()), np.array([0.0, 1.0]))
        assert e.error[0] == math.inf
        assert e.reason == "not finite"
        assert e.error[1] < 1e-4

    def test_overflow_at_the_ends(self) -> None:
        def f(x: Any) -> Evaluation:
            return Evaluation(math.exp(float(x[0]) * 700))

        e = elementwise(f, np.array([1.004]))
        assert within(e, 700 * math.exp(1.004 * 700))
        e = elementwise(f, np.array([1.01397]))  # finite, but its derivative overflows
        assert (e.error[0], e.reason) == (math.inf, "not finite")


class TestComplex:
    def test_exact_where_f_is_analytic(self) -> None:
        x = RNG(0).standard_normal((4, 5))
        f = plain(lambda x: np.exp(np.sin(x)).sum())
        true = np.exp(np.sin(x)) * np.cos(x)
        e = elementwise(f, x, method="complex")
        assert e.method == "complex"
        np.testing.assert_allclose(e.derivative, true, rtol=1e-14)
        assert within(e, true)
        v = RNG(1).standard_normal((4, 5))
        d = directional(f, x, v, method="complex")
        assert (d.method, abs(d.derivative - (true * v).sum()) < 1e-13) == ("complex", True)

    @pytest.mark.parametrize(
        "f",
        [
            lambda x: np.abs(x).sum() + (x**2).sum(),
            lambda x: np.sin(x.real).sum(),
            lambda x: float(np.real(x).sum()) ** 2,
            lambda x: np.linalg.norm(x),
            lambda x: np.vdot(x, x),
            lambda x: np.sin(x.astype(np.float64)).sum(),
            lambda x: sum(math.sin(a) for a in x.reshape(-1)),
        ],
    )
    def test_what_loses_the_imaginary_part_is_not_believed(self, f: Any) -> None:
        x = RNG(0).standard_normal(6) + 3
        plain_e = elementwise(lambda x: Evaluation(f(x).real), x)
        e = elementwise(lambda x: Evaluation(f(x)), x, method="complex")
        assert e.method != "complex"
        np.testing.assert_array_equal(e.derivative, plain_e.derivative)
        d = directional(lambda x: Evaluation(f(x)), x, np.ones(6), method="complex")
        assert d.method != "complex"

    def test_without_its_probes_it_would_be_believed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gradcheck.numeric.entries.PROBES", 0)
        e = elementwise(plain(lambda x: np.abs(x).sum()), np.ones(3), method="complex")
        assert (e.method, e.derivative.tolist()) == ("complex", [0, 0, 0])


class TestUsage:
    def test_messages(self) -> None:
        f = plain(lambda x: x.sum())
        with pytest.raises(UsageError, match=r"direction has shape \(3,\), but x has shape \(2,\)"):
            directional(f, np.ones(2), np.ones(3))
        with pytest.raises(UsageError, match="got dtype complex128"):
            elementwise(f, np.ones(2, complex))
        with pytest.raises(UsageError, match="indices run from 0 to 7, but x has 2 entries"):
            elementwise(f, np.ones(2), indices=[0, 7])
        with pytest.raises(UsageError, match=r"must return a number, got an array of shape \(2,\)"):
            numeric_gradient(lambda x: x, np.ones(2))

    def test_a_function_that_changes_its_argument_is_refused(self) -> None:
        def f(x: Any) -> Evaluation:
            x -= x.mean()
            return Evaluation((x**2).sum())

        with pytest.raises(UsageError, match="f changed the array"):
            elementwise(f, np.array([1.0, 2.0, 4.0]))

    def test_integers_are_taken_as_floats(self) -> None:
        e = numeric_gradient(lambda x: (x**2).sum(), [1, 2])
        assert within(e, [2.0, 4.0])

    def test_x_is_left_alone(self) -> None:
        x = RNG(0).standard_normal(5)
        before = x.copy()
        elementwise(plain(lambda x: np.sin(x).sum()), x)
        directional(plain(lambda x: np.sin(x).sum()), x, np.ones(5))
        np.testing.assert_array_equal(x, before)
