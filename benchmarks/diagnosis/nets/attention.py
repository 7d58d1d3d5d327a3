"""One head of scaled dot-product attention over a sequence, batched."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, Wq, Wk, Wv, Wo = inputs(m, n, d, seed)",
            "call": "step(x, y, Wq, Wk, Wv, Wo)",
            "sizes": {"m": 3, "n": 4, "d": 5},
        }
    },
}


def inputs(m, n, d, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(m, n, d)), rng.normal(size=(m, n, 2))
    return x, y, *(0.6 * rng.normal(size=shape) for shape in [(d, d), (d, d), (d, d), (d, 2)])


def step(x, y, Wq, Wk, Wv, Wo, lr=0.1):
    m, n, d = x.shape
    Q = x @ Wq
    K = x @ Wk
    V = x @ Wv
    S = Q @ K.transpose(0, 2, 1) / np.sqrt(d)
    U = np.exp(S - S.max(axis=-1, keepdims=True))
    A = U / U.sum(axis=-1, keepdims=True)
    C = A @ V
    out = C @ Wo
    loss = np.sum((out - y) ** 2) / (2 * m)

    dout = (out - y) / m
    dWo = np.einsum("bid,bik->dk", C, dout)
    dC = dout @ Wo.T
    dA = dC @ V.transpose(0, 2, 1)
    dV = A.transpose(0, 2, 1) @ dC
    dS = A * (dA - (dA * A).sum(axis=-1, keepdims=True))
    dQ = dS @ K / np.sqrt(d)
    dK = dS.transpose(0, 2, 1) @ Q / np.sqrt(d)
    dWq = np.einsum("bid,bie->de", x, dQ)
    dWk = np.einsum("bid,bie->de", x, dK)
    dWv = np.einsum("bid,bie->de", x, dV)

    Wq -= lr * dWq
    Wk -= lr * dWk
    Wv -= lr * dWv
    Wo -= lr * dWo
    return loss
