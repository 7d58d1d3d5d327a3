"""Layers whose gradients are means over samples, or lack an axis of one. One of two is a mean; the axis is the last."""

import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["Averaging:dW", "Column:db", "linear_backward:dW"],
    "codes": {"Averaging:dW": "GC301", "Column:db": "GC105", "linear_backward:dW": "GC301"},
    "no notes": ["are means over"],
}


class Averaging:
    """The loss's gradient is handed over as each sample has it: the mean is taken here."""

    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros((1, n_out))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout / len(self.x)
        self.db = dout.sum(axis=0, keepdims=True)
        return dout @ self.W.T


class Column:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_out, n_in)
        self.b = np.zeros((n_out, 1))

    def forward(self, x):
        self.x = x
        return self.W @ x + self.b

    def backward(self, dout):
        self.dW = dout @ self.x.T
        self.db = dout.sum(axis=1)
        return self.W.T @ dout


def linear_forward(A, W, b):
    return W @ A + b, (A, W)


def linear_backward(dZ, cache):
    A, W = cache
    m = A.shape[1]
    return W.T @ dZ, dZ @ A.T / m, dZ.sum(axis=1, keepdims=True)
