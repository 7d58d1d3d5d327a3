# A regression network in one long module-level loop, nothing in functions.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dW1", "db1", "dW2", "db2", "dZ1", "dZ2"],
}

np.random.seed(1)
X = np.random.rand(40, 5)
Y = np.sin(X.sum(axis=1, keepdims=True)) + X[:, :1] ** 2
W1 = np.random.randn(5, 6) * 0.5
b1 = np.zeros((1, 6))
W2 = np.random.randn(6, 1) * 0.5
b2 = np.zeros((1, 1))
lr = 0.1
history = []

for epoch in range(2000):
    Z1 = X.dot(W1) + b1
    A1 = np.tanh(Z1)
    Z2 = A1.dot(W2) + b2
    loss = ((Z2 - Y) ** 2).sum() / len(X)

    dZ2 = 2 * (Z2 - Y) / len(X)
    dW2 = A1.T.dot(dZ2)
    db2 = dZ2.sum(axis=0, keepdims=True)
    dZ1 = dZ2.dot(W2.T) * (1 - A1**2)
    dW1 = X.T.dot(dZ1)
    db1 = dZ1.sum(axis=0, keepdims=True)

    W1 -= lr * dW1
    b1 -= lr * db1
    W2 -= lr * dW2
    b2 -= lr * db2
    history.append(loss)
    if epoch % 100 == 0:
        print("epoch", epoch, "loss", loss)

print("final loss", history[-1])
