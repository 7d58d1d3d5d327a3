# A mixture of experts, whose dy is the gradient of what is predicted and not of the labels y.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dp", "ds", "dG", "net.experts[1].dV", "dx"],
}


class Expert:
    def __init__(self, n_in, n_hidden, n_out, rng):
        self.W = rng.normal(0, 0.5, (n_in, n_hidden))
        self.c = np.zeros(n_hidden)
        self.V = rng.normal(0, 0.5, (n_hidden, n_out))

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.W + self.c)
        return self.h @ self.V

    def backward(self, dout):
        self.dV = self.h.T @ dout
        da = dout @ self.V.T * (1 - self.h**2)
        self.dW = self.x.T @ da
        self.dc = da.sum(axis=0)
        return da @ self.W.T


class Mixture:
    def __init__(self, n_in, n_out, n_experts, rng, balance=0.1):
        self.experts = [Expert(n_in, 4, n_out, rng) for _ in range(n_experts)]
        self.G = rng.normal(0, 0.5, (n_in, n_experts))
        self.balance = balance

    def forward(self, x):
        self.x = x
        s = x @ self.G
        e = np.exp(s - s.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        self.outs = np.stack([expert.forward(x) for expert in self.experts], axis=1)
        return (self.p[:, :, None] * self.outs).sum(axis=1)

    def loss(self, x, y):
        self.err = self.forward(x) - y
        self.use = self.p.mean(axis=0)
        return 0.5 * (self.err**2).sum(axis=1).mean() + self.balance * (self.use**2).sum()

    def backward(self):
        m = len(self.x)
        dy = self.err / m
        dp = (dy[:, None, :] * self.outs).sum(axis=2)
        dp += 2 * self.balance * self.use / m
        dx = np.zeros_like(self.x)
        for k, expert in enumerate(self.experts):
            dx += expert.backward(self.p[:, k:k + 1] * dy)
        ds = self.p * (dp - (dp * self.p).sum(axis=1, keepdims=True))
        self.dG = self.x.T @ ds
        dx += ds @ self.G.T
        return dx

    def step(self, rate):
        self.G -= rate * self.dG
        for expert in self.experts:
            expert.W -= rate * expert.dW
            expert.c -= rate * expert.dc
            expert.V -= rate * expert.dV


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, 3))
    y = np.where(x[:, :1] > 0, np.sin(x[:, 1:]), x[:, 1:] ** 2)
    net = Mixture(3, 2, 2, rng)
    for epoch in range(20):
        loss = net.loss(x, y)
        net.backward()
        net.step(0.2)
    print(loss)
