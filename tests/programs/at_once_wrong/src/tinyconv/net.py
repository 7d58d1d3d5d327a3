import numpy as np

from .pool import max_pool, max_pool_back


class Net:
    def __init__(self, inputs, hidden, classes):
        self.W = np.random.randn(inputs, hidden).astype(np.float32) * 0.5
        self.b = np.zeros(hidden, dtype=np.float32)
        self.V = np.random.randn(hidden // 2, classes).astype(np.float32) * 0.5
        self.seen = np.zeros(inputs, dtype=np.float32)
        self.size = np.product(self.W.shape)

    def step(self, X, y, rate):
        X -= X.mean(axis=0)
        self.seen = 0.9 * self.seen + 0.1 * X.std(axis=0)
        z = X @ self.W + self.b
        a = np.maximum(z, 0)
        pooled, chosen = max_pool(a)
        scores = pooled @ self.V
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(len(y)), y]).mean()
        dscores = p
        dscores[np.arange(len(y)), y] -= 1
        dscores /= len(y)
        dV = pooled.T @ dscores
        dpooled = dscores @ self.V.T
        dz = max_pool_back(dpooled, chosen)
        dz[z <= 0] = 0
        dW = X.T @ dz
        db = dz.sum(axis=0) * len(y)
        for gradient in dW, db, dV:
            np.clip(gradient, -5, 5, out=gradient)
        self.W -= rate * dW
        self.b -= rate * db
        self.V -= rate * dV
        return loss
