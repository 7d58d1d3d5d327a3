"""A bias that a forward adds inside of a sum is named where that happens, however it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """\
import numpy as np

rng = np.random.default_rng(0)
m, d, h = 4, 3, 5
x, y = rng.normal(size=(m, d)), rng.normal(size=(m, 2))
W1, b1, W2 = rng.normal(size=(d, h)), rng.normal(size=h), rng.normal(size=(h, 2))


def step(x, y, lr=0.1):
    global W1, b1, W2
    z1 = x @ W1 + b1
    out = np.tanh(z1) @ W2
    loss = ((out - y) ** 2).sum()
    dout = 2 * (out - y)
    dW2 = np.tanh(z1).T @ dout
    dz1 = (dout @ W2.T) * (1 - np.tanh(z1) ** 2)
    dW1, db1 = x.T @ dz1, dz1.sum(axis=0)
    W1, b1, W2 = W1 - lr * dW1, b1 - lr * db1, W2 - lr * dW2
    return loss


for epoch in range(2):
    step(x, y)
"""
RIGHT = "    z1 = x @ W1 + b1\n"


def checked(text: str, tmp_path: Path) -> gradcheck.Report:
    path = tmp_path / "net.py"
    path.write_text(text)
    return gradcheck.check(str(path), properties=False)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ("    s = x[:, :, None] * W1 + b1\n    z1 = s.sum(axis=1)\n", 12),
        ("    z1 = np.zeros((m, h))\n    for k in range(d):\n        z1 += x[:, k : k + 1] * W1[k] + b1\n", 13),
    ],
    ids=["two lines", "a loop"],
)
def test_a_bias_inside_of_a_sum_is_named_where_it_is_added(wrong: str, line: int, tmp_path: Path) -> None:
    report = checked(NET.replace(RIGHT, wrong), tmp_path)
    (found,) = [f for f in report.findings if f.severity == "error"]
    assert (found.code, found.line, found.headline) == ("GC701", line, "b1 is added 3 times in z1"), str(report)


@pytest.mark.parametrize("right", [RIGHT, "    z1 = (x[:, :, None] * W1).sum(axis=1) + b1\n"])
def test_a_bias_behind_the_sum_is_right(right: str, tmp_path: Path) -> None:
    assert checked(NET.replace(RIGHT, right), tmp_path).verdict.value == "pass"


def test_one_of_two_gradients_of_a_line_is_put_right_in_its_place(tmp_path: Path) -> None:
    report = checked(NET.replace(", dz1.sum(axis=0)", ", dz1.sum(axis=0) / 5"), tmp_path)
    (found,) = [f for f in report.findings if f.severity == "error"]
    assert (found.code, found.tensor) == ("GC301", "db1")
    assert found.fix is not None
    assert found.fix.new == "dW1, db1 = x.T @ dz1, dz1.sum(axis=0)"
