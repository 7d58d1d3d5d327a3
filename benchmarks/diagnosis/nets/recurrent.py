"""A vanilla recurrent network with back-propagation through time and an output at every step."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, Wx, Wh, bh, Wy, by = inputs(m, d, h, seed)",
            "call": "step(x, y, Wx, Wh, bh, Wy, by)",
            "sizes": {"m": 4, "d": 3, "h": 5},
        }
    },
}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(6, m, d)), rng.normal(size=(6, m, 2))
    shapes = [(d, h), (h, h), (h,), (h, 2), (2,)]
    return x, y, *(0.5 * rng.normal(size=shape) for shape in shapes)


def step(x, y, Wx, Wh, bh, Wy, by, lr=0.1):
    T, m, _ = x.shape
    hs = np.zeros((T + 1, m, len(bh)))
    outs = np.zeros_like(y)
    for t in range(T):
        hs[t + 1] = np.tanh(x[t] @ Wx + hs[t] @ Wh + bh)
        outs[t] = hs[t + 1] @ Wy + by
    loss = 0.5 * np.sum((outs - y) ** 2) / m

    dWx, dWh, dbh = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(bh)
    dWy, dby = np.zeros_like(Wy), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(T)):
        dout = (outs[t] - y[t]) / m
        dWy += hs[t + 1].T @ dout
        dby += dout.sum(axis=0)
        dh = dout @ Wy.T + dhnext
        draw = dh * (1 - hs[t + 1] ** 2)
        dWx += x[t].T @ draw
        dWh += hs[t].T @ draw
        dbh += draw.sum(axis=0)
        dhnext = draw @ Wh.T

    for param, dparam in zip([Wx, Wh, bh, Wy, by], [dWx, dWh, dbh, dWy, dby]):
        param -= lr * dparam
    return loss
