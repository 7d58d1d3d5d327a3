"""GC608: a parameter that is set to its step; what only holds a step under a parameter's name is none."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """
import numpy as np

rng = np.random.default_rng(0)
x, y = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
W, b = START, rng.normal(size=3)
step, params = {}, {"W": W}
for _ in range(3):
    W = params["W"]
    z = x @ W + b
    loss = ((z - y) ** 2).sum() / len(x)
    dz = 2 * (z - y) / len(x)
    dW = x.T @ dz
    UPDATE
    b -= 0.1 * dz.sum(axis=0)
"""


def errors(folder: Path, update: str, start: str = "rng.normal(size=(4, 3))") -> list[gradcheck.Finding]:
    file = folder / "net.py"
    file.write_text(NET.replace("UPDATE", update).replace("START", start))
    report = gradcheck.check(str(file), properties=False)
    assert {"dW": "pass"}.items() <= {c.name: str(c.verdict) for c in report.comparisons}.items()
    return [f for f in report.findings if f.severity == "error"]


@pytest.mark.parametrize("wrong", ["W = -0.1 * dW", "W = -(0.1 * dW) / 2"])
def test_what_is_left_is_the_step_alone(tmp_path: Path, wrong: str) -> None:
    (finding,) = errors(tmp_path, wrong)
    assert (finding.code, finding.line) == ("GC608", 14)


def test_a_gradient_without_a_name_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        NET.replace("UPDATE", "W = -0.1 * (x.T @ dz)")
        .replace("    dW = x.T @ dz\n", "")
        .replace("START", "rng.normal(size=(4, 3))")
    )
    (finding,) = (f for f in gradcheck.check(str(file), properties=False).findings if f.severity == "error")
    assert (finding.code, finding.headline) == ("GC608", "W is set to its step")


@pytest.mark.parametrize(
    "right",
    [
        "W = W - 0.1 * dW",
        'params["W"] = params["W"] - 0.1 * dW',
        'step["W"] = -0.1 * dW; W = W + step["W"]',
        'step["W"] = 0.1 * dW; params["W"] = params["W"] - step["W"]',
        "W = 0.9 * W - 0.1 * dW",
    ],
)
def test_steps_that_are_kept_before_they_are_taken(tmp_path: Path, right: str) -> None:
    assert errors(tmp_path, right) == []


def test_a_parameter_that_begins_at_zero_is_its_step_after_the_first_one(tmp_path: Path) -> None:
    assert errors(tmp_path, "W = W - 0.1 * dW", start="np.zeros((4, 3))") == []
