# The same, where the sums are begun once and for all.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "codes": {"dW1": "GC353", "dW2": "GC353", "db1": "GC353"},
}


rng = np.random.default_rng(5)
X = rng.standard_normal((60, 4))
T = rng.standard_normal((60, 2))
W1, W2, b1 = rng.standard_normal((5, 4)), rng.standard_normal((2, 5)), np.zeros(5)

dW1, dW2, db1 = np.zeros_like(W1), np.zeros_like(W2), np.zeros(5)
for epoch in range(200):
    E, seen = 0.0, 0
    for x, t in zip(X, T):
        h = np.tanh(W1 @ x + b1)
        y = W2 @ h
        e = y - t
        E += 0.5 * (e @ e)
        seen += 1
        dW2 += np.outer(e, h)
        dh = W2.T @ e
        dz = dh * (1 - h**2)
        dW1 += np.outer(dz, x)
        db1 += dz
    W1 -= 0.05 * dW1 / seen
    W2 -= 0.05 * dW2 / seen
    b1 -= 0.05 * db1 / seen
