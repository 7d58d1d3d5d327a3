"""GC607: updates by something that is made of a right gradient; steps that an optimizer makes of it are none."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """
import numpy as np

rng = np.random.default_rng(0)
x, y = rng.normal(size=(7, 4)), rng.normal(size=(7, 3)) - 9
V, W, b, c = rng.normal(size=(4, 4)), rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(1, 3))
for _ in range(3):
    a = np.tanh(x @ V)
    z = a @ W + b + c
    loss = ((z - y) ** 2).sum() / len(x)
    dz = 2 * (z - y) / len(x)
    dW = a.T @ dz
    db = dz.sum(axis=0)
    dc = dz.sum(axis=0, keepdims=True)
    dV = x.T @ (dz @ W.T * (1 - a**2))
"""
UPDATES = {name: f"{name} -= 0.1 * d{name}" for name in "VWbc"}


def updated_by(folder: Path, *lines: str) -> gradcheck.Report:
    """The check of the network with these updates, and the plain one of every other parameter."""
    file = folder / "net.py"
    rest = [line for name, line in UPDATES.items() if not any(other.startswith(name) for other in lines)]
    file.write_text(NET + "".join(f"    {line}\n" for line in [*lines, *rest]))
    return gradcheck.check(str(file), properties=False)


@pytest.mark.parametrize(
    ("wrong", "what", "right"),
    [
        ("V -= 0.1 * dV.T", "the transpose of dV", "V -= 0.1 * dV"),
        ("W -= 0.1 * dW.sum(axis=0)", "dW summed over axis 0", "W -= 0.1 * dW"),
        ("W = W - 0.1 * dW.mean()", "the sum of dW", "W = W - 0.1 * dW"),
        ("W -= 0.1 * db", "db", "W -= 0.1 * dW"),
        ("b -= 0.1 * dz[0]", "dz[0]", "b -= 0.1 * db"),
        ("W -= 0.1 * dW[2]", "dW[2]", "W -= 0.1 * dW"),
        ("V -= 0.1 * dV[:, :1]", "dV[:, 0]", "V -= 0.1 * dV"),
        ("W -= 0.1 * W", "itself", "W -= 0.1 * dW"),
    ],
)
def test_what_an_update_takes_in_the_gradients_place(wrong: str, what: str, right: str, tmp_path: Path) -> None:
    report = updated_by(tmp_path, wrong)
    (finding,) = (f for f in report.findings if f.severity == "error")
    assert finding.code == "GC607"
    assert finding.headline == f"{wrong[0]} is updated with {what}"
    assert finding.fix is not None
    assert finding.fix.new == right


@pytest.mark.parametrize(
    "lines",
    [
        ("b -= 0.1 * np.sign(db)",),  # all of one sign: the step is as good as one number
        ("b -= 0.1 * db / np.sqrt(db**2 + 1e-8)",),
        ("W -= 0.1 * (dW - dW.mean(axis=0))",),
        ("g = np.concatenate([dW.ravel(), db])", "W -= 0.1 * g[:12].reshape(4, 3)", "b -= 0.1 * g[12:]"),
        ("c -= 0.1 * db",),
        ("W *= 0.99", "W -= 0.1 * dW"),
        ("W -= 0.01 * W + 0.1 * dW",),
    ],
)
def test_what_an_optimizer_makes_of_it_is_no_fault(lines: tuple[str, ...], tmp_path: Path) -> None:
    report = updated_by(tmp_path, *lines)
    assert report.verdict.value == "pass", str(report)
