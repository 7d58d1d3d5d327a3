# A small network of an autograd engine's nodes, trained where it stands: a loss from a function, biases that begin as 0.
import random

EXPECTED = {
    "verdict": "pass",
    "exit": 0,
    "checked": ["dmodel_layers_0_weights", "dmodel_layers_0_biases", "dmodel_layers_1_weights"],
    "notes": ["engine_trains.py:111", "21 numbers in nodes of Value", "checked on 3 of the 40 samples"],
}


class Value:
    def __init__(self, data, children=()):
        self.data, self.grad = data, 0
        self.children = set(children)
        self.back = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def back():
            self.grad += out.grad
            other.grad += out.grad

        out.back = back
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def back():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out.back = back
        return out

    __radd__, __rmul__ = __add__, __mul__

    def relu(self):
        out = Value(self.data if self.data > 0 else 0, (self,))

        def back():
            self.grad += (out.data > 0) * out.grad

        out.back = back
        return out

    def backward(self):
        order, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for child in node.children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1
        for node in reversed(order):
            node.back()


class Layer:
    def __init__(self, inputs, outputs, last=False):
        self.weights = [[Value(random.uniform(-1, 1)) for _ in range(inputs)] for _ in range(outputs)]
        self.biases = [Value(0) for _ in range(outputs)]
        self.last = last

    def __call__(self, x):
        out = [sum((w * xi for w, xi in zip(row, x)), b) for row, b in zip(self.weights, self.biases)]
        return out if self.last else [o.relu() for o in out]


class Network:
    def __init__(self):
        self.layers = [Layer(3, 4), Layer(4, 1, last=True)]

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x[0]

    def parameters(self):
        return [p for layer in self.layers for p in [*(w for row in layer.weights for w in row), *layer.biases]]

    def zero_grad(self):
        for p in self.parameters():
            p.grad = 0


random.seed(4)
X = [[random.gauss(0, 1) for _ in range(3)] for _ in range(40)]
y = [1 if sum(x) > 0 else -1 for x in X]
model = Network()


def loss():
    scores = [model(x) for x in X]
    losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores)]
    right = sum((yi > 0) == (score.data > 0) for yi, score in zip(y, scores)) / len(y)
    return sum(losses) * (1.0 / len(losses)) + 1e-3 * sum(p * p for p in model.parameters()), right


for k in range(10**6):
    total, accuracy = loss()
    model.zero_grad()
    total.backward()
    rate = 0.5 / (1 + k)
    for p in model.parameters():
        p.data -= rate * p.grad
    print(f"step {k} loss {total.data} accuracy {accuracy}")
