"""A fix says what its author would have written: by the names, sums, axes and numbers that the file uses."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

TIED = """\
import numpy as np

rng = np.random.default_rng(3)
X, W, b, c = (0.7 * rng.normal(size=s) for s in ((7, 5), (5, 4), 4, 5))
N = m = len(X)
for step in range(3):
    pre = X @ W + b
    mu = pre.mean(axis=0)
    var = ((pre - mu) ** 2).mean(axis=0)
    inv = 1 / np.sqrt(var + 1e-5)
    n = (pre - mu) * inv
    H = 1 / (1 + np.exp(-n))
    R = H @ W.T + c
    loss = ((R - X) ** 2).sum() / m
    dR = 2 * (R - X) / m
    dH = dR @ W
    dn = dH * H * (1 - H)
    dvar = (dn * (pre - mu)).sum(axis=0) * -0.5 * inv**3
    dmu = -(dn * inv).sum(axis=0)
    dpre = dn * inv + dvar * 2 * (pre - mu) / m + dmu / m
    dW = X.T @ dpre + dR.T @ H
    W = W - 0.1 * dW
"""


@pytest.mark.parametrize(
    ("right", "wrong", "code", "fix"),
    [
        (" + dvar * 2 * (pre - mu) / m", "", "GC362", "dpre = dn * inv + dmu / m + 2 * dvar * (pre - mu) / m"),
        ("dH * H * (1 - H)", "dH * n * (1 - n)", "GC313", "dn = dH * H * (1 - H)"),
        ("-0.5 * inv**3", "-0.5 * inv", "GC321", "dvar = (dn * (pre - mu)).sum(axis=0) * -0.5 * inv**3"),
    ],
    ids=["a sum that the function has", "one array for another throughout", "a power"],
)
def test_a_fix_says_it_as_the_file_does(
    right: str, wrong: str, code: str, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert TIED.count(right) == 1
    Path("net.py").write_text(TIED.replace(right, wrong))
    report = gradcheck.check("net.py", properties=False)
    (finding,) = [f for f in report.findings if f.severity == "error"]
    assert finding.fix is not None, str(report)
    assert (finding.code, finding.fix.new) == (code, fix)


def test_the_right_one_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(TIED)
    assert gradcheck.check("net.py", properties=False).verdict.value == "pass"
