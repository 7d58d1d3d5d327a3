"""A backward that takes its layers one by one under a name of its own, and moves each once it has its gradients."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(50, 6))
Y = np.eye(4)[rng.integers(0, 4, 50)]


class Layer:
    def __init__(self, n_in, n_out):
        self.W = rng.normal(size=(n_in, n_out)) * 0.3
        self.b = np.zeros(n_out)


class Network:
    def __init__(self, sizes):
        self.layers = [Layer(a, b) for a, b in zip(sizes, sizes[1:])]

    def forward(self, x):
        self.acts = [x]
        for i, layer in enumerate(self.layers):
            z = self.acts[-1] @ layer.W + layer.b
            if i < len(self.layers) - 1:
                a = np.tanh(z)
            else:
                e = np.exp(z - z.max(axis=1, keepdims=True))
                a = e / e.sum(axis=1, keepdims=True)
            self.acts.append(a)
        return self.acts[-1]

    def train(self, x, y, lr):
        p = self.forward(x)
        loss = -(y * np.log(p)).sum() / len(x)
        delta = (p - y) / len(x)
        for i in reversed(range(len(self.layers))):
            layer = self.layers[i]
            dW = self.acts[i].T @ delta
            db = delta.sum(axis=0)
            if i > 0:
                delta = delta @ layer.W.T * (1 - self.acts[i] ** 2)
            layer.W -= lr * dW
            layer.b -= lr * db
        return loss


net = Network(SIZES)
for epoch in range(100):
    loss = net.train(X, Y, 0.5)
    if epoch % 10 == 0:
        print(epoch, loss)
"""


@pytest.mark.parametrize("sizes", ["[6, 8, 7, 4]", "[6, 8, 8, 8, 4]"])
def test_what_the_turn_before_has_moved_is_not_what_the_next_gradient_is_of(tmp_path: Path, sizes: str) -> None:
    file, right = tmp_path / "net.py", NET.replace("SIZES", sizes)
    file.write_text(right)
    report = gradcheck.check(str(file), properties=False)
    assert report.verdict.value == "pass", str(report)
    file.write_text(right.replace("(1 - self.acts[i] ** 2)", "(1 - self.acts[i])"))
    wrong = gradcheck.check(str(file), properties=False)
    line = 1 + right[: right.index("(1 - self.acts[i] ** 2)")].count("\n")
    assert {f.line for f in wrong.findings if f.severity == "error"} == {line}
    assert all(f.fix is not None for f in wrong.findings if f.severity == "error")
