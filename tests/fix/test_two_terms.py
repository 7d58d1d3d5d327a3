"""Two contributions that are missing from one gradient are added together, under the same proof."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, W, U, V, A = inputs(m, d, h, seed)",
    "call": "step(x, y, W, U, V, A)",
    "sizes": {"m": 5, "d": 4, "h": 3},
}}}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=s) for s in ((m, d), (m, h), (d, d), (d, h), (d, h), (d, h))]


def step(x, y, W, U, V, A):
    a = np.tanh(x @ W)
    u = np.tanh(a @ U)
    v = 1 / (1 + np.exp(-a @ V))
    s = a @ A
    out = u + v + s
    loss = ((out - y) ** 2).sum()
    dout = 2 * (out - y)
    dU_in = dout * (1 - u**2)
    dV_in = dout * v * (1 - v)
    dU = a.T @ dU_in
    dV = a.T @ dV_in
    dA = a.T @ dout
    da = dU_in @ U.T + dV_in @ V.T + dout @ A.T
    dz = da * (1 - a**2)
    dW = x.T @ dz
    return loss, dW, dU, dV, dA
"""
RIGHT = "da = dU_in @ U.T + dV_in @ V.T + dout @ A.T"


def checked(wrong: str, tmp_path: Path) -> gradcheck.Report:
    path = tmp_path / "net.py"
    path.write_text(NET.replace(RIGHT, wrong))
    return gradcheck.check(str(path), properties=False)


def test_both_are_put_in(tmp_path: Path) -> None:
    report = checked("da = dU_in @ U.T", tmp_path)
    (found,) = [f for f in report.findings if f.severity == "error"]
    assert (found.code, found.tensor) == ("GC362", "da")
    assert found.fix is not None, str(report)
    assert found.fix.new == "da = dU_in @ U.T + dout @ A.T + dV_in @ V.T"


@pytest.mark.slow
def test_what_two_terms_do_not_put_right_is_left(tmp_path: Path) -> None:
    report = checked("da = dU_in @ U.T + np.cos(dV_in) @ V.T * np.sin(A @ dout[0])", tmp_path)
    assert report.verdict.value == "fail"
    assert not report.patches, str(report)
