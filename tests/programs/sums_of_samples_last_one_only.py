# The same, where one sum keeps the last sample alone.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dw"],
    "checked": ["v (from its update)"],
}


rng = np.random.default_rng(4)
X = rng.standard_normal((50, 4))
T = rng.standard_normal(50)
w = rng.standard_normal((3, 4))
v = rng.standard_normal(3)


def forward(x):
    h = np.tanh(w @ x)
    return h, v @ h


def backward(x, h, out, t):
    d = out - t
    dv = d * h
    dw = np.outer(d * v * (1 - h**2), x)
    return dw, dv


for epoch in range(20):
    tw, tv = np.zeros((3, 4)), np.zeros(3)
    for i in range(len(X)):
        h, out = forward(X[i])
        dw, dv = backward(X[i], h, out, T[i])
        tw = dw
        tv += dv
    w -= 0.01 * tw / len(X)
    v -= 0.01 * tv / len(X)
