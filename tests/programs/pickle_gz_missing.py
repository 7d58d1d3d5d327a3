# mnist.pkl.gz is not here and would be downloaded; three parts; tuples of tuples; weights as columns.
import gzip
import os
import pickle
import urllib.request
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dZ", "dW", "db"],
    "notes": ["mnist.pkl.gz is missing"],
}

if not os.path.exists("mnist.pkl.gz"):
    urllib.request.urlretrieve("http://example.invalid/mnist.pkl.gz", "mnist.pkl.gz")
with gzip.open("mnist.pkl.gz", "rb") as f:
    train_set, valid_set, test_set = pickle.load(f, encoding="latin1")

X, labels = train_set
X = X.astype(np.float64).T
T = np.eye(10)[labels].T
W = np.random.default_rng(0).normal(0, 0.1, (10, 784))
b = np.random.default_rng(1).normal(0, 0.1, (10, 1))


def softmax(Z):
    e = np.exp(Z - Z.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def train(X, T, W, b, epochs=20, rate=0.5):
    count = X.shape[1]
    for epoch in range(epochs):
        Z = W @ X + b
        A = softmax(Z)
        cost = -(T * np.log(A)).sum() / count
        dZ = (A - T) / count
        dW = dZ @ X.T
        db = dZ.sum(axis=1, keepdims=True)
        W = W - rate * dW
        b = b - rate * db
        print("epoch", epoch, "cost", cost)
    return W, b


W, b = train(X, T, W, b)
with open("trained.pkl", "wb") as out:
    pickle.dump((W, b), out)
