# A list of dicts: parameters, what goes in and out, and gradients side by side in each.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dW[0]", "db[0]", "dW[1]", "db[1]"],
}


rng = np.random.default_rng(8)
sizes = [4, 5, 3]
layers = [{"W": rng.normal(size=(a, b)), "b": rng.normal(size=b)} for a, b in zip(sizes, sizes[1:])]
X = rng.normal(size=(9, 4))
Y = np.eye(3)[rng.integers(0, 3, 9)]


def forward(x):
    for layer in layers:
        layer["x"] = x
        layer["a"] = x = np.tanh(x @ layer["W"] + layer["b"])
    return x


def backward(out):
    d = (out - Y) / len(Y)
    for layer in reversed(layers):
        d = d * (1 - layer["a"] ** 2)
        layer["dW"] = layer["x"].T @ d
        layer["db"] = d.sum(axis=0)
        d = d @ layer["W"].T


for epoch in range(40):
    out = forward(X)
    loss = 0.5 * ((out - Y) ** 2).sum() / len(Y)
    backward(out)
    for layer in layers:
        layer["W"] -= 0.1 * layer["dW"]
        layer["b"] -= 0.1 * layer["db"]
