# dZ by name, parameters moved without a name for their gradients; samples are columns.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": [
        "dZ1",
        "dZ2",
        "W1 (from its update)",
        "b1 (from its update)",
        "W2 (from its update)",
        "b2 (from its update)",
    ],
}

rng = np.random.default_rng(4)
X = rng.normal(size=(3, 16))
Y = np.eye(2)[(X[0] * X[1] > 0).astype(int)].T
W1 = rng.normal(size=(5, 3)) * 0.5
b1 = np.zeros((5, 1))
W2 = rng.normal(size=(2, 5)) * 0.5
b2 = np.zeros((2, 1))
learning_rate = 0.5
m = X.shape[1]
for i in range(300):
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = np.exp(Z2) / np.exp(Z2).sum(axis=0)
    dZ2 = A2 - Y
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    W2 = W2 - learning_rate * dZ2 @ A1.T / m
    b2 = b2 - learning_rate * dZ2.sum(axis=1, keepdims=True) / m
    W1 = W1 - learning_rate * dZ1 @ X.T / m
    b1 = b1 - learning_rate * dZ1.sum(axis=1, keepdims=True) / m
