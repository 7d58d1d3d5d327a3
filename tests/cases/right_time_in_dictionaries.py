"""A recurrent network whose gradients are kept by step: each turn of the loop back is judged."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, p = inputs(m, d, k, seed)",
            "call": "step(x, y, *p)",
            "sizes": {"m": 3, "d": 2, "k": 4},
        }
    },
}

EXPECTED = {"verdict": "pass"}


def inputs(m, d, k, seed):
    rng = np.random.default_rng(seed)
    shapes = [(d, k), (k, k), (k,), (k, 2), (2,)]
    return rng.normal(size=(4, m, d)), rng.normal(size=(4, m, 2)), [0.6 * rng.normal(size=s) for s in shapes]


def step(x, y, Wx, Wh, bh, Wy, by, lr=0.05):
    T, m, _ = x.shape
    h, z, o = {-1: np.zeros((m, len(bh)))}, {}, {}
    loss = 0.0
    for t in range(T):
        z[t] = x[t] @ Wx + h[t - 1] @ Wh + bh
        h[t] = np.tanh(z[t])
        o[t] = h[t] @ Wy + by
        loss += 0.5 * np.sum((o[t] - y[t]) ** 2) / m

    dWx, dWh, dbh = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(bh)
    dWy, dby = np.zeros_like(Wy), np.zeros_like(by)
    dh, dz, dnext = {}, {}, dict.fromkeys((T, T + 1), 0 * h[-1])
    for t in reversed(range(T)):
        error = (o[t] - y[t]) / m
        dWy += h[t].T @ error
        dby += error.sum(axis=0)
        dh[t] = error @ Wy.T + dnext[t + 1]
        dz[t] = dh[t] * (1 - h[t] ** 2)
        dWx += x[t].T @ dz[t]
        dWh += h[t - 1].T @ dz[t]
        dbh += dz[t].sum(axis=0)
        dnext[t] = dz[t] @ Wh.T

    for value, gradient in zip((Wx, Wh, bh, Wy, by), (dWx, dWh, dbh, dWy, dby)):
        value -= lr * gradient
    return loss
