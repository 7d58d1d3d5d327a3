"""Of several lines that make a gradient the one is blamed that takes the smallest edit."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

HINGE = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "X, labels, W = inputs(m, d, c, seed)",
    "call": "step(X, labels, W)",
    "sizes": {"m": 6, "d": 4, "c": 3},
}}}


def inputs(m, d, c, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.integers(c, size=m), rng.normal(size=(d, c))


def step(X, labels, W, lr=0.05):
    m = X.shape[0]
    scores = X @ W
    margins = np.maximum(0, scores - scores[np.arange(m), labels][:, None] + 1)
    margins[np.arange(m), labels] = 0
    loss = np.sum(margins) / m
    dscores = (margins > 0).astype(float)
    dscores[np.arange(m), labels] = -dscores.sum(axis=1)
    dscores /= m
    dW = X.T @ dscores
    W -= lr * dW
    return loss
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dscores = (margins > 0).astype(float)", "dscores = -(margins > 0).astype(float)"),
        ("dscores /= m", "dscores /= -m"),
    ],
)
def test_the_line_with_the_smaller_edit_is_blamed(right: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(HINGE.replace(right, wrong))
    report = gradcheck.check(str(path), properties=False)
    (found,) = [f for f in report.findings if f.severity == "error"]
    line = 1 + HINGE[: HINGE.index(right)].count("\n")
    assert (found.tensor, found.line, found.fix and found.fix.new) == ("dscores", line, right), str(report)
    assert {c.name: (c.verdict.value, c.line) for c in report.comparisons}["dscores"] == ("fail", line)


PENALISED = HINGE.replace("/ m\n    dscores =", "/ m + 0.1 * np.sum(W * W)\n    dscores =").replace(
    "    dW = X.T @ dscores\n", "    dW = X.T @ dscores\n    dW += 0.2 * W\n"
)


@pytest.mark.parametrize("wrong", ["dW = 2 * (X.T @ dscores)", "dW = X.T @ margins"])
def test_a_first_line_is_blamed_though_a_term_on_the_next_would_make_up_for_it(wrong: str, tmp_path: Path) -> None:
    right, path, sound = "dW = X.T @ dscores", tmp_path / "net.py", tmp_path / "sound.py"
    sound.write_text(PENALISED)
    assert gradcheck.check(str(sound), properties=False).verdict.value == "pass"
    path.write_text(PENALISED.replace(right, wrong))
    report = gradcheck.check(str(path), properties=False)
    (found,) = [f for f in report.findings if f.severity == "error"]
    line = 1 + PENALISED[: PENALISED.index(right)].count("\n")
    assert (found.tensor, found.line, found.fix and found.fix.new) == ("dW", line, right), str(report)
