"""A squared error behind a softmax, all right: the derivative is the whole of the Jacobian."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W1, b1, W, b = inputs(m, d, h, c, seed)",
            "call": "step(x, y, W1, b1, W, b)",
            "sizes": {"m": 7, "d": 5, "h": 4, "c": 3},
            "shapes": "x:(m,d) y:(m,c) W1:(d,h) b1:(h) W:(h,c) b:(c)",
        }
    },
}
EXPECTED = {"verdict": "pass"}


def inputs(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    y = np.eye(c)[rng.integers(0, c, m)]
    sizes = [(d, h), h, (h, c), c]
    return rng.random((m, d)), y, *(rng.normal(size=size) for size in sizes)


def step(x, y, W1, b1, W, b):
    A1 = np.tanh(x @ W1 + b1)
    Z = A1 @ W + b
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    loss = ((P - y) ** 2).sum() / 2
    dP = P - y
    dZ = P * (dP - (dP * P).sum(axis=1, keepdims=True))
    dW = A1.T @ dZ
    db = dZ.sum(axis=0)
    dA1 = dZ @ W.T
    dZ1 = dA1 * (1 - A1**2)
    dW1 = x.T @ dZ1
    db1 = dZ1.sum(axis=0)
    return loss, W1 - 0.1 * dW1, b1 - 0.1 * db1, W - 0.1 * dW, b - 0.1 * db
