# Batch normalisation whose way through the variance is left out, with running statistics in an object.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dh"],
    "inherited": ["dW"],
    "checked": ["dgamma", "dbeta", "dxhat", "dout"],
}

np.random.seed(3)
X = np.random.randn(64, 5).astype(np.float64)
y = (X**2).sum(axis=1, keepdims=True)
W = np.random.randn(5, 4)
gamma = np.random.rand(4) + 0.5
beta = np.random.randn(4)
V = np.random.randn(4, 1)


class Running:
    mean = np.zeros(4)
    var = np.ones(4)


steps = 0

for epoch in range(500):
    steps += 1
    h = X @ W
    mu = h.mean(axis=0)
    var = h.var(axis=0)
    Running.mean *= 0.9
    Running.mean += 0.1 * mu
    Running.var = 0.9 * Running.var + 0.1 * var
    std = np.sqrt(var + 1e-5)
    xhat = (h - mu) / std
    u = gamma * xhat + beta
    out = np.tanh(u) @ V
    loss = np.sum((out - y) ** 2) / (2 * len(y))

    dout = (out - y) / len(y)
    dV = np.tanh(u).T @ dout
    du = dout @ V.T * (1 - np.tanh(u) ** 2)
    dgamma = (du * xhat).sum(axis=0)
    dbeta = du.sum(axis=0)
    dxhat = du * gamma
    dh = (dxhat - dxhat.mean(axis=0)) / std
    dW = X.T @ dh
    W -= 0.01 * dW
    gamma -= 0.01 * dgamma
    beta -= 0.01 * dbeta
    V -= 0.01 * dV
