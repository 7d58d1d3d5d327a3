# A layer that takes one sample as a column: with several its update raises, and whether that is meant can't be told.
import numpy as np

EXPECTED = {
    "verdict": "inconclusive",
    "exit": 1,
    "checked": ["dweights", "dx"],
    "notes": ['with one sample it goes through; if it is meant for one at a time, say so: --shapes "x:(4,1)"'],
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
        dx = self.weights.T @ grad
        self.weights -= rate * dweights
        self.bias -= rate * grad
        return dx
