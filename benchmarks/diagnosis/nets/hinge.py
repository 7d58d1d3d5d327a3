"""A multi-class support vector machine with its hinge loss and a penalty."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "X, labels, W = inputs(m, d, c, seed)",
            "call": "step(X, labels, W)",
            "sizes": {"m": 10, "d": 6, "c": 4},
        }
    },
}


def inputs(m, d, c, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.integers(c, size=m), rng.normal(size=(d, c))


def step(X, labels, W, lr=0.05, reg=0.1):
    m = X.shape[0]
    scores = X @ W
    correct = scores[np.arange(m), labels][:, None]
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(m), labels] = 0
    loss = np.sum(margins) / m + reg * np.sum(W * W)

    dscores = (margins > 0).astype(float)
    dscores[np.arange(m), labels] = -dscores.sum(axis=1)
    dscores /= m
    dW = X.T @ dscores
    dW += 2 * reg * W

    W -= lr * dW
    return loss
