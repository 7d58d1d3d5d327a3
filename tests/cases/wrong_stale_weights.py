"""W2 is updated in place before dA1 is computed from it."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W1, b1, W2, b2 = inputs(m, d, h, c, seed)",
            "call": "step(x, y, W1, b1, W2, b2)",
            "sizes": {"m": 7, "d": 5, "h": 4, "c": 3},
            "shapes": "x:(m,d) y:(m,c) W1:(d,h) b1:(h) W2:(h,c) b2:(c)",
        }
    },
}
EXPECTED = {
    "verdict": "fail",
    "fail": ["dA1"],
    "inherited": ["dZ1", "dW1", "db1"],
    "codes": {"dA1": "GC361"},
    "fix": {"dA1": "dA1 = dZ2 @ W2.T\n    W2 -= 0.1 * dW2"},
}


def inputs(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    y = np.eye(c)[rng.integers(0, c, m)]
    return (
        rng.random((m, d)),
        y,
        rng.normal(size=(d, h)),
        rng.normal(size=h),
        rng.normal(size=(h, c)),
        rng.normal(size=c),
    )


def step(x, y, W1, b1, W2, b2):
    Z1 = x @ W1 + b1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2 + b2
    E = np.exp(Z2 - Z2.max(axis=1, keepdims=True))
    A2 = E / E.sum(axis=1, keepdims=True)
    dZ2 = (A2 - y) / len(x)
    dW2 = A1.T @ dZ2
    db2 = dZ2.sum(axis=0)
    W2 -= 0.1 * dW2
    dA1 = dZ2 @ W2.T
    dZ1 = dA1 * (1 - A1**2)
    dW1 = x.T @ dZ1
    db1 = dZ1.sum(axis=0)
    W1 = W1 - 0.1 * dW1
    b1 = b1 - 0.1 * db1
    b2 = b2 - 0.1 * db2
    return W1, b1, W2, b2
