"""Pairs whose arguments are handed over together, or go by names of their own."""

import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": [
        "norm_backward:dX",
        "norm_backward:dgamma",
        "thinned_backward:dX",
        "averages_backward:dX",
        "clipped_backward:dX",
        "compute_gradient:dtheta",
        "softmax_loss:dx",
    ],
    "notes": ["cache ((4,), (4,))", "p_dropout 0.7", "prev of clipped_backward is taken for the gradient of out"],
}


def norm_forward(X, gamma, beta, cache, momentum=0.9, train=True):
    """The running statistics come in by the name by which the cache goes out."""
    running_mean, running_var = cache
    mu, var = (X.mean(axis=0), X.var(axis=0)) if train else (running_mean, running_var)
    unit = (X - mu) / np.sqrt(var + 1e-5)
    cache = unit, var, gamma
    running_mean = momentum * running_mean + (1 - momentum) * mu
    running_var = momentum * running_var + (1 - momentum) * var
    return gamma * unit + beta, cache, running_mean, running_var


def norm_backward(dout, cache):
    unit, var, gamma = cache
    dunit = dout * gamma
    dX = (dunit - dunit.mean(axis=0) - unit * (dunit * unit).mean(axis=0)) / np.sqrt(var + 1e-5)
    return dX, np.sum(dout * unit, axis=0), np.sum(dout, axis=0)


def thinned_forward(X, p_dropout):
    mask = np.random.binomial(1, p_dropout, size=X.shape) / p_dropout
    return X * mask, mask


def thinned_backward(dout, cache):
    return dout * cache


def _pooled_forward(X, reduce, size):
    blocks = X.reshape(len(X), -1, size)
    return reduce(blocks), (X.shape, blocks)


def _pooled_backward(dout, spread, cache):
    shape, blocks = cache
    return spread(dout, blocks).reshape(shape)


def averages_forward(X, size=2):
    return _pooled_forward(X, lambda blocks: blocks.mean(axis=2), size)


def averages_backward(dout, cache):
    return _pooled_backward(dout, lambda d, blocks: np.repeat(d[:, :, None], blocks.shape[2], axis=2) / blocks.shape[2], cache)


def clipped_forward(X):
    return np.maximum(X, 0)


def clipped_backward(X, prev):
    return prev * (X > 0)


def computeCost(theta, X, y):
    h = 1 / (1 + np.exp(-X @ theta))
    return -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h))


def compute_gradient(theta, X, y):
    h = 1 / (1 + np.exp(-X @ theta))
    return X.T @ (h - y) / len(y)


def softmax_loss(x, y):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(p[rows, y] + 1e-5).mean()
    dx = p.copy()
    dx[rows, y] -= 1
    return loss, dx / len(y)
