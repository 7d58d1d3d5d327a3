# Gradients in a dictionary g by the keys of the parameters; an L2 term that no loss writes down.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["g['W1']", "g['b1']", "g['W2']", "g['b2']"],
}

rng = np.random.default_rng(0)


class TwoLayer:
    def __init__(self, d, h, c):
        self.params = {
            "W1": rng.normal(0, 0.3, (d, h)),
            "b1": rng.normal(0, 0.1, h),
            "W2": rng.normal(0, 0.3, (h, c)),
            "b2": rng.normal(0, 0.1, c),
        }

    def step(self, X, y, reg):
        W1, b1, W2, b2 = self.params["W1"], self.params["b1"], self.params["W2"], self.params["b2"]
        n = len(X)
        h = np.maximum(0, X @ W1 + b1)
        scores = h @ W2 + b2
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        g = {}
        d = p.copy()
        d[np.arange(n), y] -= 1
        d /= n
        g["W2"] = h.T @ d + reg * W2
        g["b2"] = d.sum(axis=0)
        back = d @ W2.T
        back[h <= 0] = 0
        g["W1"] = X.T @ back + reg * W1
        g["b1"] = back.sum(axis=0)
        for k in self.params:
            self.params[k] -= 0.1 * g[k]


X = rng.normal(size=(11, 4))
y = rng.integers(0, 3, 11)
net = TwoLayer(4, 6, 3)
for _ in range(50):
    net.step(X, y, 0.01)
