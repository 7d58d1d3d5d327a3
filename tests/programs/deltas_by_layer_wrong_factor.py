# The same, with a delta that is multiplied by a sum of another layer.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["delta2"],
    "inherited": ["delta1", "nabla_B[0]", "nabla_B[1]", "nabla_W[0]", "nabla_W[1]"],
}

rng = np.random.default_rng(2)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


sizes = [3, 5, 4, 2]
W = [rng.normal(size=(a, b)) for a, b in zip(sizes[:-1], sizes[1:])]
B = [np.zeros(b) for b in sizes[1:]]
X = rng.normal(size=(9, 3))
T = rng.random((9, 2))
eta = 0.3

for epoch in range(40):
    z1 = X @ W[0] + B[0]
    a1 = sigmoid(z1)
    z2 = a1 @ W[1] + B[1]
    a2 = sigmoid(z2)
    z3 = a2 @ W[2] + B[2]
    a3 = sigmoid(z3)
    delta3 = (a3 - T) * a3 * (1 - a3)
    delta2 = delta3 @ W[2].T * a1.sum() * (1 - a2)
    delta1 = delta2 @ W[1].T * a1 * (1 - a1)
    nabla_W = [X.T @ delta1, a1.T @ delta2, a2.T @ delta3]
    nabla_B = [delta1.sum(axis=0), delta2.sum(axis=0), delta3.sum(axis=0)]
    for k in range(3):
        W[k] -= eta * nabla_W[k] / len(X)
        B[k] -= eta * nabla_B[k] / len(X)
