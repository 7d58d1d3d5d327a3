"""The corrected network against derivatives taken without its backward pass."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reference_net import corrected
from reference_net.corrected import Parameters
from reference_net.probe import probe_batch, probe_parameters

H = 1e-30
sizes = st.tuples(*[st.integers(1, 6)] * 4)
seeds = st.integers(0, 2**32 - 1)


def complex_step(parameters: Parameters, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Im loss(p + ih)/h for each entry p: exact to rounding (Squire and Trapp 1998)."""
    gradients = []
    for position, array in enumerate(parameters):
        gradient = np.empty_like(array)
        for index in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[index] += 1j * H
            changed = list(parameters)
            changed[position] = moved
            gradient[index] = corrected.loss(Parameters(*changed), x, y).imag / H
        gradients.append(gradient)
    return gradients


def gaps(gradients, numeric) -> list[float]:
    """Largest difference of each gradient, relative to its numeric one's largest entry; inf for another
    shape.
    """
    return [
        float(np.max(np.abs(g - n)) / max(np.max(np.abs(n)), 1e-12)) if np.shape(g) == n.shape else np.inf
        for g, n in zip(gradients, numeric)
    ]


def analytic(parameters, x, y):
    Z1, A1, _, A2 = corrected.forward(parameters, x)
    return corrected.backward(parameters, x, y, Z1, A1, A2)


@settings(max_examples=50, deadline=None)
@given(sizes, seeds)
def test_gradients_are_the_derivatives_of_the_loss(size, seed):
    m, d, h, c = size
    x, y = probe_batch(m, d, c, seed)
    parameters = probe_parameters(d, h, c, seed)
    numeric = complex_step(parameters, x, y)
    for gap, gradient in zip(gaps(analytic(parameters, x, y), numeric), numeric):
        # A gradient that is all cancellation (c = 1: the loss is constant) has no relative gap to speak of.
        assert gap < 1e-9 or np.max(np.abs(gradient)) < 1e-9


@pytest.mark.parametrize(
    ("position", "wrong"),
    [
        *itertools.product(range(4), [lambda g: g * 1.00001, np.negative, np.sum, np.zeros_like]),
        *itertools.product([0, 2], [np.transpose]),  # a bias is its own transpose
    ],
)
def test_a_wrong_gradient_is_told_from_the_derivative(position, wrong):
    x, y = probe_batch(5, 7, 3, seed=1)
    parameters = probe_parameters(7, 4, 3, seed=1)
    gradients = list(analytic(parameters, x, y))
    gradients[position] = wrong(gradients[position])
    found = gaps(gradients, complex_step(parameters, x, y))
    assert [i for i, gap in enumerate(found) if gap > 1e-9] == [position]


def test_complex_step_agrees_with_central_differences_of_the_same_loss():
    x, y = probe_batch(5, 7, 3, seed=2)
    parameters = probe_parameters(7, 4, 3, seed=2)
    ahead, behind = (parameters._replace(b1=parameters.b1 + sign * 1e-5) for sign in (1, -1))
    along = (corrected.loss(ahead, x, y) - corrected.loss(behind, x, y)) / 2e-5
    assert along == pytest.approx(complex_step(parameters, x, y)[1].sum(), rel=1e-8)


def test_step_goes_down_the_gradient_and_leaves_what_it_was_given():
    x, y = probe_batch(13)
    parameters = probe_parameters()
    before = [array.copy() for array in parameters]
    stepped = corrected.step(parameters, x, y, learning_rate=0.1)
    for old, given_array, gradient, new in zip(before, parameters, analytic(parameters, x, y), stepped):
        np.testing.assert_array_equal(given_array, old)
        np.testing.assert_allclose(new, old - 0.1 * gradient, rtol=1e-12)
        assert not np.array_equal(new, old)
    assert corrected.loss(stepped, x, y) < corrected.loss(parameters, x, y)


@pytest.mark.parametrize(("dtype", "other"), [(np.float32, np.float32), (np.float64, np.float32)])
def test_dtype_is_kept(dtype, other):
    x, y = (array.astype(dtype) for array in probe_batch(13))
    parameters = Parameters(*(array.astype(other) for array in probe_parameters()))
    results = [*corrected.forward(parameters, x), *analytic(parameters, x, y)]
    results += [*corrected.step(parameters, x, y, learning_rate=0.1), corrected.loss(parameters, x, y)]
    # The control: one float64 input must show as float64, or the check would not see it creep in.
    assert {result.dtype for result in results} == {np.dtype(dtype)}


@given(arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.floats(-1e6, 1e6)))
def test_softmax_and_loss_hold_at_extreme_logits(Z):
    probabilities = corrected.softmax(Z)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert (probabilities >= 0).all()
    y = np.eye(Z.shape[1])[Z.argmin(axis=1)]
    spread = Z.max(axis=1) - Z.min(axis=1)
    entropy = corrected.cross_entropy(Z, y)
    # The worst label costs the spread, and at most log c on top of it.
    assert spread.mean() * (1 - 1e-9) - 1e-9 <= entropy
    assert entropy <= (spread.mean() + np.log(Z.shape[1])) * (1 + 1e-9) + 1e-9


def test_cross_entropy_is_the_mean_log_probability():
    Z = np.array([[0.0, 1.0, 2.0], [3.0, -1.0, 0.5]])
    y = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    by_hand = -(np.log(np.exp(1) / np.exp([0, 1, 2]).sum()) + np.log(np.exp(3) / np.exp([3, -1, 0.5]).sum())) / 2
    assert corrected.cross_entropy(Z, y) == pytest.approx(by_hand, rel=1e-14)


def test_normal_init_draws_all_four_and_he_scales_weights_and_zeroes_biases():
    normal, he = (corrected.initialise(init, 784, 100, 10, seed=0) for init in ("normal", "he"))
    assert [array.shape for array in he] == [(784, 100), (100,), (100, 10), (10,)]
    assert [array.shape for array in normal] == [array.shape for array in he]
    assert normal.W1.std() == pytest.approx(1, rel=0.02)
    assert he.W1.std() == pytest.approx(np.sqrt(2 / 784), rel=0.02)
    assert he.W2.std() == pytest.approx(np.sqrt(2 / 100), rel=0.1)
    assert normal.b1.all()
    assert not he.b1.any()
    assert not he.b2.any()


def test_init_hangs_on_the_seed_alone():
    first, again, other = (corrected.initialise("normal", seed=seed).W1 for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_unknown_init_is_refused():
    with pytest.raises(ValueError, match=r"^init: expected 'normal' or 'he', got 'xavier'$"):
        corrected.initialise("xavier", seed=0)


def test_full_batch_training_is_repeated_steps():
    x, y = probe_batch(13)
    parameters = stepped = probe_parameters()
    epochs = list(corrected.train(parameters, x, y, learning_rate=0.1, epochs=3))
    for _ in range(3):
        stepped = corrected.step(stepped, x, y, learning_rate=0.1)
    np.testing.assert_array_equal(epochs[-1].parameters.W1, stepped.W1)
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    assert epochs[-1].loss == corrected.loss(stepped, x, y)


def test_mini_batches_learn_the_subset_and_hang_on_the_seed(subset):
    def last(seed):
        parameters = corrected.initialise("he", seed=0)
        runs = corrected.train(
            parameters, subset.x_train, subset.y_train, learning_rate=0.1, epochs=3, batch=32, seed=seed
        )
        return list(runs)[-1]

    assert last(0).accuracy > 0.8
    assert last(0).loss == last(0).loss
    assert last(0).loss != last(1).loss


@given(st.integers(1, 40), st.integers(1, 50), seeds)
def test_batches_take_every_row_once(m, batch, seed):
    groups = list(corrected.batches(m, batch, np.random.default_rng(seed)))
    assert sorted(np.concatenate(groups)) == list(range(m))
    assert {len(group) for group in groups[:-1]} <= {batch}
    assert 1 <= len(groups[-1]) <= batch


def test_a_batch_of_none_is_one_slice():
    assert list(corrected.batches(5, None, np.random.default_rng(0))) == [slice(None)]


def test_batch_below_one_is_refused():
    x, y = probe_batch(2)
    with pytest.raises(ValueError, match=r"^batch: expected a positive number of rows or None .*, got 0$"):
        next(corrected.train(probe_parameters(), x, y, learning_rate=0.1, epochs=1, batch=0))


def test_evaluate_counts_the_rows_that_are_right():
    parameters = Parameters(np.eye(3), np.zeros(3), np.eye(3), np.zeros(3))  # the class is the largest pixel's
    x = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]])
    right = np.eye(3)[[0, 1, 2, 2]]
    assert corrected.evaluate(parameters, x, right)[1] == 1
    loss, accuracy = corrected.evaluate(parameters, x, np.eye(3)[[0, 1, 2, 0]])
    assert accuracy == 0.75
    assert loss == corrected.loss(parameters, x, np.eye(3)[[0, 1, 2, 0]])
