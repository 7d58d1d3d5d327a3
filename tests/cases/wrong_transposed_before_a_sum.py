"""A tied weight whose gradient is the sum of two: a transposed one raises before the second is added."""

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
EXPECTED = {"verdict": "fail", "fail": ["dz"], "codes": {"dz": "GC102"}}


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
    dz = (da * (1 - a**2)).T
    dW = dr.T @ a
    dW += x.T @ dz
    db = dz.sum(axis=0)

    W -= lr * dW
    b -= lr * db
    c -= lr * dc
    return loss
