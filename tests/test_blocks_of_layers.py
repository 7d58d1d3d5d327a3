"""Layers within layers, whose gradients come back from call to call and are gathered in lists: the line at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """
import numpy as np

rng = np.random.default_rng(0)


class Linear:
    def __init__(self, n_in, n_out):
        self.W = rng.normal(size=(n_in, n_out))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.dW = self.x.T @ dout
        return dout @ self.W.T

    def params(self):
        return [(self.W, self.dW)]


class Norm:
    def __init__(self, n):
        self.g = rng.normal(size=n)

    def forward(self, x):
        self.std = np.sqrt(((x - x.mean(axis=1, keepdims=True)) ** 2).mean(axis=1, keepdims=True))
        self.xhat = (x - x.mean(axis=1, keepdims=True)) / self.std
        return self.xhat * self.g

    def backward(self, dout):
        self.dg = (dout * self.xhat).sum(axis=0)
        dxhat = dout * self.g
        dx = dxhat - dxhat.mean(axis=1, keepdims=True) - self.xhat * (dxhat * self.xhat).mean(axis=1, keepdims=True)
        return dx / self.std

    def params(self):
        return [(self.g, self.dg)]


class Block:
    def __init__(self, n):
        self.norm, self.fc = Norm(n), Linear(n, n)

    def forward(self, x):
        return x + np.tanh(self.fc.forward(self.norm.forward(x)))

    def backward(self, dout):
        dr = dout * (1 - np.tanh(self.fc.x @ self.fc.W) ** 2)
        dr = self.norm.backward(self.fc.backward(dr))
        return dout + dr

    def params(self):
        return self.norm.params() + self.fc.params()


layers = [Linear(3, 4), Block(4), Block(4)]
X, Y = rng.normal(size=(5, 3)), rng.normal(size=(5, 4))
for step in range(3):
    x = X
    for layer in layers:
        x = layer.forward(x)
    diff = x - Y
    loss = (diff**2).sum() / len(X)
    dx = 2 * diff / len(X)
    for layer in reversed(layers):
        dx = layer.backward(dx)
    found = []
    for layer in layers:
        found += layer.params()
    for p, g in found:
        p -= 0.05 * g
"""


def wrong_lines(folder: Path, old: str, new: str) -> dict[str, str | None]:
    """The lines with errors, and the fix of each."""
    assert NET.count(old) == 1
    (folder / "net.py").write_text(NET.replace(old, new))
    report = gradcheck.check(str(folder / "net.py"), properties=False)
    errors = [f for f in report.findings if f.severity == "error"]
    return {f.source.strip(): f.fix.new if f.fix is not None else None for f in errors}


MEAN = " - self.xhat * (dxhat * self.xhat).mean(axis=1, keepdims=True)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "line", "fix"),
    [
        (
            "return dout + dr",
            "return dr",
            "return dr",
            "return dr + dout",
        ),
        (
            MEAN,
            "",
            "return dx / self.std",
            "return (dx - self.xhat * (dx * self.xhat).mean(axis=1, keepdims=True)) / self.std",
        ),
        ("return dx / self.std", "return dx * self.std", "return dx * self.std", "return dx / self.std"),
        ("dxhat = dout * self.g", "dxhat = dout * self.dg", "dxhat = dout * self.dg", "dxhat = dout * self.g"),
    ],
    ids=["the way past the block", "a term of the norm", "times for over", "the wrong factor"],
)
def test_the_line_is_told_where_gradients_come_back_from_calls(
    old: str, new: str, line: str, fix: str, tmp_path: Path
) -> None:
    assert wrong_lines(tmp_path, old, new) == {line: fix}


def test_what_is_right_passes_and_a_gradient_in_a_list_is_told_where_it_is_computed(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    report = gradcheck.check(str(tmp_path / "net.py"), properties=False)
    assert report.verdict.value == "pass", str(report)
    line = NET[: NET.index("self.dW = self.x.T @ dout")].count("\n") + 1
    assert [c.line for c in report.comparisons if c.kind == "parameter" and c.of.endswith("W")] == [line] * 3
