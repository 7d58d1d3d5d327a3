"""Cells that are objects, and what one hands back to the one before: a wrong line of that is told and put right."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

CELLS = """
import numpy as np

rng = np.random.default_rng(0)


class Cell:
    def __init__(self, W):
        self.W = W

    def forward(self, x, h_prev):
        self.xh = np.concatenate([x, h_prev])
        self.h = np.tanh(self.W @ self.xh)

    def backward(self, top, dW):
        da = top * (1 - self.h**2)
        dW += np.outer(da, self.xh)
        below = self.W.T @ da
        self.below = below[-3:]


W, V = rng.normal(size=(3, 5)), rng.normal(size=3)
xs, ys = rng.normal(size=(3, 2)), rng.normal(size=3)
for epoch in range(5):
    h, cells = np.zeros(3), []
    for x in xs:
        cells.append(Cell(W))
        cells[-1].forward(x, h)
        h = cells[-1].h
    loss = sum((c.h @ V - y) ** 2 for c, y in zip(cells, ys))
    dW, next_top = np.zeros_like(W), np.zeros(3)
    for c, y in zip(cells[::-1], ys[::-1]):
        top = 2 * (c.h @ V - y) * V + next_top
        c.backward(top, dW)
        next_top = c.below
    W -= 0.01 * dW
"""


@pytest.mark.parametrize(
    ("right", "wrong", "fix"),
    [
        ("self.below = below[-3:]", "self.below = below[:3]", "self.below = below[-3:]"),
        ("* V + next_top", "* V", "top = 2 * (c.h @ V - y) * V + next_top"),
        ("da = top * (1 - self.h**2)", "da = top", "da = top * (1 - self.h**2)"),
    ],
    ids=["the wrong part", "not handed on", "no derivative"],
)
def test_the_line_and_its_fix(right: str, wrong: str, fix: str, tmp_path: Path) -> None:
    file = tmp_path / "cells.py"
    assert right in CELLS
    file.write_text(CELLS.replace(right, wrong))
    report = gradcheck.check(str(file), properties=False)
    errors = [f for f in report.findings if f.severity == "error"]
    assert {f.source.strip() for f in errors} == {fix.replace(right, wrong)}, str(report)
    assert {f.fix.new for f in errors if f.fix is not None} == {fix}
