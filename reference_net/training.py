"""Training runs of either network, described by plain data and measured alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reference_net import corrected, original
from reference_net.corrected import Epoch, Parameters
from reference_net.data import Digits


@dataclass(frozen=True, slots=True)
class Run:
    """What to train, and how."""

    network: str
    """`original` or `corrected`."""
    init: str
    """`normal` or `he`."""
    learning_rate: float
    epochs: int
    batch: int | None = None
    """Rows per step; None for all of them."""
    seed: int = 0
    """Of the parameters and of the order of the rows."""
    skip_b2_update: bool = False
    """Leave out the update at which the original raises."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What was measured after an epoch."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean cross-entropy over the training set, in nats."""
    train_accuracy: float
    """0 to 1."""
    test_accuracy: float
    """0 to 1."""


def learn(run: Run, digits: Digits) -> Iterator[Progress]:
    """Train as `run` says and yield a `Progress` after each epoch. Raises what the network itself raises.

    The original has no loss and can't be asked for one: both networks are measured by the same stable forward
    pass, which computes what the original's does as long as that doesn't underflow.
    """
    epochs = _epochs_of_original if run.network == "original" else _epochs_of_corrected
    for epoch in epochs(run, digits):
        _, test_accuracy = corrected.evaluate(epoch.parameters, digits.x_test, digits.y_test)
        yield Progress(epoch.number, epoch.loss, epoch.accuracy, test_accuracy)


def _epochs_of_corrected(run: Run, digits: Digits) -> Iterator[Epoch]:
    parameters = corrected.initialise(run.init, seed=run.seed)
    return corrected.train(
        parameters,
        digits.x_train,
        digits.y_train,
        learning_rate=run.learning_rate,
        epochs=run.epochs,
        batch=run.batch,
        seed=run.seed,
    )


def _epochs_of_original(run: Run, digits: Digits) -> Iterator[Epoch]:
    original.initialise(run.init, seed=run.seed)
    x, y = digits.x_train, digits.y_train
    rng = np.random.default_rng(run.seed)
    for number in range(1, run.epochs + 1):
        for rows in corrected.batches(len(x), run.batch, rng):
            original.train(x[rows], y[rows], run.learning_rate, 1, run.skip_b2_update)
        parameters = Parameters(original.W1, original.b1, original.W2, original.b2)
        yield Epoch(number, parameters, *corrected.evaluate(parameters, x, y))
