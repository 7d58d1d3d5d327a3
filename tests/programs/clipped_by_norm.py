# Gradients that are scaled down together where their norm is too large, in place and in a function of its own.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["grads['W1']", "grads['b1']", "grads['W2']", "grads['b2']"],
}

rng = np.random.default_rng(0)
params = {"W1": rng.normal(size=(4, 6)), "b1": np.zeros(6), "W2": rng.normal(size=(6, 3)), "b2": np.zeros(3)}


def step(x, y):
    h = np.tanh(x @ params["W1"] + params["b1"])
    out = h @ params["W2"] + params["b2"]
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
    grads = {"W2": h.T @ dout, "b2": dout.sum(axis=0)}
    dz = dout @ params["W2"].T * (1 - h**2)
    grads["W1"] = x.T @ dz
    grads["b1"] = dz.sum(axis=0)
    return loss, grads


def clip(grads, largest):
    total = np.sqrt(sum((g**2).sum() for g in grads.values()))
    if total > largest:
        for name in grads:
            grads[name] *= largest / total


x, y = rng.normal(size=(20, 4)), rng.normal(size=(20, 3))
for turn in range(50):
    loss, grads = step(x, y)
    clip(grads, 0.5)
    for name in params:
        params[name] -= 0.1 * grads[name]
