"""A centred and scaled layer: the gradient of the variance is doubled, and is added to what is right."""

import numpy as np

__gradcheck__ = {
    "default": "step",
    "targets": {
        "step": {
            "setup": "x, y, W, V = inputs(m, d, h, seed)",
            "call": "step(x, y, W, V)",
            "sizes": {"m": 8, "d": 5, "h": 4},
        }
    },
}
EXPECTED = {"verdict": "fail", "fail": ["dvar"], "inherited": ["dxc", "dZ", "dW"], "codes": {"dvar": "GC301"}}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.normal(size=(m, 2)), rng.normal(size=(d, h)), rng.normal(size=(h, 2))


def step(x, y, W, V):
    m = len(x)
    Z = x @ W
    xc = Z - Z.mean(axis=0)
    var = (xc**2).mean(axis=0)
    N = xc / np.sqrt(var + 1e-5)
    out = np.tanh(N) @ V
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
    dV = np.tanh(N).T @ dout
    dN = (dout @ V.T) * (1 - np.tanh(N) ** 2)
    dvar = -(dN * xc).sum(axis=0) * (var + 1e-5) ** -1.5
    dxc = dN / np.sqrt(var + 1e-5) + 2 * xc * dvar / m
    dZ = dxc - dxc.mean(axis=0)
    dW = x.T @ dZ
    W -= 0.1 * dW
    V -= 0.1 * dV
    return loss
