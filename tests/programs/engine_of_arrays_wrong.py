# The addition forgets what was broadcast, and reshape sets a gradient instead of adding to it.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["dadd_broadcast_b", "dreshape_twice_a"],
    "checked": ["dadd_a", "dmatmul_a", "dmatmul_b", "dreshape_a"],
}


def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


class Tensor:
    def __init__(self, data, parents=(), requires_grad=False):
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self.parents = parents
        self.step = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        out = Tensor(self.data + other.data, (self, other))

        def step():
            self.grad += unbroadcast(out.grad, self.data.shape)
            other.grad = other.grad + out.grad

        out.step = step
        return out

    def __matmul__(self, other):
        out = Tensor(self.data @ other.data, (self, other))

        def step():
            self.grad += out.grad @ other.data.T
            other.grad += self.data.T @ out.grad

        out.step = step
        return out

    def reshape(self, shape):
        out = Tensor(self.data.reshape(shape), (self,))

        def step():
            self.grad = out.grad.reshape(self.data.shape)

        out.step = step
        return out

    def backward(self, grad):
        order, seen = [], set()

        def visit(t):
            if id(t) not in seen:
                seen.add(id(t))
                for p in t.parents:
                    visit(p)
                order.append(t)

        visit(self)
        self.grad = grad
        for t in reversed(order):
            t.step()
