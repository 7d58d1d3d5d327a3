"""An autoencoder whose decoder is the encoder's transpose: one weight, two uses."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, W, b, c = inputs(m, d, h, seed)",
            "call": "step(x, W, b, c)",
            "sizes": {"m": 8, "d": 6, "h": 4},
        }
    },
}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), 0.5 * rng.normal(size=(d, h)), rng.normal(size=h), rng.normal(size=d)


def step(x, W, b, c, lr=0.05):
    m = len(x)
    z = x @ W + b
    a = np.tanh(z)
    r = a @ W.T + c
    loss = np.sum((r - x) ** 2) / (2 * m)

    dr = (r - x) / m
    dc = dr.sum(axis=0)
    da = dr @ W
    dz = da * (1 - a**2)
    dW = dr.T @ a
    dW += x.T @ dz
    db = dz.sum(axis=0)

    W -= lr * dW
    b -= lr * db
    c -= lr * dc
    return loss
