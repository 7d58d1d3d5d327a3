# Data scaled in place by the step, gradients clipped in place, buffers filled again and again.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dZ", "dW", "db"],
}

rng = np.random.RandomState(11)
X = rng.rand(80, 6) * 255
T = np.eye(3)[rng.randint(0, 3, 80)]
W = rng.randn(6, 3)
b = rng.randn(3)
buffer = np.empty((80, 3))


def step(X, T):
    X /= 255.0
    X *= 255.0
    Z = X @ W / 255.0
    Z += b
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    loss = -(T * np.log(P)).sum() / len(T)
    dZ = P - T
    dZ /= len(T)
    dW = X.T @ dZ / 255.0
    db = np.sum(dZ, axis=0)
    return loss, dW, db


for epoch in range(300):
    loss, dW, db = step(X, T)
    np.clip(dW, -5, 5, out=dW)
    W -= 0.1 * dW
    b -= 0.1 * db
