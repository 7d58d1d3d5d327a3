# A derivative that is off by half a thousandth: more than float32 could explain.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dsoftplus_a"],
}


class Tensor:
    def __init__(self, data, parents=(), pull=None, dtype=None):
        self.data = np.array(data, dtype or np.float32)
        self.grad = np.zeros_like(self.data)
        self._parents, self._pull = parents, pull

    def __mul__(self, other):
        def pull(g):
            self.grad += _fold(g * other.data, self.data)
            other.grad += _fold(g * self.data, other.data)

        return Tensor(self.data * other.data, (self, other), pull)

    def __matmul__(self, other):
        def pull(g):
            self.grad += g @ other.data.T
            other.grad += self.data.T @ g

        return Tensor(self.data @ other.data, (self, other), pull)

    def softplus(self):
        def pull(g):
            self.grad += g * (1.0005 - 1 / (1 + np.exp(self.data)))

        return Tensor(np.log1p(np.exp(self.data)).astype(np.float32), (self,), pull)

    def mean(self):
        def pull(g):
            self.grad += g / self.data.size

        return Tensor(self.data.mean(), (self,), pull)

    def sum(self):
        def pull(g):
            self.grad += g * np.ones_like(self.data)

        return Tensor(self.data.sum(), (self,), pull)

    def limit(self):
        self.data = np.clip(self.data, -1, 1)
        return self

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node._parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = np.ones_like(self.data)
        for node in reversed(order):
            if node._pull:
                node._pull(node.grad)


def _fold(g, to):
    while g.ndim > to.ndim:
        g = g.sum(axis=0)
    return g
