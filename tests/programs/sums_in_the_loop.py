# Gradients summed in a loop over samples, beside the loss and a count; the update is behind it.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dW1", "dW2", "db1", "dh"],
    "notes": ["checked on 7 of the 60 samples"],
}


rng = np.random.default_rng(5)
X = rng.standard_normal((60, 4))
T = rng.standard_normal((60, 2))
W1, W2, b1 = rng.standard_normal((5, 4)), rng.standard_normal((2, 5)), np.zeros(5)

for epoch in range(200):
    dW1, dW2, db1 = np.zeros_like(W1), np.zeros_like(W2), np.zeros(5)
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
