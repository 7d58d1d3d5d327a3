# An engine that computes in float32, whatever it is handed; one of its methods changes a node in place.
import numpy as np

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dmul_a", "dmul_broadcast_b", "dmatmul_b", "dsoftplus_a", "dmean_a"],
    "notes": ["computed in float64", "hands back its own node"],
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
            self.grad += g / (1 + np.exp(-self.data))

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
