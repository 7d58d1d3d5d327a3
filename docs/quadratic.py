"""A least-squares fit, with a bug in it: the example at the end of the tutorial."""

import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(20, 3))
y = x @ np.array([1.0, -2.0, 0.5]) + 0.7


def train(x, y, steps, rate=0.1):
    w, b = rng.normal(size=3), 0.1 * rng.normal(size=1)
    for _ in range(steps):
        error = x @ w + b - y
        loss = (error**2).mean()
        derror = 2 * error / len(y)
        dw = x.T @ derror
        db = derror
        w = w - rate * dw
        b = b - rate * db.mean()
    return w, b, loss
