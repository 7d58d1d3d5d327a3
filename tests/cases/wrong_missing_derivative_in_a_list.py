"""Layers in lists and one name for what flows back through all of them; the activation's derivative is left out."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W, b = inputs(m, d, h, c, seed)",
            "call": "step(x, y, W, b)",
            "sizes": {"m": 8, "d": 4, "h": 5, "c": 3},
        }
    },
}
EXPECTED = {
    "verdict": "fail",
    "fail": ["delta[0]", "delta[1]"],
    "inherited": ["dW[1]", "db[1]", "dW[0]", "db[0]"],
    "codes": {"delta[0]": "GC311", "delta[1]": "GC311"},
    "fix": {"delta[0]": "delta = delta @ W[i].T * (1 - A[i]**2)"},
}


def inputs(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(m, d)), rng.normal(size=(m, c))
    W = [rng.normal(size=shape) * 0.7 for shape in [(d, h), (h, h), (h, c)]]
    return x, y, W, [rng.normal(size=n) * 0.3 for n in (h, h, c)]


def step(x, y, W, b, lr=0.1):
    A = [x]
    Z = []
    for i in range(len(W)):
        z = A[i] @ W[i] + b[i]
        Z.append(z)
        A.append(np.tanh(z) if i < len(W) - 1 else z)
    loss = ((A[-1] - y) ** 2).sum() / len(x)

    dW = [None] * len(W)
    db = [None] * len(b)
    delta = 2 * (A[-1] - y) / len(x)
    for i in reversed(range(len(W))):
        dW[i] = A[i].T @ delta
        db[i] = delta.sum(axis=0)
        if i > 0:
            delta = delta @ W[i].T

    for i in range(len(W)):
        W[i] = W[i] - lr * dW[i]
        b[i] = b[i] - lr * db[i]
    return loss
