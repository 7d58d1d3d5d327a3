"""A recurrent network over words whose output's bias has the gradient of one step of time; AdaGrad hides its size."""
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dc"],
    "codes": {"dc": "GC351"},
}
np.random.seed(0)


class Words:
    def __init__(self, hidden, words):
        self.U = np.random.randn(hidden, words) * 0.3
        self.V = np.random.randn(words, hidden) * 0.3
        self.W = np.random.randn(hidden, hidden) * 0.3
        self.b, self.c = np.zeros((hidden, 1)), np.zeros((words, 1))
        self.sums = [np.zeros_like(p) for p in self.parameters()]

    def parameters(self):
        return self.U, self.V, self.W, self.b, self.c

    def fit(self, inputs, targets, first):
        xs, hs, ps = {}, {-1: np.copy(first)}, {}
        loss = 0
        for t in range(len(inputs)):
            xs[t] = np.zeros((len(self.c), 1))
            xs[t][inputs[t]] = 1
            hs[t] = np.tanh(self.U @ xs[t] + self.W @ hs[t - 1] + self.b)
            o = self.V @ hs[t] + self.c
            e = np.exp(o - o.max())
            ps[t] = e / e.sum()
            loss -= np.log(ps[t][targets[t], 0])
        dU, dV, dW = np.zeros_like(self.U), np.zeros_like(self.V), np.zeros_like(self.W)
        db, dc = np.zeros_like(self.b), np.zeros_like(self.c)
        ahead = np.zeros_like(first)
        for t in reversed(range(len(inputs))):
            dy = np.copy(ps[t])
            dy[targets[t]] -= 1
            dV += dy @ hs[t].T
            dc = dy
            back = (1 - hs[t] ** 2) * (self.V.T @ dy + ahead)
            db += back
            dU += back @ xs[t].T
            dW += back @ hs[t - 1].T
            ahead = self.W.T @ back
        for p, d, s in zip(self.parameters(), (dU, dV, dW, db, dc), self.sums):
            s += d * d
            p -= 0.1 * d / np.sqrt(s + 1e-8)
        return loss


if __name__ == "__main__":
    net = Words(4, 5)
    h = np.zeros((4, 1))
    for epoch in range(100):
        print(net.fit([0, 1, 2, 3, 1], [1, 2, 3, 1, 4], h))
