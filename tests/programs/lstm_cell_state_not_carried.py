# The same, without the gradient of the cell that comes from the next step.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dWc", "dWf", "dWi", "dWo", "dbc", "dbf", "dbi", "dbo"],
    "checked": ["dWf", "dWc", "dbi"],
}

rng = np.random.default_rng(12)
n_in, n_h, n_out, steps = 3, 4, 2, 5


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


Wf, Wi, Wo, Wc = (rng.normal(size=(n_h, n_h + n_in)) * 0.4 for _ in range(4))
bf, bi, bo, bc = (rng.normal(size=(n_h, 1)) * 0.1 for _ in range(4))
Wy = rng.normal(size=(n_out, n_h)) * 0.5
by = np.zeros((n_out, 1))
xs = [rng.normal(size=(n_in, 1)) for _ in range(steps)]
ts = [rng.normal(size=(n_out, 1)) for _ in range(steps)]


def step(xs, ts, h0, c0):
    h, c = {-1: h0}, {-1: c0}
    z, f, i, o, g, y = {}, {}, {}, {}, {}, {}
    loss = 0.0
    for t in range(len(xs)):
        z[t] = np.vstack((h[t - 1], xs[t]))
        f[t] = sigmoid(Wf @ z[t] + bf)
        i[t] = sigmoid(Wi @ z[t] + bi)
        o[t] = sigmoid(Wo @ z[t] + bo)
        g[t] = np.tanh(Wc @ z[t] + bc)
        c[t] = f[t] * c[t - 1] + i[t] * g[t]
        h[t] = o[t] * np.tanh(c[t])
        y[t] = Wy @ h[t] + by
        loss += 0.5 * np.sum((y[t] - ts[t]) ** 2)
    dWf, dWi, dWo, dWc = (np.zeros_like(Wf) for _ in range(4))
    dbf, dbi, dbo, dbc = (np.zeros_like(bf) for _ in range(4))
    dWy, dby = np.zeros_like(Wy), np.zeros_like(by)
    dh_next, dc_next = np.zeros_like(h0), np.zeros_like(c0)
    for t in reversed(range(len(xs))):
        dy = y[t] - ts[t]
        dWy += dy @ h[t].T
        dby += dy
        dh = Wy.T @ dy + dh_next
        dc = dh * o[t] * (1 - np.tanh(c[t]) ** 2)
        df = dc * c[t - 1] * f[t] * (1 - f[t])
        di = dc * g[t] * i[t] * (1 - i[t])
        do = dh * np.tanh(c[t]) * o[t] * (1 - o[t])
        dg = dc * i[t] * (1 - g[t] ** 2)
        dWf += df @ z[t].T
        dWi += di @ z[t].T
        dWo += do @ z[t].T
        dWc += dg @ z[t].T
        dbf += df
        dbi += di
        dbo += do
        dbc += dg
        dz = Wf.T @ df + Wi.T @ di + Wo.T @ do + Wc.T @ dg
        dh_next = dz[:n_h]
        dc_next = f[t] * dc
    grads = dict(Wf=dWf, Wi=dWi, Wo=dWo, Wc=dWc, bf=dbf, bi=dbi, bo=dbo, bc=dbc, Wy=dWy, by=dby)
    for k in grads:
        np.clip(grads[k], -1, 1, out=grads[k])
    return loss, grads, h[len(xs) - 1], c[len(xs) - 1]


h0, c0 = np.zeros((n_h, 1)), np.zeros((n_h, 1))
for epoch in range(30):
    loss, grads, h0, c0 = step(xs, ts, h0, c0)
    Wf -= 0.1 * grads["Wf"]
    Wi -= 0.1 * grads["Wi"]
    Wo -= 0.1 * grads["Wo"]
    Wc -= 0.1 * grads["Wc"]
    bf -= 0.1 * grads["bf"]
    bi -= 0.1 * grads["bi"]
    bo -= 0.1 * grads["bo"]
    bc -= 0.1 * grads["bc"]
    Wy -= 0.1 * grads["Wy"]
    by -= 0.1 * grads["by"]
