# A network whose gradients are named in lower case throughout: gw, gb, gx.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "fail": [],
    "checked": ["gw2", "gb2", "gh", "gz", "gw1", "gb1", "gx"],
}

rng = np.random.default_rng(0)
x, y = rng.normal(size=(7, 4)), rng.normal(size=(7, 2))
w1, b1 = rng.normal(size=(4, 5)) * 0.5, np.zeros(5)
w2, b2 = rng.normal(size=(5, 2)) * 0.5, np.zeros(2)
for epoch in range(50):
    z = x @ w1 + b1
    h = np.tanh(z)
    o = h @ w2 + b2
    loss = ((o - y) ** 2).mean()
    go = 2 * (o - y) / o.size
    gw2 = h.T @ go
    gb2 = go.sum(0)
    gh = go @ w2.T
    gz = gh * (1 - h * h)
    gw1 = x.T @ gz
    gb1 = gz.sum(0)
    gx = gz @ w1.T
    w1 -= 0.1 * gw1
    b1 -= 0.1 * gb1
    w2 -= 0.1 * gw2
    b2 -= 0.1 * gb2
print(loss)
