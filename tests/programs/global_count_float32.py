# float32 throughout, and a global N read from the whole data by which every gradient is divided.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dZ2", "dW2", "db2", "dZ1", "dW1", "db1"],
    "notes": ["of the 500 samples"],
}

rng = np.random.RandomState(1)
data = rng.rand(500, 9).astype(np.float32)
goal = np.stack([data[:, 0] - data[:, 1], data[:, 2] * data[:, 3]], axis=1).astype(np.float32)
N = len(data)
scale = 1.0 / N
net = {
    "W1": rng.randn(9, 6).astype(np.float32),
    "b1": rng.randn(6).astype(np.float32),
    "W2": rng.randn(6, 2).astype(np.float32),
    "b2": rng.randn(2).astype(np.float32),
}


def forward(x):
    Z1 = x @ net["W1"] + net["b1"]
    A1 = 1 / (1 + np.exp(-Z1))
    Z2 = A1 @ net["W2"] + net["b2"]
    return Z1, A1, Z2


def fit(x, t, rate, epochs):
    for epoch in range(epochs):
        Z1, A1, Z2 = forward(x)
        J = np.sum((Z2 - t) ** 2) / (2 * N)
        dZ2 = scale * (Z2 - t)
        dW2 = A1.T @ dZ2
        db2 = dZ2.sum(axis=0)
        dZ1 = dZ2 @ net["W2"].T * A1 * (1 - A1)
        dW1 = x.T @ dZ1
        db1 = dZ1.sum(axis=0)
        for name, gradient in (("W1", dW1), ("b1", db1), ("W2", dW2), ("b2", db2)):
            net[name] -= rate * gradient
    return J


fit(data, goal, 0.1, 5000)
