"""Small numbers that guard a division on one side only are no bug, and hide none."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradcheck
from gradcheck.fix.guards import GUARDS
from gradcheck.report import Report
from gradcheck.small_numbers import added

NET = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, W1, W2 = inputs(m, seed)",
    "call": "step(x, y, W1, W2)",
    "sizes": {"m": 6},
}}}


def inputs(m, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, 4)), rng.integers(0, 2, (m, 1)) * 1.0, rng.normal(size=(4, 5)), rng.normal(size=(5, 1))


def step(x, y, W1, W2, eps=1e-8):
    m = len(x)
    Z1 = x @ W1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2
    A2 = 1 / (1 + np.exp(-Z2))
    loss = -(y * np.log(A2) + (1 - y) * np.log(1 - A2)).mean()
    dA2 = (1 - y) / (1 - A2 + eps) - y / (A2 + eps)
    dZ2 = dA2 * A2 * (1 - A2)
    dW2 = A1.T @ dZ2 / m
    dZ1 = dZ2 @ W2.T * (1 - A1**2)
    dW1 = x.T @ dZ1 / m
    return loss, dW1, dW2
"""


def checked(tmp_path: Path, *edits: tuple[str, str]) -> Report:
    text = NET
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "net.py").write_text(text)
    return gradcheck.check(str(tmp_path / "net.py"), properties=False)


def codes(report: Report) -> dict[str, str]:
    return {f.code: f.severity for f in report.findings}


def test_a_guard_in_the_gradient_alone_is_right_within_what_can_be_seen(tmp_path: Path) -> None:
    report = checked(tmp_path)
    assert report.verdict.value == "pass", str(report)
    assert codes(report)["GC613"] == "warning"
    (finding,) = [f for f in report.findings if f.code == "GC613"]
    assert "1e-08 at line 22" in finding.message
    (dW1,) = [c for c in report.comparisons if c.name == "dW1"]
    assert dW1.max_rel_error is not None
    assert dW1.error_estimate is not None
    assert dW1.resolution is not None
    assert 1e-9 < dW1.max_rel_error <= dW1.error_estimate <= dW1.resolution / 10 < 1e-5


@pytest.mark.parametrize(
    "loss",
    ["np.log(A2 + eps) + (1 - y) * np.log(1 - A2 + eps)", "np.log((A2 + eps) / (1 + eps)) + (1 - y) * np.log(1 - A2)"],
)
def test_a_guard_in_the_loss(loss: str, tmp_path: Path) -> None:
    """With the gradient's own beside it, or one of another form."""
    report = checked(tmp_path, ("np.log(A2) + (1 - y) * np.log(1 - A2)", loss))
    assert report.verdict.value == "pass", str(report)


def test_an_error_of_the_same_size_is_none(tmp_path: Path) -> None:
    report = checked(tmp_path, ("dW2 = A1.T @ dZ2 / m", "dW2 = 1.00000003 * A1.T @ dZ2 / m"))
    assert [c.name for c in report.comparisons if c.verdict.value == "fail"] == ["dW2"], str(report)


def test_a_larger_number_belongs_into_the_gradient(tmp_path: Path) -> None:
    assert checked(tmp_path, ("eps=1e-8", "eps=1e-5")).verdict.value == "fail"


def test_another_error_is_found_and_repaired_beside_it(tmp_path: Path) -> None:
    report = checked(tmp_path, ("* (1 - A1**2)", "* (1 - A1)"))
    assert {c.name: c.verdict.value for c in report.comparisons} == {
        **dict.fromkeys(["dA2", "dZ2", "dW2"], "pass"),
        "dZ1": "fail",
        "dW1": "inherited",
    }
    (wrong,) = [f for f in report.findings if f.severity == "error"]
    assert wrong.category == "wrong-activation-derivative"
    assert wrong.fix is not None
    assert wrong.fix.new.strip() == "dZ1 = dZ2 @ W2.T * (1 - A1**2)"
    (patch,) = report.patches
    assert "eps" in patch.new, "the guard is left out of the check, not of the file"
    assert codes(report)["GC613"] == "warning"


NAMED = "class N:\n    def __init__(self, epsilon=1e-7):\n        self.eps = epsilon\n    def f(self, v):\n"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a / (b + 1e-8)", [1e-8]),
        ("EPS = 1e-12\nnp.log(p + EPS)", [1e-12]),
        (NAMED + "        return v / (self.eps + 2)", [1e-7]),
        ("w = w - 1e-7 * g", []),
        ("1 / (a + 1e-3)", []),
        ("dW = x.T @ dz + 1e-8", []),
        ("(v + 1e-10) ** -0.5 * np.sqrt(s + 1e-9)", [1e-10, 1e-9]),
        ("lr = 1e-7\nw = lr * g + w", []),
        ("np.log(p + np.float32(1e-7))", [1e-7]),
        ("dt = np.float32\nnp.log(p + dt(1e-7)) / np.log(dt(3e-4) + p)", [1e-7]),
        ("class C:\n    eps: float = 1e-9\nnp.log(p + c.eps)", [1e-9]),
        ("np.log(p + 10**-8)", [1e-8]),
        ("np.sqrt(v + np.finfo(np.float32).eps)", [2.0**-23]),
        ("np.log(p + np.sin(1e-7))", []),
        ("def f(*, e=1e-9):\n    return 1 / (x + e)", [1e-9]),
    ],
)
def test_which_numbers_are_guards(text: str, numbers: list[float]) -> None:
    assert [number for _, number in added(ast.parse(text))] == numbers


@given(st.sampled_from(["1e-8", "0.0000001", "eps", "E", "self.eps"]), st.sampled_from(["", "é", "  "]))
def test_taking_them_out_moves_nothing(guard: str, before: str) -> None:
    text = f"E = eps = 1e-9\nself.eps = eps\ny = '{before}'; z = a / (b + {guard}) + f(q)\n"
    without = GUARDS.without(text)
    assert len(without) == len(text)
    assert [n.col_offset for n in ast.walk(ast.parse(without)) if isinstance(n, ast.Call)] == [
        n.col_offset for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)
    ]
    scope = {"a": 3.0, "b": 2.0, "f": lambda q: 0.0, "q": 0, "self": type("Self", (), {})()}
    exec(without, scope)
    assert scope["z"] == np.float64(1.5)
