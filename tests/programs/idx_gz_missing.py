# MNIST from gzipped IDX files that are not here, one of them to be fetched and put down first; integer labels; the batch is averaged twice in one bias.
import gzip
import os
import urllib.request
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["db"],
    "checked": ["dlogits", "dW"],
    "notes": ["train-images-idx3-ubyte.gz is missing", "train-labels-idx1-ubyte.gz is missing"],
}


def load_images(filename):
    with gzip.open(filename, "rb") as f:
        data = np.frombuffer(f.read(), np.uint8, offset=16)
    return data.reshape(-1, 784)[:2000] / np.float64(255)


def load_labels(filename):
    if not os.path.exists(filename):
        fetched = urllib.request.urlopen("http://example.invalid/" + os.path.basename(filename)).read()
        with open(filename, "wb") as f:
            f.write(fetched)
    with gzip.open(filename, "rb") as f:
        return np.frombuffer(f.read(), np.uint8, offset=8)[:2000]


X = load_images("data/train-images-idx3-ubyte.gz")
y = load_labels("train-labels-idx1-ubyte.gz")
W = np.random.RandomState(2).normal(scale=0.1, size=(784, 10))
b = np.linspace(-0.2, 0.2, 10)

for step in range(1000):
    logits = X.dot(W) + b
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(len(y)), y]).mean()
    dlogits = probs.copy()
    dlogits[np.arange(len(y)), y] -= 1
    dlogits /= len(y)
    dW = X.T.dot(dlogits)
    db = dlogits.mean(axis=0)
    W -= 0.5 * dW
    b -= 0.5 * db
