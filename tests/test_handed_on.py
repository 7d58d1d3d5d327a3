"""Layers as objects, and one name for what goes from each of them to the one before: whose line it is that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "net, x, y = inputs(m, d, h, c, seed)",
    "call": "step(net, x, y)",
    "sizes": {"m": 7, "d": 5, "h": 4, "c": 3},
}}}


class Affine:
    def __init__(self, rng, n, k):
        self.W = rng.normal(size=(n, k))
        self.b = rng.normal(size=k)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        dx = dout @ self.W.T
        return dx


class Squash:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, dout):
        return dout * (1 - self.out**2)


def inputs(m, d, h, c, seed):
    rng = np.random.default_rng(seed)
    net = [Affine(rng, d, h), Squash(), Affine(rng, h, c)]
    return net, rng.normal(size=(m, d)), rng.normal(size=(m, c))


def step(net, x, y, lr=0.1):
    out = x
    for layer in net:
        out = layer.forward(out)
    loss = np.sum((out - y) ** 2) / (2 * len(x))
    dout = (out - y) / len(x)
    for layer in reversed(net):
        dout = layer.backward(dout)
    for layer in net:
        if isinstance(layer, Affine):
            layer.W -= lr * layer.dW
            layer.b -= lr * layer.db
    return loss
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dout = (out - y) / len(x)", "dout = (y - out) / len(x)"),
        ("dout = layer.backward(dout)", "dout = 2 * layer.backward(dout)"),
        ("dout = layer.backward(dout)", "dout = layer.backward(dout).T"),
        ("dx = dout @ self.W.T", "dx = -dout @ self.W.T"),
        ("dx = dout @ self.W.T", "dx = self.W @ dout.T"),
        ("layer.W -= lr * layer.dW", "layer.W += lr * layer.dW"),
    ],
    ids=[
        "the first",
        "between the layers",
        "so that a layer raises",
        "in a layer",
        "in a layer, so that the next one raises",
        "the update",
    ],
)
def test_the_line_that_is_wrong_is_blamed_and_mended(right: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET.replace(right, wrong))
    report = gradcheck.check(str(path), properties=False)
    errors = [f for f in report.findings if f.severity == "error"]
    assert {f.line for f in errors} == {1 + NET[: NET.index(right)].count("\n")}, str(report)
    fixes = {f.fix.new for f in errors if f.fix is not None}
    assert len(fixes) == 1, str(report)
    assert fixes <= {right, "dx = (self.W @ dout.T).T"}


def test_two_minus_signs_on_the_way_are_a_convention(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET.replace("= layer.backward(dout)", "= -layer.backward(dout)"))
    assert gradcheck.check(str(path), properties=False).exit_code == 0
