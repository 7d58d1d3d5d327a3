# The same ties, and behind them a factor too many.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dz"],
    "inherited": ["dW", "db"],
    "checked": ["dscores", "dV", "dpooled", "dz", "dW", "db"],
}

rng = np.random.default_rng(5)
X = rng.normal(size=(48, 2))
T = np.eye(3)[rng.integers(0, 3, 48)]
W, b = 0.4 * rng.normal(size=(2, 300)), np.zeros(300)
V = 0.1 * rng.normal(size=(100, 3))


def train(X, T, epochs=10):
    global W, b, V
    for _ in range(epochs):
        z = X @ W + b
        act = np.maximum(z, 0)
        groups = act.reshape(len(X), 100, 3)
        pooled = groups.max(axis=2)
        scores = pooled @ V
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        loss = -np.mean(np.sum(T * np.log(e / e.sum(axis=1, keepdims=True)), axis=1))
        dscores = (e / e.sum(axis=1, keepdims=True) - T) / len(X)
        dV = pooled.T @ dscores
        dpooled = dscores @ V.T
        dact = ((groups == pooled[:, :, None]) * dpooled[:, :, None]).reshape(act.shape)
        dz = dact * 2 * (z > 0)
        dW = X.T @ dz
        db = dz.sum(axis=0)
        W, b, V = W - 0.1 * dW, b - 0.1 * db, V - 0.1 * dV
    return loss


train(X, T)
