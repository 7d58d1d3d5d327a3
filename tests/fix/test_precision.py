"""Round-off of the float32 that a code computes in is no bug, and hides none."""

from __future__ import annotations

from pathlib import Path

import gradcheck
from gradcheck.report import Report

NET = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, W1, W2 = inputs(m, seed)",
    "call": "step(x, y, W1, W2)",
    "sizes": {"m": 6},
}}}


def inputs(m, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=n) for n in [(m, 4), (m, 3), (4, 5), (5, 3)]]


def step(x, y, W1, W2):
    A1 = np.tanh(x @ W1)
    out = A1 @ W2
    loss = ((out - y) ** 2).sum() / len(x)
    dout = 2 * (out - y) / len(x)
    dW2 = A1.T @ dout
    dA1 = np.float32(dout) @ W2.T.astype("float32")
    dW1 = x.T @ (dA1.astype(float) * (1 - A1**2))
    return loss, dW2, dA1, dW1
"""


def checked(tmp_path: Path, old: str = "dout", new: str = "dout") -> Report:
    path = tmp_path / "net.py"
    path.write_text(NET.replace(old, new))
    return gradcheck.check(str(path), properties=False)


def test_round_off_is_right_within_what_can_be_seen(tmp_path: Path) -> None:
    report = checked(tmp_path)
    assert report.verdict.value == "pass", str(report)
    (dW1,) = [c for c in report.comparisons if c.name == "dW1"]
    assert dW1.max_rel_error is not None
    assert dW1.error_estimate is not None
    assert dW1.resolution is not None
    assert 1e-9 < dW1.max_rel_error <= dW1.error_estimate <= dW1.resolution / 10 < 1e-5


def test_an_error_of_its_own_size_is_none(tmp_path: Path) -> None:
    report = checked(tmp_path, "np.float32(dout)", "np.float32(1.000002 * dout)")
    assert report.verdict.value != "pass", str(report)
    assert "GC612" not in {f.code for f in report.findings}


def test_beside_another_error(tmp_path: Path) -> None:
    report = checked(tmp_path, "dW2 = A1.T @ dout", "dW2 = 2 * A1.T @ dout")
    assert [f.tensor for f in report.findings if f.severity == "error"] == ["dW2"]
    assert {c.name: c.verdict.value for c in report.comparisons if c.name != "dW2"} == dict.fromkeys(
        ["dout", "dA1", "dW1"], "pass"
    )
