"""Linear regression with a bias and a ridge penalty."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "X, y, w, b = inputs(m, d, seed)",
            "call": "step(X, y, w, b)",
            "sizes": {"m": 12, "d": 5},
        }
    },
}


def inputs(m, d, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.normal(size=m), rng.normal(size=d), rng.normal(size=1)


def step(X, y, w, b, lr=0.1, ridge=0.2):
    n = len(y)
    pred = X @ w + b
    err = pred - y
    loss = np.mean(err**2) + ridge * np.sum(w**2)

    derr = 2 * err / n
    dw = X.T @ derr + 2 * ridge * w
    db = derr.sum(axis=0, keepdims=True)

    w = w - lr * dw
    b = b - lr * db
    return loss, w, b
