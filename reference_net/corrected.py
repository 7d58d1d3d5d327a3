"""The network put right: a two-layer classifier with its loss written down. Rows are samples, gradients keep
the layout of what they belong to, and everything is a function of (parameters, x, y).

x (m, d) holds pixels in [0, 1], y (m, c) one-hot labels. No dtype is converted: float32 in, float32 out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class Parameters(NamedTuple):
    """Weights and biases of both layers; gradients come back in the same order and the same shapes."""

    W1: np.ndarray
    """(d, h): pixels to hidden units."""
    b1: np.ndarray
    """(h,)"""
    W2: np.ndarray
    """(h, c): hidden units to classes."""
    b2: np.ndarray
    """(c,)"""


class Epoch(NamedTuple):
    """Where training stands after one pass over the data."""

    number: int
    """Counted from 1."""
    parameters: Parameters
    loss: float
    """Mean cross-entropy over the whole training set, in nats."""
    accuracy: float
    """Share of the training set classified rightly, 0 to 1."""


def initialise(init: str, d: int = 784, h: int = 10, c: int = 10, *, seed: int) -> Parameters:
    """Draw float64 parameters W1 (d, h), b1 (h,), W2 (h, c), b2 (c,).

    `normal` draws all four from the standard normal. `he` draws weights of variance 2/fan_in and starts the
    biases at zero (He et al. 2015, section 2.2). Raises ValueError for any other `init`.
    """
    rng = np.random.default_rng(seed)
    W1, b1, W2, b2 = (rng.standard_normal(shape) for shape in [(d, h), h, (h, c), c])
    if init == "normal":
        return Parameters(W1, b1, W2, b2)
    if init == "he":
        return Parameters(W1 * np.sqrt(2 / d), np.zeros(h), W2 * np.sqrt(2 / h), np.zeros(c))
    raise ValueError(f"init: expected 'normal' or 'he', got {init!r}")


def relu(Z: np.ndarray) -> np.ndarray:
    """max(Z, 0), entry by entry; any shape."""
    return np.maximum(Z, 0)


def softmax(Z: np.ndarray) -> np.ndarray:
    """exp(Z) over its row sum, Z (m, c) to (m, c).

    The maximum of each row comes off first: the largest exponent is then 0 in every row, so that no row
    overflows and none is left with a sum of zero, however far apart the rows are.
    """
    exponentials = np.exp(Z - Z.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def forward(parameters: Parameters, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x (m, d) to Z1 (m, h), A1 (m, h), Z2 (m, c) and A2 (m, c), the class probabilities.

    Raises NumPy's ValueError when the sizes of x and the parameters don't fit.
    """
    W1, b1, W2, b2 = parameters
    Z1 = x @ W1 + b1
    A1 = relu(Z1)
    Z2 = A1 @ W2 + b2
    A2 = softmax(Z2)
    return Z1, A1, Z2, A2


def cross_entropy(Z2: np.ndarray, y: np.ndarray) -> np.floating:
    """Mean softmax cross-entropy of logits Z2 (m, c) against one-hot y (m, c), in nats: a scalar.

    It takes logits, not probabilities: log(softmax) would meet log(0) where the log-sum-exp stays finite.
    """
    shifted = Z2 - Z2.max(axis=1, keepdims=True)
    log_likelihood = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(y * log_likelihood).sum() / len(y)


def loss(parameters: Parameters, x: np.ndarray, y: np.ndarray) -> np.floating:
    """Mean softmax cross-entropy of the network on x (m, d), y (m, c), in nats: a scalar."""
    _, _, Z2, _ = forward(parameters, x)
    return cross_entropy(Z2, y)


def evaluate(parameters: Parameters, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy in nats and accuracy, 0 to 1, on x (m, d), one-hot y (m, c); one forward pass."""
    _, _, Z2, _ = forward(parameters, x)
    hits = Z2.argmax(axis=1) == y.argmax(axis=1)
    return float(cross_entropy(Z2, y)), float(hits.mean())


def backward(
    parameters: Parameters, x: np.ndarray, y: np.ndarray, Z1: np.ndarray, A1: np.ndarray, A2: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of the mean loss: dW1 (d, h), db1 (h,), dW2 (h, c), db2 (c,), from what `forward` computed.

    dZ2 and dZ1 carry a factor m, since a sum's gradient needs no division; the four that leave have lost it.
    """
    _, _, W2, _ = parameters
    m = len(x)
    dZ2 = A2 - y
    dW2 = A1.T @ dZ2 / m
    db2 = dZ2.sum(axis=0) / m
    dZ1 = (dZ2 @ W2.T) * (Z1 > 0)
    dW1 = x.T @ dZ1 / m
    db1 = dZ1.sum(axis=0) / m
    return dW1, db1, dW2, db2


def step(parameters: Parameters, x: np.ndarray, y: np.ndarray, learning_rate: float) -> Parameters:
    """One step of gradient descent on x (m, d), y (m, c): new parameters; the given ones stay as they are."""
    Z1, A1, _, A2 = forward(parameters, x)
    dW1, db1, dW2, db2 = backward(parameters, x, y, Z1, A1, A2)
    W1, b1, W2, b2 = parameters
    W1 = W1 - learning_rate * dW1
    b1 = b1 - learning_rate * db1
    W2 = W2 - learning_rate * dW2
    b2 = b2 - learning_rate * db2
    return Parameters(W1, b1, W2, b2)


def train(
    parameters: Parameters,
    x: np.ndarray,
    y: np.ndarray,
    *,
    learning_rate: float,
    epochs: int,
    batch: int | None = None,
    seed: int = 0,
) -> Iterator[Epoch]:
    """Yield an `Epoch` after every pass over x (m, d), y (m, c).

    `batch` rows make a step, the last one of an epoch perhaps fewer, in an order drawn anew from `seed` each
    epoch; None takes all rows at once. Raises ValueError for a batch below 1.
    """
    if batch is not None and batch < 1:
        raise ValueError(f"batch: expected a positive number of rows or None for all of them, got {batch}")
    rng = np.random.default_rng(seed)
    for number in range(1, epochs + 1):
        for rows in batches(len(x), batch, rng):
            parameters = step(parameters, x[rows], y[rows], learning_rate)
        yield Epoch(number, parameters, *evaluate(parameters, x, y))


def batches(m: int, batch: int | None, rng: np.random.Generator) -> Iterator[slice | np.ndarray]:
    """Index the m rows of one epoch: all of them as one slice (no copy), or shuffled groups of `batch`."""
    if batch is None:
        yield slice(None)
        return
    order = rng.permutation(m)
    for start in range(0, m, batch):
        yield order[start : start + batch]
