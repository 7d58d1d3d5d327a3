"""Layers whose gradients are means over samples, or lack an axis of one."""

import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["Averaging:dW", "Averaging:db", "Row:db", "linear_backward:dW", "linear_backward:db"],
    "notes": ["dW, db are means over the 5 samples"],
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
        self.db = dout.mean(axis=0, keepdims=True)
        return dout @ self.W.T


class Row:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros((1, n_out))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


def linear_forward(A, W, b):
    return W @ A + b, (A, W)


def linear_backward(dZ, cache):
    A, W = cache
    m = A.shape[1]
    return W.T @ dZ, dZ @ A.T / m, dZ.sum(axis=1, keepdims=True) / m
