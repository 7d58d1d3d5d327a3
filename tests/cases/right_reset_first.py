"""Gradients are added to, and set back at the beginning of each backward."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "net, x, y = inputs(m, d, h, c, seed)",
            "call": "net.step(x, y)",
            "sizes": {"m": 7, "d": 5, "h": 4, "c": 3},
        }
    },
}
EXPECTED = {"verdict": "pass"}


class Net:
    def __init__(self, rng, d, h, c):
        self.W1, self.W2 = rng.normal(size=(d, h)), rng.normal(size=(h, c))
        self.b1 = rng.normal(size=h)
        self.dW1, self.dW2 = np.zeros((d, h)), np.zeros((h, c))

    def step(self, x, y, lr=0.1):
        Z1 = x @ self.W1 + self.b1
        A1 = np.tanh(Z1)
        Z2 = A1 @ self.W2
        loss = ((Z2 - y) ** 2).sum() / len(x)
        dZ2 = 2 * (Z2 - y) / len(x)
        self.dW1[...], self.dW2[...] = 0, 0
        self.dW2 += A1.T @ dZ2
        dA1 = dZ2 @ self.W2.T
        dZ1 = dA1 * (1 - A1**2)
        self.dW1 += x.T @ dZ1
        self.db1 = dZ1.sum(axis=0)
        self.W1 -= lr * self.dW1
        self.b1 -= lr * self.db1
        self.W2 -= lr * self.dW2
        return loss


def inputs(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    return Net(rng, d, h, c), rng.normal(size=(m, d)), rng.normal(size=(m, c))
