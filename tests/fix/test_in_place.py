"""Lines that write into a part of a gradient, turn by turn, and gradients that come to nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

POOL = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, W = inputs(m, d, seed)",
    "call": "step(x, y, W)",
    "sizes": {"m": 3, "d": 4},
}}}


def inputs(m, d, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.normal(size=(m, 3)), rng.normal(size=(d, 6))


def step(x, y, W, lr=0.1):
    z = x @ W
    p = np.stack([z[:, 2 * i : 2 * i + 2].max(axis=1) for i in range(3)], axis=1)
    loss = ((p - y) ** 2).sum()
    dp = 2 * (p - y)
    dz = np.zeros_like(z)
    for i in range(3):
        window = z[:, 2 * i : 2 * i + 2]
        largest = window == window.max(axis=1, keepdims=True)
        dz[:, 2 * i : 2 * i + 2] += largest * dp[:, i, None]
    dW = x.T @ dz
    W = W - lr * dW
    return loss, W
"""
LISTS = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, W = inputs(m, d, seed)",
    "call": "step(x, y, W)",
    "sizes": {"m": 5, "d": 4},
}}}


def inputs(m, d, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.normal(size=(m, d)), [rng.normal(size=(d, d)) for _ in range(2)]


def step(x, y, W, lr=0.1):
    A = [x]
    for i in range(2):
        z = A[i] @ W[i]
        A.append(np.tanh(z) if i < 1 else z)
    loss = ((A[-1] - y) ** 2).sum()
    dW = [None, None]
    delta = 2 * (A[-1] - y)
    for i in reversed(range(2)):
        dW[i] = A[i].T @ delta
        if i:
            delta = (delta @ W[i].T) * (1 - A[i] ** 2)
    for i in range(2):
        W[i] = W[i] - lr * dW[i]
    return loss
"""


@pytest.mark.parametrize(
    ("text", "right", "wrong", "code"),
    [
        (POOL, "+= largest * dp", "+= (largest == 0) * dp", "GC332"),
        (POOL, "+= largest * dp", "+= window * dp", "GC321"),
        (LISTS, "2 * (A[-1] - y)\n    for", "2 * (A[-1] - z)\n    for", "GC321"),
    ],
    ids=["another mask", "another operand", "a first gradient of zeros"],
)
def test_the_line_is_put_right(text: str, right: str, wrong: str, code: str, tmp_path: Path) -> None:
    assert text.count(right) == 1
    path = tmp_path / "net.py"
    path.write_text(text.replace(right, wrong))
    report = gradcheck.check(str(path), properties=False)
    (found,) = [f for f in report.findings if f.severity == "error"]
    line = 1 + text[: text.index(right)].count("\n")
    assert (found.line, found.code) == (line, code), str(report)
    assert found.fix is not None
    if code != "GC332":  # that one may as well be put right as != 0
        assert found.fix.new == text.splitlines()[line - 1].strip()
