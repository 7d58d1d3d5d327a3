# The same, with half a derivative: delta is not blamed for it.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["grad_w", "grad_b"],
}

rng = np.random.default_rng(8)
X = rng.normal(size=(10, 4))
y = rng.random((10, 2))
w = rng.normal(size=(4, 2))
b = np.zeros(2)
for _ in range(50):
    z = X @ w + b
    out = 1 / (1 + np.exp(-z))
    cost = 0.5 * np.sum((out - y) ** 2)
    delta = out - y
    grad_w = X.T @ (delta * out)
    grad_b = (delta * out).sum(axis=0)
    w = w - 0.1 * grad_w
    b = b - 0.1 * grad_b
