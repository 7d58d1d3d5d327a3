"""Two residual blocks of one width: each value goes on by two paths."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W1, b1, W2, b2, V = inputs(m, d, seed)",
            "call": "step(x, y, W1, b1, W2, b2, V)",
            "sizes": {"m": 7, "d": 5},
        }
    },
}


def inputs(m, d, seed):
    rng = np.random.default_rng(seed)
    shapes = [(d, d), (d,), (d, d), (d,), (d, 2)]
    return rng.normal(size=(m, d)), rng.normal(size=(m, 2)), *(0.5 * rng.normal(size=shape) for shape in shapes)


def step(x, y, W1, b1, W2, b2, V, lr=0.1):
    m = len(x)
    z1 = x @ W1 + b1
    h1 = x + np.tanh(z1)
    z2 = h1 @ W2 + b2
    h2 = h1 + np.tanh(z2)
    out = h2 @ V
    loss = np.sum((out - y) ** 2) / (2 * m)

    dout = (out - y) / m
    dV = h2.T @ dout
    dh2 = dout @ V.T
    dz2 = dh2 * (1 - np.tanh(z2) ** 2)
    dW2 = h1.T @ dz2
    db2 = dz2.sum(axis=0)
    dh1 = dh2 + dz2 @ W2.T
    dz1 = dh1 * (1 - np.tanh(z1) ** 2)
    dW1 = x.T @ dz1
    db1 = dz1.sum(axis=0)

    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2
    V -= lr * dV
    return loss
