"""Rows looked up by index, some twice: `+=` at an index adds only the last of them."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "words, y, E, W, b = inputs(m, v, d, c, seed)",
            "call": "step(words, y, E, W, b)",
            "sizes": {"m": 6, "v": 7, "d": 4, "c": 3},
        }
    },
}
EXPECTED = {"verdict": "fail", "fail": ["dE"], "fix": {"dE": "np.add.at(dE, words, dX)"}}


def inputs(m, v, d, c, seed):
    rng = np.random.default_rng(seed)
    words, y = rng.integers(v, size=(m, 5)), rng.normal(size=(m, c))
    return words, y, rng.normal(size=(v, d)), rng.normal(size=(d, c)), rng.normal(size=c)


def step(words, y, E, W, b):
    X = E[words]
    H = X.mean(axis=1)
    out = H @ W + b
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
    dW = H.T @ dout
    db = dout.sum(axis=0)
    dH = dout @ W.T
    dX = np.repeat(dH[:, None, :], 5, axis=1) / 5
    dE = np.zeros_like(E)
    dE[words] += dX
    E = E - 0.1 * dE
    W = W - 0.1 * dW
    b = b - 0.1 * db
    return loss, E, W, b
