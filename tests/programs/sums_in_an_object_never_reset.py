# The same, where one of them is not set back.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "codes": {"dv": "GC353"},
    "checked": ["dw"],
}


class Net:
    def __init__(self):
        r = np.random.RandomState(0)
        self.w, self.v = r.randn(3, 4), r.randn(3)
        self.dw, self.dv = np.zeros((3, 4)), np.zeros(3)

    def forward(self, x):
        self.x = x
        self.h = np.tanh(self.w @ x)
        return self.v @ self.h

    def backward(self, d):
        self.dv += d * self.h
        dh = d * self.v * (1 - self.h**2)
        self.dw += np.outer(dh, self.x)

    def step(self, lr, n):
        self.w -= lr * self.dw / n
        self.v -= lr * self.dv / n
        self.dw[...] = 0


def train(net, X, y, lr=0.1, epochs=50, batch=10):
    for _ in range(epochs):
        for s in range(0, len(X), batch):
            for x, t in zip(X[s : s + batch], y[s : s + batch]):
                out = net.forward(x)
                net.backward(out - t)
            net.step(lr, batch)


rng = np.random.default_rng(1)
train(Net(), rng.standard_normal((200, 4)), rng.standard_normal(200))
