# Adam over a dict of parameters, with gradients by their keys.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["grads['W1']", "grads['W2']"],
}


rng = np.random.default_rng(9)
X = rng.normal(size=(12, 4))
Y = rng.normal(size=(12, 2))
net = {"W1": rng.normal(size=(4, 5)), "W2": rng.normal(size=(5, 2))}
first = {k: np.zeros_like(v) for k, v in net.items()}
second = {k: np.zeros_like(v) for k, v in net.items()}


def gradients():
    h = np.maximum(X @ net["W1"], 0)
    out = h @ net["W2"]
    dout = 2 * (out - Y) / out.size
    dh = dout @ net["W2"].T * (h > 0)
    return {"W1": X.T @ dh, "W2": h.T @ dout}


for t in range(1, 60):
    grads = gradients()
    for key in net:
        first[key] = 0.9 * first[key] + 0.1 * grads[key]
        second[key] = 0.999 * second[key] + 0.001 * grads[key] ** 2
        step = first[key] / (1 - 0.9**t) / (np.sqrt(second[key] / (1 - 0.999**t)) + 1e-8)
        net[key] -= 0.01 * step
