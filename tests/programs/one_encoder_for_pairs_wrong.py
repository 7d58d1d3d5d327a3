# The same; the weights have the second side alone.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dW2"],
    "codes": {"dW2": "GC351"},
    "checked": ["ddiff", "dW1", "db1", "db2"],
}


class Encoder:
    def __init__(self, rng):
        self.W1, self.b1 = rng.normal(0, 0.4, (5, 6)), np.zeros(6)
        self.W2, self.b2 = rng.normal(0, 0.4, (6, 3)), np.zeros(3)

    def forward(self, x):
        h = np.tanh(x @ self.W1 + self.b1)
        return h @ self.W2 + self.b2, (x, h)

    def clear(self):
        for name in "W1", "b1", "W2", "b2":
            setattr(self, f"d{name}", np.zeros_like(getattr(self, name)))

    def backward(self, de, cache):
        x, h = cache
        self.dW2 = h.T @ de
        self.db2 += de.sum(axis=0)
        dz = de @ self.W2.T * (1 - h**2)
        self.dW1 += x.T @ dz
        self.db1 += dz.sum(axis=0)


def contrastive(ea, eb, same, margin=1.5):
    diff = ea - eb
    dist = np.sqrt((diff**2).sum(axis=1) + 1e-9)
    gap = np.maximum(margin - dist, 0)
    loss = np.mean(same * dist**2 + (1 - same) * gap**2)
    ddist = (2 * same * dist - 2 * (1 - same) * gap) / len(dist)
    ddiff = ddist[:, None] * diff / dist[:, None]
    return loss, ddiff, -ddiff


def main():
    rng = np.random.default_rng(3)
    net = Encoder(rng)
    a, b = rng.normal(size=(2, 24, 5))
    same = (rng.random(24) < 0.5).astype(float)
    for _ in range(40):
        ea, cache_a = net.forward(a)
        eb, cache_b = net.forward(b)
        loss, da, db = contrastive(ea, eb, same)
        net.clear()
        net.backward(da, cache_a)
        net.backward(db, cache_b)
        for name in "W1", "b1", "W2", "b2":
            p = getattr(net, name)
            p -= 0.05 * getattr(net, f"d{name}")


if __name__ == "__main__":
    main()
