"""A layer with batch normalisation, written out step by step."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W1, gamma, beta, W2, b2 = inputs(m, d, h, seed)",
            "call": "step(x, y, W1, gamma, beta, W2, b2)",
            "sizes": {"m": 9, "d": 5, "h": 4},
        }
    },
}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(m, d)), rng.normal(size=(m, 2))
    W1, gamma, beta = rng.normal(size=(d, h)), 1 + 0.3 * rng.normal(size=h), rng.normal(size=h)
    return x, y, W1, gamma, beta, rng.normal(size=(h, 2)), rng.normal(size=2)


def step(x, y, W1, gamma, beta, W2, b2, lr=0.1, eps=1e-5):
    m = x.shape[0]
    Z1 = x @ W1
    mu = Z1.mean(axis=0)
    xmu = Z1 - mu
    var = (xmu**2).mean(axis=0)
    istd = 1 / np.sqrt(var + eps)
    xhat = xmu * istd
    N1 = gamma * xhat + beta
    A1 = np.tanh(N1)
    out = A1 @ W2 + b2
    loss = ((out - y) ** 2).sum() / (2 * m)

    dout = (out - y) / m
    dW2 = A1.T @ dout
    db2 = dout.sum(axis=0)
    dA1 = dout @ W2.T
    dN1 = dA1 * (1 - A1**2)
    dgamma = (dN1 * xhat).sum(axis=0)
    dbeta = dN1.sum(axis=0)
    dxhat = dN1 * gamma
    distd = (dxhat * xmu).sum(axis=0)
    dvar = -0.5 * distd * istd**3
    dxmu = dxhat * istd + 2 * xmu * dvar / m
    dmu = -dxmu.sum(axis=0)
    dZ1 = dxmu + dmu / m
    dW1 = x.T @ dZ1

    W1 -= lr * dW1
    gamma -= lr * dgamma
    beta -= lr * dbeta
    W2 -= lr * dW2
    b2 -= lr * db2
    return loss
