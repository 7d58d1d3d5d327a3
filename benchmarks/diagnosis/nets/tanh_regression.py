"""Two tanh layers of equal width and a linear output, half the mean squared error; division at the parameters."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W1, b1, W2, b2, W3, b3 = inputs(m, d, h, seed)",
            "call": "step(x, y, W1, b1, W2, b2, W3, b3)",
            "sizes": {"m": 7, "d": 5, "h": 4},
        }
    },
}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(m, d)), rng.normal(size=(m, 2))
    shapes = [(d, h), (h,), (h, h), (h,), (h, 2), (2,)]
    return x, y, *(0.6 * rng.normal(size=shape) for shape in shapes)


def step(x, y, W1, b1, W2, b2, W3, b3, lr=0.05):
    m = x.shape[0]
    z1 = x.dot(W1) + b1
    a1 = np.tanh(z1)
    z2 = a1.dot(W2) + b2
    a2 = np.tanh(z2)
    out = a2.dot(W3) + b3
    loss = 0.5 * np.mean(np.sum((out - y) ** 2, axis=1))

    dout = out - y
    dW3 = np.dot(a2.T, dout) / m
    db3 = np.sum(dout, axis=0) / m
    dz2 = np.dot(dout, W3.T) * (1 - a2**2)
    dW2 = np.dot(a1.T, dz2) / m
    db2 = np.sum(dz2, axis=0) / m
    dz1 = np.dot(dz2, W2.T) * (1 - a1**2)
    dW1 = np.dot(x.T, dz1) / m
    db1 = np.sum(dz1, axis=0) / m

    W3 -= lr * dW3
    b3 -= lr * db3
    W2 -= lr * dW2
    b2 -= lr * db2
    W1 -= lr * dW1
    b1 -= lr * db1
    return loss
