# Adam without a name for any gradient: what it moves says nothing of the gradient.
import numpy as np

EXPECTED = {
    "verdict": "inconclusive",
    "exit": 1,
    "checked": ["W (from its update)"],
}

rng = np.random.default_rng(1)
X = rng.normal(size=(14, 4))
T = np.sign(X[:, :1] + X[:, 1:2])
W = rng.normal(size=(4, 1)) * 0.5
m, v = np.zeros_like(W), np.zeros_like(W)
lr = 0.01
for t in range(1, 50):
    O = np.tanh(X @ W)
    e = (O - T) * (1 - O**2) / len(X)
    m = 0.9 * m + 0.1 * X.T @ e
    v = 0.999 * v + 0.001 * (X.T @ e) ** 2
    W -= lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
