"""What must not be said: near misses that are no page's own."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize("seed", range(4))
def test_a_step_that_is_only_round_off_goes_nowhere(seed: int) -> None:
    """A bias before batch norm has no gradient: what its update comes to is noise, and no way up."""
    report = gradcheck.check(str(CASES / "right_batch_norm.py"), seed=seed, properties=False)
    assert report.verdict.value == "pass", str(report)
    assert not [f for f in report.findings if f.code.startswith("GC60")]


def test_zeros_that_stay_zeros_are_no_relu(tmp_path: Path) -> None:
    """A state that begins with zeros is max(zeros, 0) by chance."""
    text = (CASES / "right_softmax_tanh.py").read_text(encoding="utf-8")
    (tmp_path / "net.py").write_text(
        text.replace("    Z1 = x @ W1", "    H0 = np.zeros((len(x), 4))\n    H1 = 1.0 * H0\n    Z1 = H1 + x @ W1"),
        encoding="utf-8",
    )
    report = gradcheck.check(str(tmp_path / "net.py"), properties=False)
    assert report.verdict.value == "pass", str(report)
    assert "GC641" not in {f.code for f in report.findings}


def test_zeros_that_a_sum_begins_with_are_no_relu(tmp_path: Path) -> None:
    """max(z, 0) of anything negative is zero, and so is what gradients are added to."""
    text = (CASES / "right_softmax_tanh.py").read_text(encoding="utf-8")
    first = (
        "    low = -np.exp(x[:, :1] @ np.ones((1, 4)))\n    G = np.zeros((len(x), 4))\n    Z1 = 0 * low + G + x @ W1"
    )
    (tmp_path / "net.py").write_text(text.replace("    Z1 = x @ W1", first), encoding="utf-8")
    report = gradcheck.check(str(tmp_path / "net.py"), properties=False)
    assert report.verdict.value == "pass", str(report)
    assert "GC641" not in {f.code for f in report.findings}
