"""Lines that add up over the turns of a loop: their edits are held against the sum, all in one run."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """\
import numpy as np

rng = np.random.default_rng(0)
T, n = 4, 3
xs, y = rng.normal(size=(T, n)), rng.normal(size=n)
W, U, G = (0.6 * rng.normal(size=(n, n)) for _ in range(3))


def step(xs, y, W, U, G):
    h, r, c = {-1: np.full(n, 0.3)}, {}, {}
    for t in range(T):
        r[t] = 1 / (1 + np.exp(-G @ xs[t]))
        c[t] = U @ (r[t] * h[t - 1])
        h[t] = np.tanh(W @ xs[t] + c[t])
    loss = ((h[T - 1] - y) ** 2).sum()
    dW, dU, dG = np.zeros_like(W), np.zeros_like(U), np.zeros_like(G)
    dh = 2 * (h[T - 1] - y)
    for t in reversed(range(T)):
        da = dh * (1 - h[t] ** 2)
        dW += np.outer(da, xs[t])
        dU += np.outer(da, r[t] * h[t - 1])
        drh = U.T @ da
        dG += np.outer(drh * h[t - 1] * r[t] * (1 - r[t]), xs[t])
        dh = drh * r[t]
    return loss, dW, dU, dG


for epoch in range(3):
    loss, dW, dU, dG = step(xs, y, W, U, G)
    W, U, G = W - 0.1 * dW, U - 0.1 * dU, G - 0.1 * dG
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dU += np.outer(da, r[t] * h[t - 1])", "dU += np.outer(da, h[t - 1])"),
        pytest.param(
            "np.outer(drh * h[t - 1] * r[t] * (1 - r[t]), xs[t])",
            "np.outer(drh * h[t - 1] * r[t], xs[t])",
            marks=pytest.mark.slow,
        ),
        ("dW += np.outer(da, xs[t])", "dW += np.outer(da, xs[t]) / T"),
    ],
    ids=["a factor within", "a derivative within", "a constant factor"],
)
def test_a_line_that_adds_up_is_repaired(
    right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert NET.count(right) == 1
    Path("net.py").write_text(NET.replace(right, wrong))
    report = gradcheck.check("net.py", properties=False)
    (finding,) = [f for f in report.findings if f.severity == "error"]
    assert finding.fix is not None, str(report)
    assert finding.fix.verified
    (patch,) = report.patches
    Path("net.py").write_text(patch.new)
    assert gradcheck.check("net.py", properties=False).verdict.value == "pass"


def test_the_right_one_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NET)
    assert gradcheck.check("net.py", properties=False).verdict.value == "pass"
