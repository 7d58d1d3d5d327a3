"""Softplus layer, squared error and an L2 penalty on both weights."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W1, b1, W2, b2 = inputs(m, d, h, seed)",
            "call": "step(x, y, W1, b1, W2, b2)",
            "sizes": {"m": 7, "d": 5, "h": 4},
        }
    },
}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    shapes = [(d, h), (h,), (h, 3), (3,)]
    return rng.normal(size=(m, d)), rng.normal(size=(m, 3)), *(rng.normal(size=shape) for shape in shapes)


def step(x, y, W1, b1, W2, b2, lr=0.1, lam=0.3):
    m = len(x)
    Z1 = x @ W1 + b1
    A1 = np.log1p(np.exp(Z1))
    out = A1 @ W2 + b2
    loss = np.sum((out - y) ** 2) / (2 * m) + lam / 2 * (np.sum(W1**2) + np.sum(W2**2))

    dout = (out - y) / m
    dW2 = A1.T @ dout + lam * W2
    db2 = dout.sum(axis=0)
    dA1 = dout @ W2.T
    dZ1 = dA1 / (1 + np.exp(-Z1))
    dW1 = x.T @ dZ1
    dW1 += lam * W1
    db1 = dZ1.sum(axis=0)

    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2
    return loss
