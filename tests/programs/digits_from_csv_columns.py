# Digits as columns: a CSV split into global arrays, functions that read the global m, one call at the end.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["db2"],
    "checked": ["dW1", "db1", "dW2", "dZ1", "dZ2"],
}

rng = np.random.RandomState(3)
table = np.column_stack([rng.randint(0, 10, 700), rng.randint(0, 256, (700, 36))])
m, n = table.shape
rng.shuffle(table)
dev = table[:200].T
Y_dev, X_dev = dev[0], dev[1:n] / 255.0
train = table[200:m].T
Y_train, X_train = train[0], train[1:n] / 255.0
_, m_train = X_train.shape


def init_params():
    W1 = rng.rand(12, 36) - 0.5
    b1 = rng.rand(12, 1) - 0.5
    W2 = rng.rand(10, 12) - 0.5
    b2 = rng.rand(10, 1) - 0.5
    return W1, b1, W2, b2


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


def one_hot(Y):
    table = np.zeros((Y.size, 10))
    table[np.arange(Y.size), Y] = 1
    return table.T


def backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y):
    one_hot_Y = one_hot(Y)
    dZ2 = A2 - one_hot_Y
    dW2 = 1 / m_train * dZ2.dot(A1.T)
    db2 = 1 / m_train * np.sum(dZ2)
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    dW1 = 1 / m_train * dZ1.dot(X.T)
    db1 = 1 / m_train * np.sum(dZ1, axis=1, keepdims=True)
    return dW1, db1, dW2, db2


def update_params(W1, b1, W2, b2, dW1, db1, dW2, db2, alpha):
    return W1 - alpha * dW1, b1 - alpha * db1, W2 - alpha * dW2, b2 - alpha * db2


def gradient_descent(X, Y, alpha, iterations):
    W1, b1, W2, b2 = init_params()
    for i in range(iterations):
        Z1, A1, Z2, A2 = forward_prop(W1, b1, W2, b2, X)
        dW1, db1, dW2, db2 = backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y)
        W1, b1, W2, b2 = update_params(W1, b1, W2, b2, dW1, db1, dW2, db2, alpha)
        if i % 10 == 0:
            print("iteration", i, "accuracy", np.mean(A2.argmax(0) == Y))
    return W1, b1, W2, b2


W1, b1, W2, b2 = gradient_descent(X_train, Y_train, 0.10, 500)
