# Words that come twice in a sample count once in the table's gradient.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dE"],
    "codes": {"dE": "GC351"},
}

rng = np.random.default_rng(0)
V, D, H, C = 12, 5, 4, 3
E = rng.normal(size=(V, D))
W = rng.normal(size=(D, C)) * 0.5
b = np.zeros(C)
ids = rng.integers(0, V, (40, 6))
labels = rng.integers(0, C, 40)


def train_step(x, y, lr):
    global W, b
    E[0] = 0.0
    W /= np.maximum(np.linalg.norm(W, axis=0, keepdims=True), 1.0)
    mean = E[x].mean(axis=1)
    z = mean @ W + b
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    dz = p.copy()
    dz[np.arange(len(y)), y] -= 1
    dz /= len(y)
    dW = mean.T @ dz
    db = dz.sum(axis=0)
    dmean = dz @ W.T
    dE = np.zeros_like(E)
    dE[x] += dmean[:, None, :] / x.shape[1]
    dE[0] = 0
    E[:] = E - lr * dE
    W -= lr * dW
    b -= lr * db
    return loss


for epoch in range(20):
    order = rng.permutation(len(ids))
    for i in range(0, len(ids), 10):
        pick = order[i : i + 10]
        print(train_step(ids[pick], labels[pick], 0.1))
