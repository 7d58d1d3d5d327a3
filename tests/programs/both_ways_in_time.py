import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dWxf", "dWhf", "dbf", "dWxb", "dWhb", "dbb", "dWy", "dby"],
}


class BiRNN:
    def __init__(self, d, h, c, seed=0):
        r = np.random.RandomState(seed)
        self.Wxf, self.Whf, self.bf = r.randn(d, h) * 0.3, r.randn(h, h) * 0.3, np.zeros(h)
        self.Wxb, self.Whb, self.bb = r.randn(d, h) * 0.3, r.randn(h, h) * 0.3, np.zeros(h)
        self.Wy, self.by = r.randn(2 * h, c) * 0.3, np.zeros(c)
        self.h = h

    def forward(self, x):
        T, d = x.shape
        self.x = x
        self.hf = np.zeros((T + 1, self.h))
        self.hb = np.zeros((T + 1, self.h))
        for t in range(T):
            self.hf[t + 1] = np.tanh(x[t] @ self.Wxf + self.hf[t] @ self.Whf + self.bf)
        for t in reversed(range(T)):
            self.hb[t] = np.tanh(x[t] @ self.Wxb + self.hb[t + 1] @ self.Whb + self.bb)
        self.cat = np.concatenate([self.hf[1:], self.hb[:-1]], axis=1)
        logits = self.cat @ self.Wy + self.by
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def loss(self, x, y):
        p = self.forward(x)
        return -np.log(p[np.arange(len(y)), y]).mean()

    def backward(self, y):
        T = len(y)
        dlogits = self.p.copy()
        dlogits[np.arange(T), y] -= 1
        dlogits /= T
        self.dWy = self.cat.T @ dlogits
        self.dby = dlogits.sum(axis=0)
        dcat = dlogits @ self.Wy.T
        dhf, dhb = dcat[:, : self.h], dcat[:, self.h :]
        self.dWxf, self.dWhf, self.dbf = np.zeros_like(self.Wxf), np.zeros_like(self.Whf), np.zeros_like(self.bf)
        self.dWxb, self.dWhb, self.dbb = np.zeros_like(self.Wxb), np.zeros_like(self.Whb), np.zeros_like(self.bb)
        carry = np.zeros(self.h)
        for t in reversed(range(T)):
            dz = (dhf[t] + carry) * (1 - self.hf[t + 1] ** 2)
            self.dWxf += np.outer(self.x[t], dz)
            self.dWhf += np.outer(self.hf[t], dz)
            self.dbf += dz
            carry = self.Whf @ dz
        carry = np.zeros(self.h)
        for t in range(T):
            dz = (dhb[t] + carry) * (1 - self.hb[t] ** 2)
            self.dWxb += np.outer(self.x[t], dz)
            self.dWhb += np.outer(self.hb[t + 1], dz)
            self.dbb += dz
            carry = self.Whb @ dz

    def step(self, lr):
        for n in ("Wxf", "Whf", "bf", "Wxb", "Whb", "bb", "Wy", "by"):
            setattr(self, n, getattr(self, n) - lr * getattr(self, "d" + n))


if __name__ == "__main__":
    rng = np.random.RandomState(1)
    x, y = rng.randn(6, 3), rng.randint(0, 4, 6)
    net = BiRNN(3, 5, 4)
    for i in range(100):
        l = net.loss(x, y)
        net.backward(y)
        net.step(0.1)
    print(l)
