"""A network whose forward goes through all layers but the last in a loop, and whose backward through all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """
import numpy as np


class Net:
    def __init__(self, sizes, rate):
        rng = np.random.default_rng(1)
        self.W = [rng.normal(0, 1 / np.sqrt(a), (a, b)) for a, b in zip(sizes, sizes[1:])]
        self.b = [np.zeros(b) for b in sizes[1:]]
        self.rate = rate

    def forward(self, X):
        self.a = [X]
        for W, b in zip(self.W[:-1], self.b[:-1]):
            self.a.append(1 / (1 + np.exp(-(self.a[-1] @ W + b))))
        z = self.a[-1] @ self.W[-1] + self.b[-1]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def fit(self, X, Y):
        p = self.forward(X)
        loss = -np.sum(Y * np.log(p)) / len(X)
        delta = (p - Y) / len(X)
        for i in reversed(range(len(self.W))):
            gW = self.a[i].T @ delta
            gb = delta.sum(axis=0)
            if i:
                delta = (delta @ self.W[i].T) * self.a[i] * (1 - self.a[i])
            self.W[i] -= self.rate * gW
            self.b[i] -= self.rate * gb
        return loss


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(90, 5)), np.eye(3)[rng.integers(0, 3, 90)]
    net = Net([5, 7, 6, 3], 0.1)
    for k in range(0, 90, 18):
        print(net.fit(X[k : k + 18], Y[k : k + 18]))
"""


def report(folder: Path, text: str) -> gradcheck.Report:
    (folder / "net.py").write_text(text)
    return gradcheck.check(str(folder / "net.py"), properties=False)


def test_the_right_one_passes_and_every_layer_is_checked(tmp_path: Path) -> None:
    found = report(tmp_path, NET)
    assert found.verdict.value == "pass", str(found)
    assert sorted(c.shape for c in found.comparisons if c.kind == "parameter" and len(c.shape) == 2) == [
        (5, 7),
        (6, 3),
        (7, 6),
    ]
    assert not any("samples" in note for note in found.notes), "the X of the module is not what the step is handed"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("(p - Y) / len(X)\n        for", "(p - Y)\n        for", marks=pytest.mark.slow),
        pytest.param("self.a[i].T @ delta", "self.a[i].T @ delta * 2", marks=pytest.mark.slow),
        pytest.param("delta.sum(axis=0)", "delta.mean(axis=0)", marks=pytest.mark.slow),
        ("* (1 - self.a[i])", "* (1 + self.a[i])"),
    ],
)
def test_the_line_is_told_with_its_fix(old: str, new: str, tmp_path: Path) -> None:
    assert NET.count(old) == 1
    text = NET.replace(old, new)
    found = report(tmp_path, text)
    at = text[: text.index(new)].count("\n") + 1
    errors = [f for f in found.findings if f.severity == "error"]
    assert {f.line for f in errors} == {at}, str(found)
    assert any(f.fix is not None for f in errors)
