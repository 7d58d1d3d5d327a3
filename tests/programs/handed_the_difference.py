# A network whose backward is handed p - y, the gradient of what goes into its last softmax. It decays its weights at
# its own rate, and derivatives go by the name of the value that they are taken at.

import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dW_0", "db_0", "dW_1", "db_1", "dW_2", "db_2"],
    "notes": ["of what goes into the softmax", "hands it a difference", "beside a penalty"],
}


def bent(z, slope=False):
    if not slope:
        return np.where(z > 0, z, 0.2 * z)
    dz = np.full_like(z, 0.2)
    dz[z > 0] = 1.0
    return dz


def shares(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def off_by(guessed, wanted):
    return guessed - wanted


class Stage:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_out, n_in) / np.sqrt(n_in)
        self.b = np.zeros((n_out, 1))

    def apply(self, a):
        return self.W @ a + self.b

    def slopes(self, dz, a):
        return dz @ a.T / dz.shape[1], dz.mean(axis=1, keepdims=True)


class Classifier:
    def __init__(self, num_features: int, hidden_size: int, num_classes: int, learning_rate: float, weight_decay: float):
        self.stages = [
            Stage(num_features, hidden_size),
            Stage(hidden_size, hidden_size),
            Stage(hidden_size, num_classes),
        ]
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay

    def forward(self, rows):
        self.seen, self.sums, a = [], [], rows.T
        for k, stage in enumerate(self.stages):
            self.seen.append(a)
            z = stage.apply(a)
            self.sums.append(z)
            a = shares(z) if k == 2 else bent(z)
        return a

    def backward(self, dz):
        for k in (2, 1, 0):
            stage = self.stages[k]
            gW, gb = stage.slopes(dz, self.seen[k])
            if k:
                dz = (stage.W.T @ dz) * bent(self.sums[k - 1], slope=True)
            stage.W -= self.learning_rate * (gW + self.weight_decay * stage.W)
            stage.b -= self.learning_rate * gb

    def step(self, rows, wanted):
        self.backward(off_by(self.forward(rows), wanted))
