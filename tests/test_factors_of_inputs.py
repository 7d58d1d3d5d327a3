"""A constant factor of an input's gradient: wrong, unless the parameters' lines take the same factor out again."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

LAYER = """
import numpy as np


class Map:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)

    def forward(self, x):
        self.x = x
        rows = x.reshape(-1, x.shape[2])
        return (rows @ self.W).reshape(*x.shape[:2], -1)

    def backward(self, dout):
        rows = self.x.reshape(-1, self.x.shape[2])
        dout = dout.reshape(-1, dout.shape[2])
        self.dW = rows.T @ dout
        drows = dout @ self.W.T
        return drows.reshape(self.x.shape)
"""
NET = """
import numpy as np


def step(x, y, W, V):
    h = np.tanh(x @ W)
    out = h @ V
    loss = 0.5 * ((out - y) ** 2).sum() / len(x)
    dout = out - y
    dV = h.T @ dout / len(x)
    dz = dout @ V.T * (1 - h**2)
    dW = x.T @ dz / len(x)
    da = dz @ W.T
    dx = da.reshape(x.shape)
    return dx, dW, dV
"""


@pytest.mark.parametrize("times", ["", "2 * ", "0.5 * "])
def test_a_layers_own_factor_is_its_error(tmp_path: Path, times: str) -> None:
    (tmp_path / "net.py").write_text(LAYER.replace("drows = dout", f"drows = {times}dout"))
    report = gradcheck.check(f"{tmp_path / 'net.py'}:Map")
    verdicts = {c.name: str(c.verdict) for c in report.comparisons}
    right = not times
    assert verdicts["dW"] == "pass"
    assert (verdicts.get("drows", "pass"), verdicts["dx"]) == (("pass", "pass") if right else ("fail", "inherited"))
    assert right or [p.new.count("drows = dout @ self.W.T") for p in report.patches] == [1]


@pytest.mark.parametrize(("old", "new", "verdict"), [("", "", "pass"), ("da = dz", "da = 2 * dz", "fail")])
def test_a_factor_that_the_parameters_take_out_is_a_convention(
    tmp_path: Path, old: str, new: str, verdict: str
) -> None:
    (tmp_path / "net.py").write_text(NET.replace(old, new) if old else NET)
    report = gradcheck.check(f"{tmp_path / 'net.py'}:step", shapes="x:(m,4) y:(m,2) W:(4,5) V:(5,2)")
    assert str(report.verdict) == verdict
    (dx,) = (c for c in report.comparisons if c.name == "dx")
    m = dx.shape[0]
    assert m not in (4, 2, 5)  # numbers in a spec are no sizes for its symbols
    assert dx.scale == pytest.approx(m if verdict == "pass" else 2 * m)
