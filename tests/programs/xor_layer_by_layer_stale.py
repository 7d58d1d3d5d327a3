# A list of layers trained sample by sample, each moving its own weights in its backward; XOR's first sample is all zeros; stale weights.
import numpy as np

EXPECTED = {
    "verdict": "fail",
    "exit": 1,
    "fail": ["below"],
    "inherited": ["network[0].weights_gradient", "network[0].bias (from its update)"],
    "codes": {"below": "GC361"},
}


class Dense:
    def __init__(self, inputs, outputs):
        self.weights = np.random.randn(outputs, inputs)
        self.bias = np.random.randn(outputs, 1)

    def forward(self, x):
        self.x = x
        return self.weights @ x + self.bias

    def backward(self, grad, rate):
        weights_gradient = grad @ self.x.T
        self.weights -= rate * weights_gradient
        below = self.weights.T @ grad
        self.bias -= rate * grad
        return below


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad, rate):
        return grad * (1 - self.y**2)


X = np.reshape([[0, 0], [0, 1], [1, 0], [1, 1]], (4, 2, 1))
Y = np.reshape([[0], [1], [1], [0]], (4, 1, 1))
network = [Dense(2, 3), Tanh(), Dense(3, 1), Tanh()]

for epoch in range(1000):
    error = 0
    for x, y in zip(X, Y):
        out = x
        for layer in network:
            out = layer.forward(out)
        error += np.mean((y - out) ** 2)
        grad = 2 * (out - y) / y.size
        for layer in reversed(network):
            grad = layer.backward(grad, 0.1)
    if epoch % 100 == 0:
        print(epoch, error / len(X))
