# A network of columns as samples, whose labels are made one-hot inside the step.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dZ2", "dW2", "db2", "dZ1", "dW1", "db1"],
}

rng = np.random.default_rng(0)


def one_hot(Y):
    out = np.zeros((Y.size, 4))
    out[np.arange(Y.size), Y] = 1
    return out.T


def relu(Z):
    return np.maximum(Z, 0)


def softmax(Z):
    e = np.exp(Z - Z.max(axis=0))
    return e / e.sum(axis=0)


def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1.dot(X) + b1
    A1 = relu(Z1)
    Z2 = W2.dot(A1) + b2
    A2 = softmax(Z2)
    return Z1, A1, Z2, A2


def backward_prop(Z1, A1, Z2, A2, W2, X, Y):
    m = X.shape[1]
    one_hot_Y = one_hot(Y)
    dZ2 = A2 - one_hot_Y
    dW2 = 1 / m * dZ2.dot(A1.T)
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    dW1 = 1 / m * dZ1.dot(X.T)
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return dW1, db1, dW2, db2


def gradient_descent(X, Y, iterations, alpha):
    W1, b1 = rng.random((5, 6)) - 0.5, rng.random((5, 1)) - 0.5
    W2, b2 = rng.random((4, 5)) - 0.5, rng.random((4, 1)) - 0.5
    for _ in range(iterations):
        Z1, A1, Z2, A2 = forward_prop(W1, b1, W2, b2, X)
        dW1, db1, dW2, db2 = backward_prop(Z1, A1, Z2, A2, W2, X, Y)
        W1 = W1 - alpha * dW1
        b1 = b1 - alpha * db1
        W2 = W2 - alpha * dW2
        b2 = b2 - alpha * db2
    return W1, b1, W2, b2


X = rng.normal(size=(6, 20))
Y = rng.integers(0, 4, 20)
gradient_descent(X, Y, 30, 0.1)
