"""A clip, a line in place, an index or an order, left out or mixed up: told at one line, with what it should say."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

HUBER = """\
import numpy as np

rng = np.random.default_rng(0)
X, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 1)) * 3
W = rng.normal(size=(3, 1))
delta = 0.7
for step in range(3):
    e = X @ W - y
    loss = np.mean(np.where(np.abs(e) <= delta, 0.5 * e**2, delta * (np.abs(e) - 0.5 * delta)))
    de = np.clip(e, -delta, delta) / len(X)
    dW = X.T @ de
    W -= 0.1 * dW
"""
NET = """\
import numpy as np

rng = np.random.default_rng(1)
X, labels = rng.normal(size=(6, 3)), np.array([0, 1, 2, 1, 0, 2])
W1, W2 = rng.normal(size=(3, 4)), rng.normal(size=(4, 3))


def affine_back(dout, x, W):
    dx = dout @ W.T
    dW = x.T @ dout
    return dx, dW


for step in range(3):
    N = len(X)
    h = np.maximum(X @ W1, 0)
    scores = h @ W2
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(N), labels]).mean()
    dscores = p.copy()
    dscores[np.arange(N), labels] -= 1
    dscores /= N
    dh, dW2 = affine_back(dscores, h, W2)
    dh[h <= 0] = 0
    dX, dW1 = affine_back(dh, X, W1)
    W1 -= 0.1 * dW1
    W2 -= 0.1 * dW2
"""
MOMENTUM = """\
import numpy as np

rng = np.random.default_rng(3)
X, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
W, b = rng.normal(size=(3, 2)), rng.normal(size=2)
vW, vb = np.zeros_like(W), np.zeros_like(b)
for step in range(3):
    e = X @ W + b - y
    loss = 0.5 * np.sum(e**2)
    dW = X.T @ e
    db = e.sum(axis=0)
    vW = 0.9 * vW - 0.1 * dW
    vb = 0.9 * vb - 0.1 * db
    W += vW
    b += vb
"""


@pytest.mark.parametrize(
    ("program", "right", "wrong", "line", "fix"),
    [
        (HUBER, "np.clip(e, -delta, delta)", "e", 10, "de = np.clip(e, -delta, delta) / len(X)"),
        (HUBER, "np.clip(e, -delta, delta)", "np.clip(e, -1, 1)", 10, "de = np.clip(e, -delta, delta) / len(X)"),
        (NET, "    dscores[np.arange(N), labels] -= 1\n", "", 21, "dscores[np.arange(N), labels] -= 1"),
        pytest.param(
            NET,
            "dscores[np.arange(N), labels] -=",
            "dscores[:, labels] -=",
            21,
            "dscores[np.arange(N), labels] -= 1",
            marks=pytest.mark.slow,
        ),
        (NET, "    dscores /= N\n", "", 21, "dscores /= N"),
        (MOMENTUM, "vW - 0.1", "vW + 0.1", 12, "vW = 0.9 * vW - 0.1 * dW"),
        (MOMENTUM, "W += vW", "W -= vW", 14, "W += vW"),
        pytest.param(NET, "return dx, dW", "return dW, dx", 11, "return dx, dW", marks=pytest.mark.slow),
        pytest.param(
            NET,
            "dh, dW2 = affine",
            "dW2, dh = affine",
            23,
            "dh, dW2 = affine_back(dscores, h, W2)",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["clip", "bounds", "labels", "index", "samples", "velocity", "update", "order", "names"],
)
def test_what_is_left_out_or_mixed_up_is_put_right(
    program: str, right: str, wrong: str, line: int, fix: str, tmp_path: Path
) -> None:
    assert right in program
    path = tmp_path / "net.py"
    path.write_text(program.replace(right, wrong))
    report = gradcheck.check(str(path), properties=False)
    fixed = [f for f in report.findings if f.severity == "error" and f.fix is not None and f.fix.new == fix]
    assert len(fixed) == 1, str(report)
    assert fixed[0].line == line, str(report)


@pytest.mark.parametrize("program", [HUBER, NET, MOMENTUM], ids=["Huber", "net", "momentum"])
def test_with_all_of_it_there_nothing_is_wrong(program: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(program)
    assert gradcheck.check(str(path), properties=False).exit_code == 0
