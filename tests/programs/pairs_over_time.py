# A step with a memory, and the loop over time that calls it: both call their gradients by the same names.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "options": ["--params", "Wx,Wh,b"],
    "checked": ["step_backward:dWx", "lstm_backward:dWx", "lstm_backward:dWh", "lstm_backward:db"],
}


def step_forward(x, prev_h, prev_c, Wx, Wh, b):
    gates = x @ Wx + prev_h @ Wh + b
    n = prev_h.shape[1]
    keep, let, show = np.split(1 / (1 + np.exp(-gates[:, : 3 * n])), 3, axis=1)
    new = np.tanh(gates[:, 3 * n :])
    next_c = keep * prev_c + let * new
    next_h = show * np.sin(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, keep, let, show, new, next_c)


def step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, keep, let, show, new, next_c = cache
    on_c = dnext_c + dnext_h * show * np.cos(next_c)
    on_keep = on_c * prev_c * keep * (1 - keep)
    on_let = on_c * new * let * (1 - let)
    on_show = dnext_h * np.sin(next_c) * show * (1 - show)
    on_gates = np.hstack([on_keep, on_let, on_show, on_c * let * (1 - new**2)])
    dx, dprev_h, dprev_c = on_gates @ Wx.T, on_gates @ Wh.T, on_c * keep
    dWx = x.T @ on_gates
    dWh = prev_h.T @ on_gates
    db = on_gates.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    h, caches = np.zeros((x.shape[0], x.shape[1], h0.shape[1])), []
    state, c = h0, np.zeros_like(h0)
    for t in range(x.shape[1]):
        state, c, cache = step_forward(x[:, t], state, c, Wx, Wh, b)
        h[:, t] = state
        caches.append(cache)
    return h, caches


def lstm_backward(dh, caches):
    n, steps, width = dh.shape
    dx = np.zeros((n, steps, caches[0][0].shape[1]))
    dWx, dWh = np.zeros_like(caches[0][3]), np.zeros_like(caches[0][4])
    db = np.zeros(dWx.shape[1])
    dnext_h, dnext_c = np.zeros((n, width)), np.zeros((n, width))
    for t in range(steps - 1, -1, -1):
        dx[:, t], dnext_h, dnext_c, dwx, dwh, d = step_backward(dh[:, t] + dnext_h, dnext_c, caches[t])
        dWx += dwx
        dWh += dwh
        db += d
    return dx, dnext_h, dWx, dWh, db
