"""Names and lines that look like a gradient's or an update's, and are not: each beside one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

PRINTED_FIRST = """
from collections import namedtuple

import numpy as np

Params = namedtuple("Params", "w1 b1 w2")


def forward(params, x):
    h = np.tanh(x @ params.w1 + params.b1)
    return h, h @ params.w2


def gradients(params, x, t):
    h, out = forward(params, x)
    d_out = (out - t) / len(x)
    d_h = (d_out @ params.w2.T) * (1 - h**2)
    return Params(x.T @ d_h, d_h.sum(axis=0), h.T @ d_out)


def fit(steps=4, rate=0.1):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    t = x[:, :1] * x[:, 1:2]
    params = Params(rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=(5, 1)))
    print("before", [np.abs(g).max() for g in gradients(params, x, t)])
    for step in range(steps):
        for i in range(0, 60, 12):
            h, out = forward(params, x[i : i + 12])
            d_out = (out - t[i : i + 12]) / 12
            d_w2 = h.T @ d_out
            d_z = (d_out @ params.w2.T) * (1 - h**2)
            d_w1 = x[i : i + 12].T @ d_z
            d_b1 = d_z.sum(axis=0)
            params = Params(*(p - rate * g for p, g in zip(params, (d_w1, d_b1, d_w2))))


fit()
"""

REWARDS = """
import numpy as np

rng = np.random.default_rng(0)
W = 0.1 * rng.standard_normal((4, 3))
baseline = 0.0
for episode in range(30):
    x = rng.standard_normal((20, 4))
    z = x @ W
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    acts = np.array([rng.choice(3, p=q) for q in p])
    reward = (rng.random(20) < np.array([0.2, 0.5, 0.8])[acts]).astype(float)
    gain = reward - baseline
    loss = -(np.log(p[np.arange(20), acts]) * gain).mean()
    dz = p.copy()
    dz[np.arange(20), acts] -= 1
    dz *= gain[:, None] / 20
    dW = x.T @ dz
    W -= 0.5 * dW
    baseline += 0.1 * (reward.mean() - baseline)
"""

MATRICES = """
import numpy as np

rng = np.random.default_rng(0)
points = np.matrix(np.c_[np.ones(40), rng.normal(size=(40, 2))])
labels = (points[:, 1] + points[:, 2] > 0.1).astype(float)
weights = np.matrix(np.ones((3, 1)))
for k in range(20):
    h = 1.0 / (1 + np.exp(-(points * weights)))
    error = labels - h
    weights = weights + 0.01 * points.T * error
"""

IN_A_LIST = """
import numpy as np

rng = np.random.default_rng(0)


def linear(W, b):
    def forward(x):
        def back(dout):
            return dout @ W.T, {"W": x.T @ dout, "b": dout.sum(axis=0)}

        return x @ W + b, back

    return forward


params = [{"W": rng.normal(size=(4, 5)), "b": np.zeros(5)}, {"W": rng.normal(size=(5, 3)), "b": np.zeros(3)}]
x, t = rng.normal(size=(50, 4)), rng.normal(size=(50, 3))
rate = 0.1
for epoch in range(5):
    h, back1 = linear(**params[0])(x)
    out, back2 = linear(**params[1])(np.tanh(h))
    loss = 0.5 * ((out - t) ** 2).sum() / len(x)
    d, last = back2((out - t) / len(x))
    _, first = back1(d * (1 - np.tanh(h) ** 2))
    grads = [first, last]
    for p, g in zip(params, grads):
        for k in p:
            p[k] = p[k] - rate * g[k]
"""

HIDDEN_BY_ONES = """
import numpy as np


class Norm:
    def __init__(self, n):
        self.params = {"gamma": np.ones(n), "beta": np.zeros(n)}
        self.grads = {}

    def forward(self, x):
        self.inv = 1 / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
        self.xhat = (x - x.mean(axis=1, keepdims=True)) * self.inv
        return self.xhat * self.params["gamma"] + self.params["beta"]

    def backward(self, g):
        self.grads["gamma"] = (g * self.xhat).sum(axis=0)
        self.grads["beta"] = g.sum(axis=0)
        u = g * self.params["gamma"]
        mean = u.mean(axis=1, keepdims=True)
        return self.inv * (u - mean - self.xhat * (u * self.xhat).mean(axis=1, keepdims=True))


class Dense:
    def __init__(self, a, b, rng):
        self.params = {"w": rng.normal(size=(a, b)), "b": np.zeros(b)}
        self.grads = {}

    def forward(self, x):
        self.x = x
        return x @ self.params["w"] + self.params["b"]

    def backward(self, g):
        self.grads["w"] = self.x.T @ g
        self.grads["b"] = g.sum(axis=0)
        return g @ self.params["w"].T


rng = np.random.default_rng(0)
layers = [Dense(4, 6, rng), Norm(6), Dense(6, 2, rng)]
x, y = rng.normal(size=(50, 4)), rng.normal(size=(50, 2))
for epoch in range(4):
    out = x
    for layer in layers:
        out = layer.forward(out)
    loss = ((out - y) ** 2).sum() / 100
    g = (out - y) / 50
    for layer in reversed(layers):
        g = layer.backward(g)
    for layer in layers:
        for k in layer.params:
            layer.params[k] -= 0.1 * layer.grads[k]
"""

DISTANCES = """
import numpy as np

rng = np.random.default_rng(0)
W = rng.normal(size=(5, 3))
for step in range(5):
    a, p, n = rng.normal(size=(3, 14, 5))
    ea, ep, en = a @ W, p @ W, n @ W
    dp = ((ea - ep) ** 2).sum(axis=1)
    dn = ((ea - en) ** 2).sum(axis=1)
    far = dp - dn + 1 > 0
    loss = np.maximum(0, dp - dn + 1).sum() / 14
    dea = 2 * far[:, None] * (en - ep) / 14
    dep = -2 * far[:, None] * (ea - ep) / 14
    den = 2 * far[:, None] * (ea - en) / 14
    dW = a.T @ dea + p.T @ dep + n.T @ den
    W -= 0.01 * dW
"""

ATTENTION = """
import numpy as np


class Attention:
    def __init__(self, n_in, n_out):
        rng = np.random.default_rng(1)
        self.W_q, self.W_k, self.W_v = rng.normal(size=(3, n_in, n_out)) / np.sqrt(n_in)

    def forward(self, x):
        self.x = x
        self.Q, self.K, self.V = x @ self.W_q, x @ self.W_k, x @ self.W_v
        s = self.Q @ self.K.swapaxes(1, 2)
        e = np.exp(s - s.max(axis=-1, keepdims=True))
        self.A = e / e.sum(axis=-1, keepdims=True)
        return self.A @ self.V

    def backward(self, dy):
        dQ, dK, dV = [], [], []
        for one in zip(dy, self.Q, self.K, self.V, self.A):
            for kept, new in zip((dQ, dK, dV), self.of_one(*one)):
                kept.append(new)
        dQ = np.array(dQ)
        dK = np.array(dK)
        dV = np.array(dV)
        self.dW_q = np.tensordot(self.x, dQ, axes=([0, 1], [0, 1]))
        self.dW_k = np.tensordot(self.x, dK, axes=([0, 1], [0, 1]))
        self.dW_v = np.tensordot(self.x, dV, axes=([0, 1], [0, 1]))
        self.grad_q, self.grad_k, self.grad_v = dQ @ self.W_q.T, dK @ self.W_k.T, dV @ self.W_v.T
        return self.grad_q + self.grad_k + self.grad_v

    def of_one(self, dy, q, k, v, a):
        dV = a.T @ dy
        da = a * (dy @ v.T)
        ds = da - a * da.sum(axis=-1, keepdims=True)
        dQ = ds @ k
        dK = ds.T @ q
        return dQ, dK, dV
"""


WHOLE_AT_FIRST = """
import numpy as np


class Classifier:
    def fit(self, X, y, rate=0.1):
        self.weights, self.bias = np.zeros(X.shape[1]), 0
        for _ in range(20):
            p = 1 / (1 + np.exp(-(X @ self.weights + self.bias)))
            dw = X.T @ (p - y) / 60
            db = np.mean(p - y)
            self.weights -= rate * dw
            self.bias -= rate * db


X = np.random.default_rng(0).normal(size=(60, 4))
Classifier().fit(X, (X[:, 0] > 0.2).astype(float))
"""

FLOOR_THAT_IS_CAST = """
import numpy as np

single = np.float32
rng = np.random.default_rng(0)
X = rng.normal(size=(40, 4)).astype(single)
y = (X[:, :1] > X[:, 1:2]).astype(single)
w = rng.normal(size=(4, 1)).astype(single)
b = np.zeros((1, 1), single)
for step in range(5):
    z = X @ w + b
    p = 1 / (1 + np.exp(-z))
    loss = -np.mean(y * np.log(p + single(1e-7)) + (1 - y) * np.log(1 - p + single(1e-7)))
    dz = (p - y) / single(len(y))
    dw = X.T @ dz
    db = dz.sum(axis=0, keepdims=True)
    w -= single(0.1) * dw
    b -= single(0.1) * db
"""


SUMS_THAT_THE_UPDATE_DIVIDES = """
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
y = (X[:, :1] > 0.2) * 1.0
W, b = rng.normal(size=(4, 1)), np.zeros(1)
rate = 0.5
for k in range(0, 60, 12):
    x, t = X[k : k + 12], y[k : k + 12]
    p = 1 / (1 + np.exp(-(x @ W + b)))
    loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    dz = p - t
    dW = x.T @ dz
    db = dz.sum(axis=0)
    W -= rate / len(x) * dW
    b -= rate * db / len(x)
"""


SUMS_IN_LISTS = """
import numpy as np


def backprop(ws, x, y):
    h = np.tanh(ws[0] @ x)
    delta = ws[1] @ h - y
    dw = [None, np.outer(delta, h)]
    delta = (ws[1].T @ delta) * (1 - h**2)
    dw[0] = np.outer(delta, x)
    return dw


def cost(ws, batch):
    return sum(0.5 * np.sum((ws[1] @ np.tanh(ws[0] @ x) - y) ** 2) for x, y in batch) / len(batch)


def update(ws, batch, eta):
    nw = [np.zeros(w.shape) for w in ws]
    for x, y in batch:
        dnw = backprop(ws, x, y)
        nw = [n + d for n, d in zip(nw, dnw)]
    return [w - eta / len(batch) * n for w, n in zip(ws, nw)]


rng = np.random.default_rng(0)
ws = [rng.normal(size=(5, 3)), rng.normal(size=(2, 5))]
batch = [(x, x[:2] ** 2) for x in rng.normal(size=(12, 3))]
for step in range(4):
    ws = update(ws, batch, 0.1)
    print(cost(ws, batch))
"""


def check(file: Path, text: str, name: str = "") -> gradcheck.Report:
    file.write_text(text)
    return gradcheck.check(f"{file}{name}", properties=False)


SLOW = pytest.mark.slow
"""Of those that take seconds."""


@pytest.mark.parametrize(
    ("text", "name", "checked", "old", "new", "wrong_at"),
    [
        pytest.param(
            PRINTED_FIRST, "", "d_w1 d_b1 d_w2", "d_b1 = d_z", "d_b1 = d_w1", "", marks=SLOW, id="printed_before"
        ),
        pytest.param(REWARDS, "", "dW", "dW = x.T", "dW = -x.T", "", id="mean_of_rewards"),
        pytest.param(
            IN_A_LIST, "", "W[0] b[0] W[1] b[1]", "dout.sum(", "dout.mean(", "", marks=SLOW, id="dicts_in_a_list"
        ),
        pytest.param(
            HIDDEN_BY_ONES, "", "grads['gamma']", "u = g * self.par", "u = g / self.par", "", marks=SLOW, id="ones_hide"
        ),
        pytest.param(DISTANCES, "", "dea dep den dW", "dep = -2", "dep = 2", "", marks=SLOW, id="distances"),
        pytest.param(WHOLE_AT_FIRST, "", "weights bias", "db = np.mean", "db = np.sum", "", id="an_int_that_moves"),
        pytest.param(
            FLOOR_THAT_IS_CAST, "", "dz dw db", "db = dz.sum", "db = dz.mean", "", marks=SLOW, id="floor_in_a_cast"
        ),
        pytest.param(
            SUMS_THAT_THE_UPDATE_DIVIDES, "", "dW db", "db = dz.sum(axis=0)", "db = dz[:5].sum(axis=0)", "", id="sums"
        ),
        pytest.param(ATTENTION, ":Attention", "dQ dK dV dW_k", "ds.T @ q", "ds @ q", "", marks=SLOW, id="row_by_row"),
    ],
)
def test_the_right_one_passes_and_the_wrong_line_is_told(
    text: str, name: str, checked: str, old: str, new: str, wrong_at: str, tmp_path: Path
) -> None:
    assert text.count(old) == 1
    right = check(tmp_path / "right.py", text, name)
    assert right.verdict.value == "pass", str(right)
    assert {c.name.partition(" (")[0] for c in right.comparisons} >= set(checked.split()), str(right)
    found = check(tmp_path / "wrong.py", text.replace(old, new), name)
    errors = {f.line for f in found.findings if f.severity == "error"}
    assert errors == {text[: text.index(wrong_at or old)].count("\n") + 1}, str(found)


def test_an_update_of_matrices_has_a_loss(tmp_path: Path) -> None:
    right = check(tmp_path / "right.py", MATRICES)
    assert right.verdict.value == "pass", str(right)
    assert right.loss.expression == "summed binary cross-entropy of h and labels"
    wrong = check(tmp_path / "wrong.py", MATRICES.replace("points.T * error", "points.T * h"))
    assert wrong.verdict.value == "inconclusive", str(wrong)


def test_sums_in_lists_are_the_same_when_the_step_is_run_again(tmp_path: Path) -> None:
    file = tmp_path / "lists.py"
    file.write_text(SUMS_IN_LISTS)
    report = gradcheck.check(str(file), properties=True)
    assert report.verdict.value == "pass", str(report)
    assert {c.name for c in report.comparisons} >= {"nw[0]", "nw[1]"}
    (pure,) = [p for p in report.properties if p.name == "backward is pure"]
    assert pure.verdict.value == "pass", str(report)
