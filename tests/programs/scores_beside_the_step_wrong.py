# Pixels as whole numbers, float32 parameters, a missing progress bar, another folder, and a score on other samples beside it.
import os
import sys
import numpy as np
from tqdm import tqdm

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["db1"],
    "checked": ["dW1", "dW2", "db2", "dz1"],
    "codes": {"db1": "GC301"},
    "notes": ["checked on 7 of the 400 samples", "left out where the step is run again"],
}

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.RandomState(0)
X = rng.randint(0, 255, size=(500, 20))
y = (X[:, 0] > 120).astype(int)
Xt, yt = X[400:], y[400:]
X, y = X[:400], y[:400]
m = len(X)
N = X.shape[0]
W1 = (rng.randn(20, 9) * 0.1).astype(np.float32)
b1 = np.zeros(9, np.float32)
W2 = (rng.randn(9, 1) * 0.1).astype(np.float32)
b2 = np.zeros(1, np.float32)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def predict(X):
    h = np.maximum(0, (X / 255.0) @ W1 + b1)
    return sigmoid(h @ W2 + b2).ravel() > 0.5


def accuracy(X, y):
    return (predict(X) == y).mean()


for epoch in tqdm(range(10**6)):
    z1 = (X / 255.0) @ W1 + b1
    h = np.maximum(0, z1)
    p = sigmoid(h @ W2 + b2)
    cost = -np.sum(y[:, None] * np.log(p + 1e-7) + (1 - y[:, None]) * np.log(1 - p + 1e-7)) / m
    dz2 = (p - y[:, None]) / N
    dW2 = h.T @ dz2
    db2 = dz2.sum(axis=0)
    dz1 = dz2 @ W2.T * (z1 > 0)
    dW1 = (X / 255.0).T @ dz1
    db1 = dz1.mean(axis=0)
    W1 -= 0.5 * dW1
    b1 -= 0.5 * db1
    W2 -= 0.5 * dW2
    b2 -= 0.5 * db2
    if epoch % 10 == 0:
        print("epoch", epoch, "cost", cost, "test", accuracy(Xt, yt), "train", accuracy(X, y))
    if epoch == 1000:
        sys.exit(0)
while True:
    input("again? ")
