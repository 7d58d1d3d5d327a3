"""Each fact about the original's mistakes, held against the corrected network at the same parameters."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from reference_net import corrected, original
from reference_net.corrected import Parameters
from reference_net.probe import probe_batch

RATE = 0.1


def parameters() -> Parameters:
    return Parameters(*(array.copy() for array in (original.W1, original.b1, original.W2, original.b2)))


@pytest.fixture
def both(locals_of):
    """What both networks compute on the same 13 digits: original's locals, corrected's, parameters before."""
    x, y = probe_batch(13)
    before = parameters()
    Z1, A1, _, A2 = corrected.forward(before, x)
    right = locals_of(corrected.backward, lambda: corrected.backward(before, x, y, Z1, A1, A2))
    wrong = locals_of(original.train, lambda: original.train(x, y, RATE, epochs=1))
    return wrong, right, before


def close(a, b) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-10, atol=1e-14)


def test_shapes(both):
    wrong, right, _ = both
    names = ["dZ2", "dW2", "db2", "dZ1", "dW1", "db1"]
    assert [np.shape(wrong[name]) for name in names] == [(13, 10), (10, 10), (13,), (13, 10), (10, 784), ()]
    assert [np.shape(right[name]) for name in names] == [
        (13, 10),
        (10, 10),
        (10,),
        (13, 10),
        (784, 10),
        (10,),
    ]


@pytest.mark.parametrize("name", ["Z1", "A1", "A2", "dZ2", "dZ1"])
def test_forward_and_both_dZ_are_right(both, name):
    wrong, right, _ = both
    assert close(wrong[name], right[name])


def test_dW2_is_the_right_one_transposed(both):
    wrong, right, _ = both
    assert close(wrong["dW2"], right["dW2"].T)
    assert not close(wrong["dW2"], right["dW2"])


def test_dW1_has_the_right_values_transposed(both):
    wrong, right, _ = both
    assert close(wrong["dW1"].T, right["dW1"])


def test_db2_is_zero_where_the_right_one_is_not(both):
    wrong, right, _ = both
    assert np.abs(wrong["db2"]).max() < 1e-15
    assert np.abs(right["db2"]).max() > 0.1


def test_db1_is_the_sum_of_the_right_one(both):
    wrong, right, _ = both
    assert wrong["db1"] == pytest.approx(right["db1"].sum(), rel=1e-10)
    assert np.ptp(right["db1"]) > 1e-3  # so a scalar can't stand for it


def test_update_puts_dW1_right_and_the_other_two_not(both):
    _, right, before = both
    assert close(original.W1, before.W1 - RATE * right["dW1"])
    assert close(original.W2, before.W2 - RATE * right["dW2"].T)
    assert close(original.b1, before.b1 - RATE * right["db1"].sum())
    assert not close(original.W2, before.W2 - RATE * right["dW2"])
    assert not close(original.b1, before.b1 - RATE * right["db1"])


@pytest.mark.parametrize("m", [2, 9, 11, 13, 32])
def test_b2_update_raises_as_posted(both, m):
    x, y = probe_batch(m)
    message = rf"^operands could not be broadcast together with shapes \(10,\) \({m},\)"
    with pytest.raises(ValueError, match=message):
        original.train(x, y, RATE, epochs=1)


@pytest.mark.parametrize("m", [1, 10])
def test_b2_update_is_silent_where_m_is_one_or_the_number_of_classes(m):
    before = parameters()
    original.train(*probe_batch(m), RATE, epochs=1)
    assert original.b2.shape == (10,)
    np.testing.assert_allclose(original.b2, before.b2, atol=1e-15)  # zeros were subtracted
    assert not np.array_equal(original.W2, before.W2)


def test_skipping_the_b2_update_leaves_the_others():
    before = parameters()
    original.train(*probe_batch(13), RATE, epochs=2, skip_b2_update=True)
    changed = [not np.array_equal(old, new) for old, new in zip(before, parameters())]
    assert changed == [True, True, True, False]


def test_a_W2_that_is_not_square_makes_its_update_loud():
    original.initialise("normal", 7, 4, 3, seed=0)
    with pytest.raises(ValueError, match=r"shapes \(4,3\) \(3,4\)"):
        original.train(*probe_batch(5, 7, 3), RATE, epochs=1)


def test_gradients_at_other_sizes_come_before_what_raises(locals_of):
    original.initialise("normal", 7, 4, 3, seed=0)
    seen = locals_of(original.train, lambda: original.train(*probe_batch(5, 7, 3), RATE, epochs=1))
    assert [np.shape(seen[name]) for name in ("dW2", "db2", "dW1", "db1")] == [(3, 4), (5,), (4, 7), ()]


def test_softmax_loses_a_row_far_below_the_largest():
    Z = np.array([[0.0, 1.0], [800.0, 801.0]])
    right = corrected.softmax(Z)
    with np.errstate(invalid="ignore"):
        wrong = original.softmax(Z)
    assert np.isnan(wrong[0]).all()
    np.testing.assert_allclose(wrong[1], right[1])
    np.testing.assert_allclose(right[0], right[1])
    np.testing.assert_allclose(right[0], [1 / (1 + np.e), np.e / (1 + np.e)])


def test_softmax_is_right_where_rows_are_near():
    Z = np.array([[0.0, 1.0], [700.0, 701.0]])
    np.testing.assert_allclose(original.softmax(Z), corrected.softmax(Z), rtol=1e-12)


def test_import_draws_from_the_standard_normal_with_a_fixed_seed():
    original.initialise(seed=5)
    drawn_elsewhere = original.W1
    importlib.reload(original)
    np.testing.assert_array_equal(original.W1, corrected.initialise("normal", seed=0).W1)
    assert not np.array_equal(original.W1, drawn_elsewhere)
    assert [array.shape for array in parameters()] == [(784, 10), (10,), (10, 10), (10,)]


def test_he_init_is_that_of_the_corrected_network():
    original.initialise("he", seed=3)
    for ours, theirs in zip(parameters(), corrected.initialise("he", seed=3)):
        np.testing.assert_array_equal(ours, theirs)


def test_unknown_init_is_refused_and_leaves_the_globals():
    before = original.W1
    with pytest.raises(ValueError, match=r"^init: expected 'normal' or 'he', got 'zeros'$"):
        original.initialise("zeros")
    assert original.W1 is before
