"""Sizes of a call that can't be changed at will: some are tied to others by a number, one only goes through square."""

import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["heads_backward:dx", "heads_backward:dw", "trace_backward:da"],
    "notes": [
        "driven with x (7, 6), w (6, 12): from the call at sizes_of_a_call.py:",
        "a (3, 3) is square, and other sizes were not taken",
    ],
}


def heads_forward(x, w):
    assert w.shape[1] % 3 == 0
    z = (x @ w).reshape(len(x), 3, -1)
    return np.tanh(z), (x, w, z)


def heads_backward(dout, cache):
    x, w, z = cache
    dz = (dout * (1 - np.tanh(z) ** 2)).reshape(len(x), -1)
    return dz @ w.T, x.T @ dz


def trace_forward(a):
    if a.shape[0] != a.shape[1]:
        raise ValueError("not square")
    return a @ a, a


def trace_backward(dout, a):
    da = dout @ a.T + a.T @ dout
    return da


def check():
    heads_forward(np.random.randn(6, 6), np.random.randn(6, 6))
    trace_forward(np.random.randn(3, 3))


if __name__ == "__main__":
    check()
