"""One convolution by loops over positions, ReLU, a dense output."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, K, b, V, a = inputs(m, n, f, seed)",
            "call": "step(x, y, K, b, V, a)",
            "sizes": {"m": 4, "n": 5, "f": 3},
        }
    },
}


def inputs(m, n, f, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(m, n, n)), rng.normal(size=(m, 2))
    K, b = rng.normal(size=(f, 2, 2)), rng.normal(size=f)
    return x, y, K, b, rng.normal(size=(f * (n - 1) ** 2, 2)), rng.normal(size=2)


def step(x, y, K, b, V, a, lr=0.05):
    m, n, _ = x.shape
    f = len(K)
    Z = np.zeros((m, f, n - 1, n - 1))
    for i in range(n - 1):
        for j in range(n - 1):
            patch = x[:, i : i + 2, j : j + 2]
            Z[:, :, i, j] = np.tensordot(patch, K, axes=([1, 2], [1, 2])) + b
    A = np.maximum(Z, 0)
    F = A.reshape(m, -1)
    out = F @ V + a
    loss = np.sum((out - y) ** 2) / m

    dout = 2 * (out - y) / m
    dV = F.T @ dout
    da = dout.sum(axis=0)
    dF = dout @ V.T
    dA = dF.reshape(A.shape)
    dZ = dA * (Z > 0)
    dK = np.zeros_like(K)
    for i in range(n - 1):
        for j in range(n - 1):
            patch = x[:, i : i + 2, j : j + 2]
            dK += np.tensordot(dZ[:, :, i, j], patch, axes=(0, 0))
    db = dZ.sum(axis=(0, 2, 3))

    K -= lr * dK
    b -= lr * db
    V -= lr * dV
    a -= lr * da
    return loss
