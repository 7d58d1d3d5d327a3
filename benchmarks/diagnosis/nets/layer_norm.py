"""Layer normalisation in its compact form, between two dense layers."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W1, g, b, W2 = inputs(m, d, h, seed)",
            "call": "step(x, y, W1, g, b, W2)",
            "sizes": {"m": 6, "d": 5, "h": 7},
        }
    },
}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(m, d)), rng.normal(size=(m, 3))
    return x, y, rng.normal(size=(d, h)), 1 + 0.2 * rng.normal(size=h), rng.normal(size=h), rng.normal(size=(h, 3))


def step(x, y, W1, g, b, W2, lr=0.1):
    m = len(x)
    u = x @ W1
    mean = u.mean(axis=1, keepdims=True)
    sd = np.sqrt(((u - mean) ** 2).mean(axis=1, keepdims=True) + 1e-6)
    n = (u - mean) / sd
    v = g * n + b
    a = np.maximum(v, 0)
    out = a @ W2
    loss = np.sum((out - y) ** 2) / m

    dout = 2 * (out - y) / m
    dW2 = a.T @ dout
    da = dout @ W2.T
    dv = da * (v > 0)
    dg = (dv * n).sum(axis=0)
    db = dv.sum(axis=0)
    dn = dv * g
    du = (dn - dn.mean(axis=1, keepdims=True) - n * (dn * n).mean(axis=1, keepdims=True)) / sd
    dW1 = x.T @ du

    W1 -= lr * dW1
    g -= lr * dg
    b -= lr * db
    W2 -= lr * dW2
    return loss
