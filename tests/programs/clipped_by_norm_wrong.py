# The same; the gradient of the first weights lacks the derivative on the way.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "inherited": ["grads['W1']", "grads['b1']"],
    "codes": {"dz": "GC311"},
    "checked": ["dout", "grads['W2']"],
}

rng = np.random.default_rng(0)
params = {"W1": rng.normal(size=(4, 6)), "b1": np.zeros(6), "W2": rng.normal(size=(6, 3)), "b2": np.zeros(3)}


def step(x, y):
    h = np.tanh(x @ params["W1"] + params["b1"])
    out = h @ params["W2"] + params["b2"]
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
    grads = {"W2": h.T @ dout, "b2": dout.sum(axis=0)}
    dz = dout @ params["W2"].T
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
