# The same pairs; on the way back to the state before, the recurrent weights are not transposed.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["step_backward:dprev_h", "time_backward:dprev_h[5]", "time_backward:dprev_h[4]", "time_backward:dprev_h[3]", "time_backward:dprev_h[2]", "time_backward:dprev_h[1]", "time_backward:dh0"],
    "inherited": ["time_backward:dx[5]", "time_backward:dx[4]", "time_backward:dx[3]", "time_backward:dx[2]", "time_backward:dx[1]", "time_backward:dx[0]", "time_backward:dWx", "time_backward:dWh", "time_backward:db"],
    "codes": {"time_backward:dh0": "GC104", "step_backward:dprev_h": "GC104"},
}


def step_forward(x, prev_h, Wx, Wh, b):
    h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return h, (x, prev_h, Wx, Wh, h)


def step_backward(dh, cache):
    x, prev_h, Wx, Wh, h = cache
    da = dh * (1 - h**2)
    dx = da @ Wx.T
    dprev_h = da @ Wh
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


def time_forward(x, h0, Wx, Wh, b):
    n, steps, _ = x.shape
    states, caches, h = np.zeros((n, steps, h0.shape[1])), [], h0
    for t in range(steps):
        h, cache = step_forward(x[:, t], h, Wx, Wh, b)
        states[:, t] = h
        caches.append(cache)
    return states, caches


def time_backward(dstates, caches):
    n, steps, _ = dstates.shape
    last, dh, dWx, dWh, db = step_backward(dstates[:, steps - 1], caches[steps - 1])
    dx = np.zeros((n, steps, last.shape[1]))
    dx[:, steps - 1] = last
    for t in range(steps - 2, -1, -1):
        dxt, dh, dWxt, dWht, dbt = step_backward(dstates[:, t] + dh, caches[t])
        dx[:, t] += dxt
        dWx += dWxt
        dWh += dWht
        db += dbt
    return dx, dh, dWx, dWh, db
