"""Attention from three maps of one input, and a norm over features, for sequences alone."""

import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["Attention:dq", "Attention:dk", "Attention:drows[1]", "Attention:db_1", "Norm:dgamma", "Norm:dbeta", "Block:dW_1"],
}


class Map:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out) / np.sqrt(n_in)
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.kept = x
        rows = x.reshape(-1, x.shape[2])
        return (rows @ self.W + self.b).reshape(*x.shape[:2], -1)

    def backward(self, dout):
        rows = self.kept.reshape(-1, self.kept.shape[2])
        dout = dout.reshape(-1, dout.shape[2])
        self.dW = rows.T @ dout
        self.db = dout.sum(axis=0)
        drows = dout @ self.W.T
        return drows.reshape(self.kept.shape)


class Attention:
    """A bias of the keys moves no score against another: its gradient is zero."""

    def __init__(self, n_in, n_out):
        self.query = Map(n_in, n_out)
        self.key = Map(n_in, n_out)
        self.value = Map(n_in, n_out)

    def forward(self, x):
        q, k, v = self.query.forward(x), self.key.forward(x), self.value.forward(x)
        scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2])
        e = np.exp(scores - scores.max(axis=2, keepdims=True))
        weights = e / e.sum(axis=2, keepdims=True)
        self.kept = q, k, v, weights
        return weights @ v

    def backward(self, dout):
        q, k, v, weights = self.kept
        dweights = dout @ v.swapaxes(1, 2)
        dv = weights.swapaxes(1, 2) @ dout
        dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True)) / np.sqrt(q.shape[2])
        dq = dscores @ k
        dk = dscores.swapaxes(1, 2) @ q
        return self.query.backward(dq) + self.key.backward(dk) + self.value.backward(dv)


class Norm:
    """Over features; its gain and shift are those of all samples and steps."""

    def __init__(self, n_features, eps=1e-5):
        self.gamma = np.ones(n_features)
        self.beta = np.zeros(n_features)
        self.eps = eps

    def forward(self, x):
        self.spread = np.sqrt(x.var(axis=-1, keepdims=True) + self.eps)
        self.unit = (x - x.mean(axis=-1, keepdims=True)) / self.spread
        return self.gamma * self.unit + self.beta

    def backward(self, dout):
        self.dgamma = np.sum(dout * self.unit, axis=(0, 1))
        self.dbeta = np.sum(dout, axis=(0, 1))
        dunit = dout * self.gamma
        own = dunit - dunit.mean(axis=-1, keepdims=True)
        return (own - self.unit * (dunit * self.unit).mean(axis=-1, keepdims=True)) / self.spread


class Block:
    """Attention of what is normed, beside what is not."""

    def __init__(self, n_features):
        self.norm = Norm(n_features)
        self.attention = Attention(n_features, n_features)

    def forward(self, x):
        return x + self.attention.forward(self.norm.forward(x))

    def backward(self, dout):
        return dout + self.norm.backward(self.attention.backward(dout))
