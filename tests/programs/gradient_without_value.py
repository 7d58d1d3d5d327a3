# The gradient of what is called gain elsewhere, and is never updated here: it can't be told whose it is, and that is said.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dW", "db", "dscores"],
    "notes": ["not checked: dgamma (line 30): nothing was found", "--grad dgamma=NAME says of what"],
}

rng = np.random.default_rng(0)
X = rng.normal(size=(11, 4))
y = rng.integers(0, 3, 11)
W = rng.normal(0, 0.5, (4, 3))
b = rng.normal(0, 0.1, 3)
gain = np.ones(3)


def step(X, y):
    scores = (X @ W + b) * gain
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    dscores = p.copy()
    dscores[np.arange(len(y)), y] -= 1
    dscores /= len(y)
    back = dscores * gain
    dW = X.T @ back
    db = back.sum(axis=0)
    dgamma = (dscores * scores).sum()
    return loss, dW, db, dgamma


for _ in range(20):
    loss, dW, db, dgamma = step(X, y)
    W -= 0.1 * dW
    b -= 0.1 * db
