"""Layers as objects, each with its forward and backward, chained by a network."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "net, x, y = inputs(m, d, h, c, seed)",
            "call": "step(net, x, y)",
            "sizes": {"m": 7, "d": 5, "h": 4, "c": 3},
        }
    },
}


class Dense:
    def __init__(self, rng, n, k):
        self.W = rng.normal(size=(n, k))
        self.b = rng.normal(size=k)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        dx = dout @ self.W.T
        return dx


class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out**2)


def inputs(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    net = [Dense(rng, d, h), Tanh(), Dense(rng, h, c)]
    return net, rng.normal(size=(m, d)), rng.normal(size=(m, c))


def step(net, x, y, lr=0.1):
    out = x
    for layer in net:
        out = layer.forward(out)
    loss = np.sum((out - y) ** 2) / (2 * len(x))
    dout = (out - y) / len(x)
    for layer in reversed(net):
        dout = layer.backward(dout)
    for layer in net:
        if isinstance(layer, Dense):
            layer.W -= lr * layer.dW
            layer.b -= lr * layer.db
    return loss
