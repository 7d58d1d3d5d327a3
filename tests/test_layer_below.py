"""A loop over layers that makes dZ of the layer below at the end of a turn, behind a dropout that goes by A's name."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """import numpy as np

rng = np.random.default_rng(3)
sizes = [6, 5, 4, 1]
W = [None, *(rng.normal(size=(o, i)) for i, o in zip(sizes, sizes[1:]))]
b = [None, *(rng.normal(size=(o, 1)) for o in sizes[1:])]
X, Y = rng.normal(size=(6, 7)), rng.integers(0, 2, (1, 7)) * 1.0
keep = 0.7


def forward(X):
    caches, A = [], X
    for k in range(1, 4):
        A_prev = A
        Z = W[k] @ A_prev + b[k]
        A = np.maximum(Z, 0)
        D = np.random.rand(*A.shape) < keep
        A = A * D / keep
        caches.append((A_prev, Z, D))
    return 1 / (1 + np.exp(-Z)), caches


def backward(P, caches, lr=0.1):
    m = Y.shape[1]
    dZ = P - Y
    for k in (3, 2, 1):
        A_prev, Z, D = caches[k - 1]
        dW = dZ @ A_prev.T / m + 0.1 / m * W[k]
        db = dZ.sum(axis=1, keepdims=True) / m
        if k > 1:
            _, Z_below, D_below = caches[k - 2]
            dA = W[k].T @ dZ
            dA = dA * D_below / keep
            dZ = dA * (Z_below > 0)
        W[k] -= lr * dW
        b[k] -= lr * db


def step():
    P, caches = forward(X)
    loss = -np.mean(Y * np.log(P) + (1 - Y) * np.log(1 - P)) + 0.1 / 14 * sum(np.sum(w * w) for w in W[1:])
    backward(P, caches)
    return loss


step()
"""


def test_each_is_the_gradient_of_what_its_line_reads(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET)
    report = gradcheck.check(str(path), properties=False)
    assert report.exit_code == 0, str(report)
    shapes = [c.shape for c in report.comparisons if c.name.startswith("dZ") and c.verdict.value == "pass"]
    assert sorted(shapes) == [(1, 7), (4, 7), (5, 7)]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dA = dA * D_below / keep", "dA = dA * D_below"),
        pytest.param("/ m\n        if", "\n        if", marks=pytest.mark.slow),
        pytest.param("dZ = dA * (Z_below > 0)", "dZ = dA * (Z_below < 0)", marks=pytest.mark.slow),
    ],
    ids=["a factor between two names", "a bias's mean", "a mask, and more rests on its line's next turn"],
)
def test_one_line_is_blamed(right: str, wrong: str, tmp_path: Path) -> None:
    assert NET.count(right) == 1
    path = tmp_path / "net.py"
    path.write_text(NET.replace(right, wrong))
    report = gradcheck.check(str(path), properties=False)
    errors = [f for f in report.findings if f.severity == "error"]
    assert {f.line for f in errors} == {1 + NET[: NET.index(right)].count("\n")}, str(report)
    assert all(f.fix is not None for f in errors)
