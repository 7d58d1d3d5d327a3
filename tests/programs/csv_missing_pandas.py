# Digits from a CSV that is not here, read with pandas; samples as columns; one_hot outside of the step.
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["db1"],
    "checked": ["dZ2", "dW2", "db2", "dZ1", "dW1"],
    "notes": ["train.csv is missing", "pandas is not installed"],
}

data = pd.read_csv("train.csv")
data = np.array(data)
m, n = data.shape
np.random.shuffle(data)
train = data[0:900].T
Y_train = train[0]
X_train = train[1:n] / 255.0
samples = X_train.shape[1]

plt.gray()
plt.imshow(X_train[:, 0].reshape((28, 28)) * 255, interpolation="nearest")
plt.show()

targets = np.zeros((10, samples))
targets[Y_train, np.arange(samples)] = 1

W1 = np.random.rand(10, 784) - 0.5
b1 = np.random.rand(10, 1) - 0.5
W2 = np.random.rand(10, 10) - 0.5
b2 = np.random.rand(10, 1) - 0.5


def forward(X):
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    E = np.exp(Z2 - Z2.max(axis=0))
    A2 = E / E.sum(axis=0)
    return Z1, A1, Z2, A2


def backward(Z1, A1, Z2, A2, X, T):
    dZ2 = A2 - T
    dW2 = dZ2 @ A1.T / samples
    db2 = dZ2.sum(axis=1, keepdims=True) / samples
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    dW1 = dZ1 @ X.T / samples
    db1 = dZ1.sum(axis=1, keepdims=True) / samples**2
    return dW1, db1, dW2, db2


def gradient_descent(X, T, alpha, iterations):
    global W1, b1, W2, b2
    for i in range(iterations):
        Z1, A1, Z2, A2 = forward(X)
        loss = -np.sum(T * np.log(A2)) / samples
        dW1, db1, dW2, db2 = backward(Z1, A1, Z2, A2, X, T)
        W1 = W1 - alpha * dW1
        b1 = b1 - alpha * db1
        W2 = W2 - alpha * dW2
        b2 = b2 - alpha * db2
        if i % 10 == 0:
            print("Iteration: ", i, np.mean(A2.argmax(0) == Y_train))


gradient_descent(X_train, targets, 0.10, 500)
np.savez("weights.npz", W1=W1, b1=b1, W2=W2, b2=b2)
