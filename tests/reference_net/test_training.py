"""Runs of both networks are described and measured alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reference_net import corrected, original
from reference_net.data import Digits
from reference_net.training import Run, learn

CORRECTED = Run("corrected", "he", 0.1, 2, batch=32)
ORIGINAL = Run("original", "normal", 0.1, 3, skip_b2_update=True)


def test_corrected_is_its_own_train_measured_on_both_sets(subset):
    history = list(learn(CORRECTED, subset))
    runs = corrected.train(
        corrected.initialise("he", seed=0),
        subset.x_train,
        subset.y_train,
        learning_rate=0.1,
        epochs=2,
        batch=32,
    )
    for progress, epoch in zip(history, runs, strict=True):
        assert (progress.epoch, progress.loss, progress.train_accuracy) == (
            epoch.number,
            epoch.loss,
            epoch.accuracy,
        )
        _, expected = corrected.evaluate(epoch.parameters, subset.x_test, subset.y_test)
        assert progress.test_accuracy == expected != epoch.accuracy


def test_original_one_epoch_at_a_time_is_its_own_loop(subset):
    list(learn(ORIGINAL, subset))
    stepwise = original.W1
    original.initialise("normal", seed=0)
    original.train(subset.x_train, subset.y_train, 0.1, epochs=3, skip_b2_update=True)
    np.testing.assert_array_equal(original.W1, stepwise)
    assert not np.array_equal(stepwise, corrected.initialise("normal", seed=0).W1)


def test_original_as_posted_raises_before_its_first_measurement(subset):
    with pytest.raises(ValueError, match=r"shapes \(10,\) \(2000,\)"):
        next(learn(replace(ORIGINAL, skip_b2_update=False), subset))


@pytest.mark.parametrize("run", [CORRECTED, ORIGINAL], ids=lambda run: run.network)
def test_a_run_hangs_on_its_seed(run, subset):
    first, again, other = (list(learn(replace(run, seed=seed), subset)) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_right_steps_beat_the_originals_from_the_same_start(subset):
    """The comparison that the plot makes, in small: same digits, same draw, same rate."""
    small = Digits(subset.x_train[:300], subset.y_train[:300], subset.x_test, subset.y_test)
    wrong = list(learn(replace(ORIGINAL, epochs=60), small))[-1]
    right = list(learn(replace(ORIGINAL, epochs=60, network="corrected"), small))[-1]
    assert right.train_accuracy > wrong.train_accuracy + 0.1
