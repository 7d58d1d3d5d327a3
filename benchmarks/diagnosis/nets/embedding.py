"""Word vectors looked up by index, some twice, averaged and classified."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "words, y, E, W, b = inputs(m, v, d, c, seed)",
            "call": "step(words, y, E, W, b)",
            "sizes": {"m": 6, "v": 9, "d": 4, "c": 3},
        }
    },
}


def inputs(m, v, d, c, seed):
    rng = np.random.default_rng(seed)
    words, y = rng.integers(v, size=(m, 5)), np.eye(c)[rng.integers(c, size=m)]
    return words, y, rng.normal(size=(v, d)), rng.normal(size=(d, c)), rng.normal(size=c)


def step(words, y, E, W, b, lr=0.1):
    m, n = words.shape
    X = E[words]
    H = X.mean(axis=1)
    Z = H @ W + b
    U = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = U / U.sum(axis=1, keepdims=True)
    loss = -np.sum(y * np.log(P)) / m

    dZ = (P - y) / m
    dW = H.T @ dZ
    db = dZ.sum(axis=0)
    dH = dZ @ W.T
    dX = np.repeat(dH[:, None, :], n, axis=1) / n
    dE = np.zeros_like(E)
    np.add.at(dE, words, dX)

    E -= lr * dE
    W -= lr * dW
    b -= lr * db
    return loss
