"""Gradients that are computed where a dictionary or a list is written: told at their part of the line, and mended."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

SCRIPT = """
import numpy as np
from collections import namedtuple

Gradients = namedtuple("Gradients", "W1 W2")
rng = np.random.default_rng(9)
X, Y = rng.normal(size=(12, 4)), rng.normal(size=(12, 2))
W1, W2 = rng.normal(size=(4, 5)), rng.normal(size=(5, 2))


def gradients():
    h = np.maximum(X @ W1, 0)
    out = h @ W2
    loss = ((out - Y) ** 2).mean()
    dout = 2 * (out - Y) / out.size
    dh = dout @ W2.T
    KEPT


for t in range(60):
    grads = gradients()
    W1 -= 0.01 * FIRST
    W2 -= 0.01 * SECOND
"""
WAYS = {
    "a dictionary": ('return {"W1": X.T @ dh, "W2": h.T @ dout}', 'grads["W1"]', 'grads["W2"]'),
    "a bound one": ("grads = dict(W1=X.T @ dh, W2=h.T @ dout)\n    return grads", 'grads["W1"]', 'grads["W2"]'),
    "a list": ("return [X.T @ dh, h.T @ dout]", "grads[0]", "grads[1]"),
    "pairs": ("return [(X.T @ dh, 1), (h.T @ dout, 2)]", "grads[0][0]", "grads[1][0]"),
    "dictionaries within": (
        'return {"a": {"W": X.T @ dh}, "b": {"W": h.T @ dout}}',
        'grads["a"]["W"]',
        'grads["b"]["W"]',
    ),
    "a record": ("return Gradients(W1=X.T @ dh, W2=h.T @ dout)", "grads.W1", "grads.W2"),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_container_keeps_has_its_own_cause_and_fix(tmp_path: Path, way: str) -> None:
    kept, first, second = WAYS[way]
    wrong = SCRIPT.replace("KEPT", kept).replace("FIRST", first).replace("SECOND", second)
    right = wrong.replace("X.T @ dh", "X.T @ (dh * (h > 0))")
    (tmp_path / "net.py").write_text(right)
    assert str(gradcheck.check(str(tmp_path / "net.py")).verdict) == "pass"
    (tmp_path / "net.py").write_text(wrong)
    report = gradcheck.check(str(tmp_path / "net.py"))
    (finding,) = (f for f in report.findings if f.severity == "error")
    assert (finding.code, finding.line) == ("GC311", 1 + wrong[: wrong.index("X.T @ dh")].count("\n"))
    (patch,) = report.patches
    assert patch.new == right
