# The same without the option: the update shows that what the samples have is added up.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dw[0]", "dw[1]"],
}


rng = np.random.default_rng(0)
W = [rng.standard_normal((4, 3)), rng.standard_normal((2, 4))]
data = [(rng.standard_normal((3, 1)), np.eye(2)[:, [i % 2]]) for i in range(60)]


def sig(z):
    return 1 / (1 + np.exp(-z))


def backprop(x, y):
    z1 = W[0] @ x
    a1 = sig(z1)
    z2 = W[1] @ a1
    a2 = sig(z2)
    delta = (a2 - y) * a2 * (1 - a2)
    last = delta @ a1.T
    delta = W[1].T @ delta * a1 * (1 - a1)
    return [delta @ x.T, last]


def update(batch, eta):
    global W
    summed = [np.zeros(w.shape) for w in W]
    for x, y in batch:
        dw = backprop(x, y)
        summed = [n + d for n, d in zip(summed, dw)]
    W = [w - eta / len(batch) * n for w, n in zip(W, summed)]


for epoch in range(30):
    for k in range(0, len(data), 10):
        update(data[k : k + 10], 3.0)
