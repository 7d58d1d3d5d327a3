"""Two pairs that only their tests can call: one right, one whose gradient is transposed where its test is square."""

import numpy as np


def blend_forward(x, k, setting):
    taps = setting["taps"]
    out = sum(k[i] * np.roll(x, t, axis=1) for i, t in enumerate(taps))
    return out, (x, k, taps)


def blend_backward(dout, kept):
    x, k, taps = kept
    dx = sum(k[i] * np.roll(dout, -t, axis=1) for i, t in enumerate(taps))
    dk = np.array([np.sum(dout * np.roll(x, t, axis=1)) for t in taps])
    return dx, dk


def gate_forward(x, w, mode):
    s = {"soft": 0.5, "hard": 2.0}[mode]
    z = x @ w
    return np.tanh(s * z), (x, w, z, s)


def gate_backward(dout, kept):
    x, w, z, s = kept
    dz = dout * s * (1 - np.tanh(s * z) ** 2)
    return dz @ w.T, dz.T @ x
