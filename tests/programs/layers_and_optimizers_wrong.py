# Layers that update themselves: with an optimizer handed to backward, to the constructor, or to a method that begins; wrong ones.
import copy

import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["Handed:dx", "Own:db", "Lazy:dW", "Net:dW_0", "Net:dW_1"],
    "codes": {"Handed:dx": "GC361", "Own:db": "GC301", "Lazy:dW": "GC302"},
}


class Momentum:
    def __init__(self, learning_rate=0.01, keep=0.9):
        self.learning_rate, self.keep, self.velocity = learning_rate, keep, None

    def update(self, w, grad_w):
        if self.velocity is None:
            self.velocity = np.zeros_like(w)
        self.velocity = self.keep * self.velocity + (1 - self.keep) * grad_w
        return w - self.learning_rate * self.velocity


class Handed:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad, optimizer):
        self.W = optimizer.update(self.W, self.x.T @ grad)
        self.b = optimizer.update(self.b, grad.sum(axis=0))
        return grad @ self.W.T


class Own(Handed):
    def __init__(self, n_in, n_out, optimizer):
        super().__init__(n_in, n_out)
        self.rules = copy.copy(optimizer), copy.copy(optimizer)

    def backward(self, grad):
        W = self.W
        self.W = self.rules[0].update(self.W, self.x.T @ grad)
        self.b = self.rules[1].update(self.b, 2 * grad.sum(axis=0))
        return grad @ W.T


class Lazy:
    def __init__(self, n_units, input_shape=None):
        self.n_units, self.input_shape = n_units, input_shape
        self.W = self.b = None

    def initialize(self, optimizer):
        self.W = np.random.randn(self.input_shape[0], self.n_units)
        self.b = np.zeros((1, self.n_units))
        self.W_rule, self.b_rule = copy.copy(optimizer), copy.copy(optimizer)

    def forward(self, x, training=True):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        W = self.W
        self.W = self.W_rule.update(self.W, -self.x.T @ grad)
        self.b = self.b_rule.update(self.b, grad.sum(axis=0, keepdims=True))
        return grad @ W.T


class Net:
    def __init__(self, optimizer):
        self.optimizer, self.layers = optimizer, []

    def add(self, layer):
        layer.initialize(self.optimizer)
        self.layers.append(layer)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad
