# The same with an engine whose Gaussian lacks a part of its derivative: float32 hides nothing of that.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "codes": {"self.grad": "GC311"},
    "inherited": ["dW", "dbias", "dgaussian_a", "dgaussian_twice_a"],
    "notes": ["was computed in float64"],
}


class Node:
    def __init__(self, data, parents=(), pull=None):
        self.data = np.asarray(data, dtype=np.float32)
        self.grad = np.zeros_like(self.data)
        self.parents, self.pull = parents, pull or (lambda g: None)

    def __add__(self, other):
        def pull(g):
            self.grad += g
            other.grad += g if other.data.shape == g.shape else g.sum(axis=0)

        return Node(self.data + other.data, (self, other), pull)

    def __matmul__(self, other):
        def pull(g):
            self.grad += g @ other.data.T
            other.grad += self.data.T @ g

        return Node(self.data @ other.data, (self, other), pull)

    def gaussian(self):
        def pull(g):
            self.grad += -2 * np.exp(-(self.data**2)) * g

        return Node(np.exp(-(self.data**2)), (self,), pull)

    def off_from(self, target):
        def pull(g):
            self.grad += g * 2 * (self.data - target) / len(target)

        return Node(((self.data - target) ** 2).sum() / len(target), (self,), pull)

    def backward(self):
        order = []

        def visit(node):
            if node not in order:
                for parent in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = np.ones_like(self.data)
        for node in reversed(order):
            node.pull(node.grad)


rng = np.random.default_rng(4)
points = rng.normal(size=(120, 2))
heights = np.sin(points.sum(axis=1, keepdims=True))
W, bias, out = Node(rng.normal(size=(2, 9))), Node(np.zeros(9)), Node(rng.normal(size=(9, 1)))
for _ in range(500):
    loss = ((Node(points) @ W + bias).gaussian() @ out).off_from(heights)
    for node in (W, bias, out):
        node.grad = np.zeros_like(node.data)
    loss.backward()
    for node in (W, bias, out):
        node.data -= 0.05 * node.grad
