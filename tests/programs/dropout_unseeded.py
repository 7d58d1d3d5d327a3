# Dropout drawn anew in each forward, from NumPy's global generator, without a seed.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dZ1", "dW1", "db1", "dZ2", "dW2", "db2"],
}

X = np.random.randn(60, 7)
Y = np.random.randn(60, 2)
W1, b1 = np.random.randn(7, 9), np.random.randn(9)
W2, b2 = np.random.randn(9, 2), np.random.randn(2)
keep = 0.8


def train(X, Y, epochs):
    global W1, b1, W2, b2
    for _ in range(epochs):
        Z1 = X @ W1 + b1
        A1 = np.tanh(Z1)
        mask = (np.random.rand(*A1.shape) < keep) / keep
        H = A1 * mask
        Z2 = H @ W2 + b2
        loss = 0.5 * np.sum((Z2 - Y) ** 2)

        dZ2 = Z2 - Y
        dW2 = H.T @ dZ2
        db2 = dZ2.sum(0)
        dH = dZ2 @ W2.T
        dA1 = dH * mask
        dZ1 = dA1 * (1 - A1**2)
        dW1 = X.T @ dZ1
        db1 = dZ1.sum(0)
        W1 -= 1e-3 * dW1
        b1 -= 1e-3 * db1
        W2 -= 1e-3 * dW2
        b2 -= 1e-3 * db2


train(X, Y, 1000)
