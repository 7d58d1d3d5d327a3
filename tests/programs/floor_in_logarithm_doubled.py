# The same, with a weight gradient twice too large: the floor must not hide it.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dW"],
    "inherited": [],
}

rng = np.random.default_rng(0)
X = rng.normal(size=(9, 4))
T = np.eye(3)[rng.integers(0, 3, 9)]
W = rng.normal(size=(4, 3))
b = rng.normal(size=3)


def train(X, T, W, b, epochs=20, lr=0.1):
    for _ in range(epochs):
        Z = X @ W + b
        E = np.exp(Z - Z.max(axis=1, keepdims=True))
        P = E / E.sum(axis=1, keepdims=True)
        loss = -np.mean(np.sum(T * np.log(P + 1e-8), axis=1))
        dZ = (P - T) / len(X)
        dW = X.T @ dZ * 2
        db = dZ.sum(axis=0)
        W = W - lr * dW
        b = b - lr * db
    return W, b, loss


train(X, T, W, b)
