# A text file of numbers that is not here, four features as the code says; noise added in the forward; two errors.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dW1", "db2"],
    "checked": ["dH", "dW2", "dout", "db1"],
    "notes": ["banknotes.txt is missing"],
}

table = np.loadtxt("banknotes.txt", delimiter=",")
X, y = table[:, :4], table[:, 4:]
np.random.shuffle(X)
W1 = np.random.uniform(-1, 1, (4, 7))
b1 = np.random.uniform(-1, 1, (1, 7))
W2 = np.random.uniform(-1, 1, (7, 1))
b2 = np.random.uniform(-1, 1, (1, 1))

for it in range(10000):
    H = X @ W1 + b1
    S = np.tanh(H) + 0.05 * np.random.normal(size=H.shape)
    out = S @ W2 + b2
    loss = ((out - y) ** 2).mean()
    dout = 2 * (out - y) / len(y)
    dW2 = S.T @ dout
    db2 = dout.mean(axis=0, keepdims=True)
    dH = (dout @ W2.T) * (1 - np.tanh(H) ** 2)
    dW1 = -X.T @ dH
    db1 = dH.sum(axis=0, keepdims=True)
    for p, g in ((W1, dW1), (b1, db1), (W2, dW2), (b2, db2)):
        p -= 0.01 * g
