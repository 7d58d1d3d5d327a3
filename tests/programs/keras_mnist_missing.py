# keras only for its data, 150 epochs at import, mini-batches, a plot at the end.
import numpy as np
from keras.datasets import mnist
from keras.utils import to_categorical
import matplotlib.pyplot as plt
from tqdm import tqdm

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dz2", "dw2", "db2", "dz1", "dw1", "db1"],
    "notes": ["keras is not installed", "samples"],
}

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train.reshape(x_train.shape[0], 28 * 28).astype("float64") / 255
y_train = to_categorical(y_train, 10)

rng = np.random.default_rng(7)
w1 = rng.normal(0, 0.05, (784, 20))
b1 = rng.normal(0, 0.05, 20)
w2 = rng.normal(0, 0.3, (20, 10))
b2 = rng.normal(0, 0.3, 10)
batch_size = 64
lr = 0.05
curve = []

for epoch in range(150):
    order = rng.permutation(len(x_train))
    for start in tqdm(range(0, len(x_train), batch_size)):
        rows = order[start : start + batch_size]
        x, t = x_train[rows], y_train[rows]
        z1 = x.dot(w1) + b1
        a1 = 1 / (1 + np.exp(-z1))
        z2 = a1.dot(w2) + b2
        shifted = z2 - np.max(z2, axis=1, keepdims=True)
        p = np.exp(shifted) / np.sum(np.exp(shifted), axis=1, keepdims=True)
        loss = -np.mean(np.sum(t * np.log(p + 1e-300), axis=1))
        dz2 = (p - t) / x.shape[0]
        dw2 = a1.T.dot(dz2)
        db2 = dz2.sum(axis=0)
        dz1 = dz2.dot(w2.T) * a1 * (1 - a1)
        dw1 = x.T.dot(dz1)
        db1 = dz1.sum(axis=0)
        w1 -= lr * dw1
        b1 -= lr * db1
        w2 -= lr * dw2
        b2 -= lr * db2
    curve.append(loss)

plt.plot(curve)
plt.savefig("curve.png")
plt.show()
