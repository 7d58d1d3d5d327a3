# Integer inputs, parameters that share one buffer, gradients that are views of one array; a caller's array is scaled.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dW"],
    "checked": ["dout", "db"],
}

counts = np.arange(120).reshape(40, 3) % 7
total = counts.sum(axis=1).reshape(-1, 1)
theta = np.array([0.4, -0.3, 0.2, 0.1])
W, b = theta[:3].reshape(3, 1), theta[3:]
flat = np.zeros(4)


def normalized(a):
    a *= 2
    return a / 2


for t in range(3000):
    out = normalized(counts) @ W + b
    loss = np.sum((out - total) ** 2) / len(total)
    dout = 2 * (out - total) / len(total)
    dW = counts.T @ dout
    db = dout.sum(axis=0)
    flat[:3] = dW.ravel()
    flat[3:] = db
    np.subtract(theta, 0.001 * flat, out=theta)
