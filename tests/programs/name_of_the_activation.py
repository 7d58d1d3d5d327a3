# dh is written for the gradient of what goes into h, which has no name.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dh", "dW1"],
}

rng = np.random.default_rng(8)
X = rng.normal(size=(10, 4))
y = rng.normal(size=(10, 2))
W1, b1 = rng.normal(size=(4, 6)), rng.normal(size=6)
W2, b2 = rng.normal(size=(6, 2)), rng.normal(size=2)


def grads(X, y):
    h = np.tanh(X @ W1 + b1)
    out = h @ W2 + b2
    loss = np.sum((out - y) ** 2)
    dout = 2 * (out - y)
    dW2 = h.T @ dout
    db2 = dout.sum(axis=0)
    dh = (dout @ W2.T) * (1 - h * h)
    dW1 = X.T @ dh
    db1 = dh.sum(axis=0)
    return loss, dW1, db1, dW2, db2


for _ in range(20):
    loss, dW1, db1, dW2, db2 = grads(X, y)
    W1 -= 0.01 * dW1
    b1 -= 0.01 * db1
    W2 -= 0.01 * dW2
    b2 -= 0.01 * db2
