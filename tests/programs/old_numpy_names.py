# Names that NumPy no longer has, integer data, a question at the end that nobody answers.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dout", "dW", "db"],
    "notes": ["np.float is gone", "np.asscalar is gone"],
}

X = np.array([[i % 5, (i * 3) % 7, i % 2] for i in range(45)], dtype=np.int)
y = (X[:, 0] * 2 - X[:, 2]).astype(np.float).reshape(-1, 1)
X = X.astype(np.float)
W = np.array([[0.3], [-0.2], [0.5]])
b = np.array([[0.1]])
for i in range(400):
    out = X.dot(W) + b
    loss = np.asscalar(((out - y) ** 2).mean())
    dout = 2.0 * (out - y) / y.size
    dW = X.T.dot(dout)
    db = dout.sum(axis=0, keepdims=True)
    W = W - 0.01 * dW
    b = b - 0.01 * db
print("loss", loss)
while True:
    values = input("three numbers, or nothing: ").split()
    if not values:
        break
    print(np.array(values, dtype=np.float).dot(W) + b)
