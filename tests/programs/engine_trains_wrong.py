# An engine of arrays that trains a network, and takes 1 - t for the derivative of a tanh; sums don't broadcast, and needn't.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "inherited": ["dU", "dtanh_a", "dtanh_twice_a"],
    "checked": ["dU", "dV"],
    "codes": {"self.grad": "GC312"},
    "notes": ["engine_trains_wrong.py:96", "operations of Node"],
}


class Node:
    def __init__(self, value, parents=()):
        self.value = np.asarray(value, dtype=float)
        self.grad = np.zeros_like(self.value)
        self.parents = parents
        self.back = lambda: None

    def __matmul__(self, other):
        out = Node(self.value @ other.value, (self, other))

        def back():
            self.grad += out.grad @ other.value.T
            other.grad += self.value.T @ out.grad

        out.back = back
        return out

    def __add__(self, other):
        out = Node(self.value + other.value, (self, other))

        def back():
            self.grad += out.grad
            other.grad += out.grad

        out.back = back
        return out

    def __mul__(self, other):
        out = Node(self.value * other.value, (self, other))

        def back():
            self.grad += out.grad * other.value
            other.grad += out.grad * self.value

        out.back = back
        return out

    def tanh(self):
        out = Node(np.tanh(self.value), (self,))

        def back():
            self.grad += out.grad * (1 - out.value)

        out.back = back
        return out

    def sum(self):
        out = Node(self.value.sum(), (self,))

        def back():
            self.grad += out.grad * np.ones_like(self.value)

        out.back = back
        return out

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = np.ones_like(self.value)
        for node in reversed(order):
            node.back()


rng = np.random.default_rng(0)
x, minus_y = Node(rng.normal(size=(12, 3))), Node(rng.normal(size=(12, 2)))
U, V = Node(rng.normal(size=(3, 5))), Node(rng.normal(size=(5, 2)))


def train(steps):
    for step in range(steps):
        U.grad[:] = 0
        V.grad[:] = 0
        error = (x @ U).tanh() @ V + minus_y
        loss = (error * error).sum()
        loss.backward()
        U.value -= 0.01 * U.grad
        V.value -= 0.01 * V.grad


train(500)
