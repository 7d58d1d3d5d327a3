"""A dense layer folded into an image, 2 x 2 max pooling by loops, a dense output."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W, b, V, a = inputs(m, d, seed)",
            "call": "step(x, y, W, b, V, a)",
            "sizes": {"m": 5, "d": 6},
        }
    },
}


def inputs(m, d, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(m, d)), rng.normal(size=(m, 2))
    return x, y, rng.normal(size=(d, 16)), rng.normal(size=16), rng.normal(size=(4, 2)), rng.normal(size=2)


def step(x, y, W, b, V, a, lr=0.05):
    m = len(x)
    Z = x @ W + b
    G = Z.reshape(m, 4, 4)
    P = np.zeros((m, 2, 2))
    for i in range(2):
        for j in range(2):
            P[:, i, j] = G[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=(1, 2))
    F = P.reshape(m, 4)
    out = F @ V + a
    loss = 0.5 * np.sum((out - y) ** 2) / m

    dout = (out - y) / m
    dV = F.T @ dout
    da = dout.sum(axis=0)
    dF = dout @ V.T
    dP = dF.reshape(m, 2, 2)
    dG = np.zeros_like(G)
    for i in range(2):
        for j in range(2):
            window = G[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            largest = window == window.max(axis=(1, 2), keepdims=True)
            dG[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] += largest * dP[:, i, j][:, None, None]
    dZ = dG.reshape(m, 16)
    dW = x.T @ dZ
    db = dZ.sum(axis=0)

    W -= lr * dW
    b -= lr * db
    V -= lr * dV
    a -= lr * da
    return loss
