"""A gated recurrent unit over time, the loss on its last state."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, Wz, Uz, Wr, Ur, Wn, Un = inputs(m, d, h, seed)",
            "call": "step(x, y, Wz, Uz, Wr, Ur, Wn, Un)",
            "sizes": {"m": 3, "d": 4, "h": 5},
        }
    },
}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(4, m, d)), rng.normal(size=(m, h))
    return x, y, *(0.6 * rng.normal(size=shape) for shape in [(d, h), (h, h)] * 3)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(x, y, Wz, Uz, Wr, Ur, Wn, Un, lr=0.1):
    m = x.shape[1]
    h = np.zeros((m, len(Uz)))
    cache = []
    for t in range(len(x)):
        z = sigmoid(x[t] @ Wz + h @ Uz)
        r = sigmoid(x[t] @ Wr + h @ Ur)
        n = np.tanh(x[t] @ Wn + (r * h) @ Un)
        cache.append((h, z, r, n))
        h = (1 - z) * n + z * h
    loss = 0.5 * np.sum((h - y) ** 2) / m

    dWz, dUz, dWr = np.zeros_like(Wz), np.zeros_like(Uz), np.zeros_like(Wr)
    dUr, dWn, dUn = np.zeros_like(Ur), np.zeros_like(Wn), np.zeros_like(Un)
    dh = (h - y) / m
    for t in reversed(range(len(x))):
        hp, z, r, n = cache[t]
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (hp - n) * z * (1 - z)
        drh = dn @ Un.T
        dr = drh * hp * r * (1 - r)
        dWn += x[t].T @ dn
        dUn += (r * hp).T @ dn
        dWz += x[t].T @ dz
        dUz += hp.T @ dz
        dWr += x[t].T @ dr
        dUr += hp.T @ dr
        dh = dh * z + drh * r + dz @ Uz.T + dr @ Ur.T

    Wz -= lr * dWz
    Uz -= lr * dUz
    Wr -= lr * dWr
    Ur -= lr * dUr
    Wn -= lr * dWn
    Un -= lr * dUn
    return loss
