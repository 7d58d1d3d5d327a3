# The same, with the error sent back through weights that have been updated already.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["back"],
    "inherited": ["w_in (from its update)", "b_in (from its update)"],
    "codes": {"back": "GC361"},
}

rng = np.random.default_rng(3)


class Mlp:
    def __init__(self, n, h, c, lr):
        self.lr = lr
        self.w_in = rng.normal(0, 0.5, (n, h))
        self.b_in = rng.normal(0, 0.1, h)
        self.w_out = rng.normal(0, 0.5, (h, c))
        self.b_out = rng.normal(0, 0.1, c)

    def forward(self, x):
        self.hidden = np.tanh(x @ self.w_in + self.b_in)
        return self.hidden @ self.w_out + self.b_out

    def fit_batch(self, x, y):
        out = self.forward(x)
        err = out - y

        self.w_out -= self.lr * self.hidden.T @ err / len(x)
        self.b_out -= self.lr * err.mean(axis=0)
        back = (err @ self.w_out.T) * (1 - self.hidden**2)
        self.w_in -= self.lr * x.T @ back / len(x)
        self.b_in -= self.lr * back.mean(axis=0)
        return np.mean(err**2)


x = rng.normal(size=(12, 3))
y = np.stack([x[:, 0] * x[:, 1], x.sum(axis=1)], axis=1)
net = Mlp(3, 6, 2, 0.05)
for epoch in range(200):
    net.fit_batch(x, y)
