"""Parameters in one dict and gradients in another, under the same keys: an entry of grads is no update."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, t, p = inputs(m, d, h, seed)",
            "call": "step(x, t, p)",
            "sizes": {"m": 9, "d": 4, "h": 5},
        }
    },
}
EXPECTED = {"verdict": "pass", "loss": "loss"}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(m, d)), rng.integers(2, size=(m, 1)).astype(float)
    p = {
        "W1": rng.normal(size=(d, h)),
        "b1": rng.normal(size=h),
        "W2": rng.normal(size=(h, 1)),
        "b2": rng.normal(size=1),
    }
    return x, t, p


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def step(x, t, p, lr=0.2):
    m = len(x)
    Z1 = x @ p["W1"] + p["b1"]
    A1 = sigmoid(Z1)
    Z2 = A1 @ p["W2"] + p["b2"]
    A2 = sigmoid(Z2)
    loss = -np.mean(t * np.log(A2) + (1 - t) * np.log(1 - A2))

    grads = {}
    dZ2 = (A2 - t) / m
    grads["W2"] = A1.T @ dZ2
    grads["b2"] = dZ2.sum(axis=0)
    dA1 = dZ2 @ p["W2"].T
    dZ1 = dA1 * A1 * (1 - A1)
    grads["W1"] = x.T @ dZ1
    grads["b1"] = dZ1.sum(axis=0)

    for name in p:
        p[name] = p[name] - lr * grads[name]
    return loss, grads
