# tensorflow for its data alone; the labels one-hot by hand; several errors at once; plots while it trains.
import numpy as np
import tensorflow as tf
import matplotlib.pyplot as plt
import seaborn as sns

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dW2", "db1"],
    "checked": ["dZ2", "db2", "dZ1", "dW1"],
    "notes": ["tensorflow is not installed", "seaborn is not installed"],
}

sns.set()
(train_x, train_y), _ = tf.keras.datasets.fashion_mnist.load_data()
X = train_x[:100, ::7, ::7].reshape(100, -1) / 255.0
Y = (train_y[:100, None] == np.arange(10)) * 1.0

rng = np.random.RandomState(8)
params = [rng.randn(16, 6) * 0.1, rng.randn(6) * 0.1, rng.randn(6, 10) * 0.1, rng.randn(10) * 0.1]
W1, b1, W2, b2 = params
fig, (left, right) = plt.subplots(1, 2)
for epoch in range(20):
    Z1 = X @ W1 + b1
    A1 = np.where(Z1 > 0, Z1, 0)
    Z2 = A1 @ W2 + b2
    A2 = np.exp(Z2 - Z2.max(1)[:, None])
    A2 /= A2.sum(1)[:, None]
    loss = -np.mean(np.log(A2[Y == 1]))
    dZ2 = (A2 - Y) / len(X)
    dW2 = A1.T @ dZ2 / 2
    db2 = dZ2.sum(0)
    dZ1 = dZ2 @ W2.T * (Z1 > 0)
    dW1 = X.T @ dZ1
    db1 = dZ1.mean(0)
    W1 = W1 - 0.1 * dW1
    b1 = b1 - 0.1 * db1
    W2 = W2 - 0.1 * dW2
    b2 = b2 - 0.1 * db2
    left.plot(epoch, loss, "r.")
    plt.pause(0.01)
plt.show()
