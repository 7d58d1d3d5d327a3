"""The network that did not learn, in the manner of its author: globals, one function, no loss. Its mistakes
are the point; tests/reference_net/test_original.py pins each of them, and `corrected.py` stands beside it.
"""

import numpy as np


def initialise(init="normal", d=784, h=10, c=10, seed=0):
    """Set the globals W1 (d, h), b1 (h,), W2 (h, c), b2 (c,) to standard normal draws, or to He's."""
    global W1, b1, W2, b2
    if init not in ("normal", "he"):
        raise ValueError(f"init: expected 'normal' or 'he', got {init!r}")
    rng = np.random.default_rng(seed)
    W1 = rng.standard_normal((d, h))
    b1 = rng.standard_normal(h)
    W2 = rng.standard_normal((h, c))
    b2 = rng.standard_normal(c)
    if init == "he":
        W1, b1 = W1 * np.sqrt(2 / d), np.zeros(h)
        W2, b2 = W2 * np.sqrt(2 / h), np.zeros(c)


def relu(Z):
    return np.maximum(Z, 0)


def softmax(Z):
    exponentials = np.exp(Z - np.max(Z))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def train(x, y, learning_rate, epochs, skip_b2_update=False):
    """Gradient descent on all of x (m, d), one-hot y (m, c), `epochs` times; changes the globals.

    Raises ValueError at the last update unless m is c or 1, or `skip_b2_update` leaves that update out.
    """
    global W1, b1, W2, b2
    m = x.shape[0]
    for _ in range(epochs):
        Z1 = x @ W1 + b1
        A1 = relu(Z1)
        Z2 = A1 @ W2 + b2
        A2 = softmax(Z2)

        dZ2 = A2 - y
        dW2 = dZ2.T @ A1 / m
        db2 = dZ2.sum(axis=1) / m
        dZ1 = (W2 @ dZ2.T).T * (Z1 > 0)
        dW1 = dZ1.T @ x / m
        db1 = dZ1.sum() / m

        W1 = W1 - learning_rate * dW1.T
        b1 = b1 - learning_rate * db1
        W2 = W2 - learning_rate * dW2
        if not skip_b2_update:
            b2 = b2 - learning_rate * db2


initialise()
