# One parameter is moved by a clipped gradient that has no name, the other by a plain one.
import numpy as np

EXPECTED = {
    "verdict": "inconclusive",
    "exit": 1,
    "checked": ["V (from its update)", "W (from its update)"],
}


rng = np.random.default_rng(10)
X = rng.normal(size=(16, 4))
T = rng.normal(size=(16, 1))
W = rng.normal(size=(4, 3))
V = rng.normal(size=(3, 1))
for step in range(50):
    H = np.tanh(X @ W)
    e = (H @ V - T) / len(X)
    back = (e @ V.T) * (1 - H**2)
    V -= 0.1 * np.clip(H.T @ e, -0.02, 0.02)
    W -= 0.1 * X.T @ back
