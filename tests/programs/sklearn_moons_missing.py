# Two moons from scikit-learn, a model in a dict, saved at the end; the hidden layer's derivative is that of a sigmoid.
import pickle
import numpy as np
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dZ1"],
    "inherited": ["dW1", "db1"],
    "checked": ["dZ2", "dW2", "db2"],
    "notes": ["sklearn is not installed"],
}

np.random.seed(0)
X, y = make_moons(n_samples=400, noise=0.2)
X = StandardScaler().fit_transform(X)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=1)
y_train = y_train.reshape(-1, 1)


def build_model(hidden, passes=20000, verbose=True):
    n = len(X_train)
    W1 = np.random.randn(2, hidden) / np.sqrt(2)
    b1 = np.zeros((1, hidden)) + 0.1
    W2 = np.random.randn(hidden, 1) / np.sqrt(hidden)
    b2 = np.zeros((1, 1))
    for i in range(passes):
        Z1 = X_train.dot(W1) + b1
        A1 = np.tanh(Z1)
        Z2 = A1.dot(W2) + b2
        A2 = 1 / (1 + np.exp(-Z2))
        cost = -np.sum(y_train * np.log(A2) + (1 - y_train) * np.log(1 - A2)) / n
        dZ2 = (A2 - y_train) / n
        dW2 = np.dot(A1.T, dZ2)
        db2 = np.sum(dZ2, axis=0, keepdims=True)
        dZ1 = dZ2.dot(W2.T) * A1 * (1 - A1)
        dW1 = np.dot(X_train.T, dZ1)
        db1 = np.sum(dZ1, axis=0, keepdims=True)
        W1 += -0.1 * dW1
        b1 += -0.1 * db1
        W2 += -0.1 * dW2
        b2 += -0.1 * db2
        if verbose and i % 1000 == 0:
            print("cost after pass %d: %f" % (i, cost))
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}


model = build_model(6)
with open("model.pkl", "wb") as f:
    pickle.dump(model, f)
