"""Layers that keep their states in single precision: right ones are right in spite of the rounding."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

RECURRENT = """
import numpy as np


def buffer(shape, dtype=np.float32):
    return np.empty(shape, dtype=dtype)


class Recurrent:
    def __init__(self, n_hidden):
        self.n = n_hidden
        self.params = {}
        self.grads = {}

    def forward(self, inputs):
        m, T, n_in = inputs.shape
        n = self.n
        if not self.params:
            r = np.random.RandomState(0)
            self.params["W"] = (r.randn(n, n_in + n) * 0.4).astype(np.float32)
            self.params["b"] = np.zeros(n).astype(np.float32)
        h = buffer((m, T + 1, n))
        h[:, -1] = 0.0
        for t in range(T):
            z = np.hstack([h[:, t - 1], inputs[:, t]])
            h[:, t] = np.tanh(z @ self.params["W"].T + self.params["b"])
        self.kept = inputs, h
        return h[:, -2]

    def backward(self, grad):
        inputs, h = self.kept
        n = h.shape[2]
        self.grads = {k: np.zeros_like(v) for k, v in self.params.items()}
        d_in = np.zeros_like(inputs, dtype=np.float32)
        d_h = grad
        for t in reversed(range(inputs.shape[1])):
            z = np.hstack([h[:, t - 1], inputs[:, t]])
            d_a = d_h * (1 - h[:, t] ** 2)
            self.grads["W"] += d_a.T @ z
            self.grads["b"] += d_a.sum(axis=0)
            d_z = d_a @ self.params["W"]
            d_h, d_in[:, t] = d_z[:, :n], d_z[:, n:]
        return d_in
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "verdict"), [("", "pass"), ("self.grads['W'] += 2 * d_a.T @ z", "fail")], ids=["right", "a factor"]
)
def test_a_recurrent_layer(tmp_path: Path, wrong: str, verdict: str) -> None:
    """Which loss its gradients are of, and whether it is linear in what it is handed, is told in spite of rounding."""
    file = tmp_path / "layer.py"
    right = 'self.grads["W"] += d_a.T @ z'
    file.write_text(RECURRENT.replace(right, wrong or right))
    report = gradcheck.check(f"{file}:Recurrent", properties=True)
    assert report.verdict.value == verdict, str(report)
    assert report.loss is not None
    assert report.loss.expression == "np.sum(out * upstream)"
