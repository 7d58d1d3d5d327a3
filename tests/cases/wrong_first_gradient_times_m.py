"""Gradients are divided by m at the end; the first of all is wrong, so that only the last lines show it."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W1, b1, W2, b2 = inputs(m, d, h, seed)",
            "call": "step(x, y, W1, b1, W2, b2)",
            "sizes": {"m": 8, "d": 5, "h": 4},
        }
    },
}
EXPECTED = {"verdict": "fail", "fail": ["dout"], "inherited": ["dW2", "db2", "dZ1", "dW1", "db1"]}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    shapes = [(d, h), (h,), (h, 3), (3,)]
    return rng.normal(size=(m, d)), rng.normal(size=(m, 3)), *(rng.normal(size=shape) for shape in shapes)


def step(x, y, W1, b1, W2, b2):
    m = len(x)
    Z1 = x @ W1 + b1
    A1 = np.tanh(Z1)
    out = A1 @ W2 + b2
    loss = ((out - y) ** 2).sum() / (2 * m)
    dout = (out - y) ** 2
    dW2 = A1.T @ dout / m
    db2 = dout.sum(axis=0) / m
    dZ1 = (dout @ W2.T) * (1 - A1**2)
    dW1 = x.T @ dZ1 / m
    db1 = dZ1.sum(axis=0) / m
    W1 -= 0.1 * dW1
    b1 -= 0.1 * db1
    W2 -= 0.1 * dW2
    b2 -= 0.1 * db2
    return loss
