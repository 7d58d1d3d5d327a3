# Momentum and weight decay, where the derivative of tanh is left out on the way back.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["W (from its update)"],
    "checked": ["V (from its update)"],
}

rng = np.random.default_rng(1)
X = rng.normal(size=(14, 4))
T = np.sign(X[:, :1] + X[:, 1:2])
W = rng.normal(size=(4, 3)) * 0.5
V = rng.normal(size=(3, 1)) * 0.5
mW, mV = np.zeros_like(W), np.zeros_like(V)
lr, decay, mu = 0.1, 0.01, 0.9
for step in range(50):
    H = np.tanh(X @ W)
    O = H @ V
    e = (O - T) / len(X)
    back = e @ V.T
    mV = mu * mV - lr * (H.T @ e + decay * V)
    mW = mu * mW - lr * (X.T @ back + decay * W)
    V += mV
    W += mW
