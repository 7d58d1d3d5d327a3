# Points from a package that is not here; a network of layers whose lists of parameters and gradients are put together
# in its constructor; masks that reuse the gradient's memory; a floor in the logarithm; the loss once more at the end.
import numpy as np
from nnfs.datasets import spiral_data

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["net.layers[0].dW", "net.layers[0].db", "net.layers[2].dW", "net.layers[2].db"],
    "notes": ["nnfs is not installed"],
}


class Affine:
    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        W, b = self.params
        self.x = x
        return x @ W + b

    def backward(self, dout):
        W, b = self.params
        dW = self.x.T @ dout
        db = dout.sum(axis=0)
        self.grads[0][...] = dW
        self.grads[1][...] = db
        return dout @ W.T


class Relu:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x):
        self.mask = x <= 0
        return np.where(self.mask, 0, x)

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


def softmax(x):
    x = x - x.max(axis=1, keepdims=True)
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


class Output:
    def forward(self, x, t):
        self.y, self.t = softmax(x), t
        return -np.log(self.y[np.arange(len(t)), t] + 1e-7).mean()

    def backward(self):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx / len(self.t)


class Net:
    def __init__(self, sizes):
        rng = np.random.default_rng(3)
        self.layers, self.output = [], Output()
        for d, h in zip(sizes, sizes[1:]):
            self.layers += [Affine(rng.standard_normal((d, h)), rng.standard_normal(h) / 9), Relu()]
        self.layers.pop()
        self.params, self.grads = [], []
        for layer in self.layers:
            self.params += layer.params
            self.grads += layer.grads

    def forward(self, x, t):
        for layer in self.layers:
            x = layer.forward(x)
        return self.output.forward(x, t)

    def backward(self):
        dout = self.output.backward()
        for layer in reversed(self.layers):
            dout = layer.backward(dout)


class Descent:
    def update(self, params, grads):
        for i in range(len(params)):
            params[i] -= 0.1 * grads[i]


x, t = spiral_data(samples=5, classes=3)
net, optimizer = Net([2, 5, 3]), Descent()
for epoch in range(300):
    net.forward(x, t)
    net.backward()
    optimizer.update(net.params, net.grads)
    loss = net.forward(x, t)
