"""Leaky ReLU and inverted dropout with a mask drawn from a fixed seed."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W1, b1, W2, b2 = inputs(m, d, h, c, seed)",
            "call": "step(x, y, W1, b1, W2, b2)",
            "sizes": {"m": 9, "d": 5, "h": 7, "c": 3},
        }
    },
}


def inputs(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(m, d)), np.eye(c)[rng.integers(c, size=m)]
    return x, y, rng.normal(size=(d, h)), rng.normal(size=h), rng.normal(size=(h, c)), rng.normal(size=c)


def step(x, y, W1, b1, W2, b2, lr=0.1, keep=0.8, slope=0.1):
    m = len(x)
    Z1 = x @ W1 + b1
    A1 = np.where(Z1 > 0, Z1, slope * Z1)
    mask = np.random.default_rng(5).random(A1.shape) < keep
    D1 = A1 * mask / keep
    Z2 = D1 @ W2 + b2
    E = np.exp(Z2 - Z2.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    loss = -np.log(P[y == 1]).mean()

    dZ2 = (P - y) / m
    dW2 = D1.T @ dZ2
    db2 = dZ2.sum(axis=0)
    dD1 = dZ2 @ W2.T
    dA1 = dD1 * mask / keep
    dZ1 = dA1 * np.where(Z1 > 0, 1, slope)
    dW1 = x.T @ dZ1
    db1 = dZ1.sum(axis=0)

    W2 -= lr * dW2
    b2 -= lr * db2
    W1 -= lr * dW1
    b1 -= lr * db1
    return loss
