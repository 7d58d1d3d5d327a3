# A layer for one sample as a column, and that is said; what it hands down is taken from weights that have moved.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "options": ["--shapes", "x:(4,1)"],
    "fail": ["dx"],
    "checked": ["dweights", "dbias"],
    "codes": {"dx": "GC361"},
}


class Dense:
    def __init__(self, inputs, outputs):
        self.weights = np.random.randn(outputs, inputs)
        self.bias = np.random.randn(outputs, 1)

    def forward(self, x):
        self.x = x
        return self.weights @ x + self.bias

    def backward(self, grad, rate):
        dweights = grad @ self.x.T
        self.weights -= rate * dweights
        dx = self.weights.T @ grad
        self.bias -= rate * grad
        return dx
