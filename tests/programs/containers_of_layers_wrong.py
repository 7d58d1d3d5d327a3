# Layers in containers: handed over in a list, one by one or starred; with a loss object and without one; a bias is wrong.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "file": "containers_of_layers_wrong.py:Trained",
    "fail": ["dbias_0", "dbias_1"],
    "codes": {"dbias_0": "GC301"},
}


class Linear:
    def __init__(self, n_in, n_out):
        self.weight = np.random.randn(n_in, n_out) * 0.1
        self.bias = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, grad):
        self.grad_weight = self.x.T @ grad
        self.grad_bias = grad.mean(axis=0)
        return grad @ self.weight.T


class Squash:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, grad):
        return grad * (1 - self.out**2)


class SquaredError:
    def forward(self, prediction, target):
        self.gap = prediction - target
        return (self.gap**2).mean()

    def backward(self):
        return 2 * self.gap / self.gap.size


class Chain:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad


class Starred(Chain):
    def __init__(self, *layers):
        super().__init__(list(layers))


class Stack(Chain):
    def __init__(self):
        super().__init__([])

    def add(self, layer):
        self.layers.append(layer)


class Trained(Chain):
    def __init__(self, layers, loss):
        super().__init__(layers)
        self.loss = loss

    def forward(self, x, target):
        return self.loss.forward(super().forward(x), target)

    def backward(self):
        return super().backward(self.loss.backward())
