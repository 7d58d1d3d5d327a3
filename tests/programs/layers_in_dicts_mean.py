# The same, with bias gradients that are means.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["db[0]", "db[1]"],
    "checked": ["dW[0]", "dW[1]"],
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
        layer["db"] = d.mean(axis=0)
        d = d @ layer["W"].T


for epoch in range(40):
    out = forward(X)
    loss = 0.5 * ((out - Y) ** 2).sum() / len(Y)
    backward(out)
    for layer in layers:
        layer["W"] -= 0.1 * layer["dW"]
        layer["b"] -= 0.1 * layer["db"]
