"""Values of another step of time: which one it is, which is due, and where the forward uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck
from gradcheck.report import Report

CASE = (Path(__file__).parents[1] / "cases" / "right_time_in_dictionaries.py").read_text()
UNNAMED = """
import numpy as np

rng = np.random.default_rng(0)
T, m, d, k = 4, 3, 2, 4
x, y = rng.normal(size=(T, m, d)), rng.normal(size=(T, m, 2))
Wx, Wh, Wy = (0.6 * rng.normal(size=s) for s in ((d, k), (k, k), (k, 2)))


def train(x, y, lr=0.05):
    global Wx, Wh, Wy
    hs, outs = np.zeros((T + 1, m, k)), np.zeros((T, m, 2))
    for t in range(T):
        hs[t + 1] = np.tanh(x[t] @ Wx + hs[t] @ Wh)
        outs[t] = hs[t + 1] @ Wy
    loss = 0.5 * np.sum((outs - y) ** 2) / m
    dWx, dWh, dWy = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(Wy)
    ahead = np.zeros((m, k))
    for t in reversed(range(T)):
        error = (outs[t] - y[t]) / m
        dWy += hs[t + 1].T @ error
        back = error @ Wy.T + ahead
        within = back * (1 - hs[t + 1] ** 2)
        dWx += x[t].T @ within
        dWh += hs[t].T @ within
        ahead = within @ Wh.T
    Wx, Wh, Wy = Wx - lr * dWx, Wh - lr * dWh, Wy - lr * dWy
    return loss


for epoch in range(2):
    train(x, y)
"""


def checked(tmp_path: Path, text: str, right: str, wrong: str, *, fixes: bool = False) -> Report:
    assert text.count(right) == 1
    path = tmp_path / "net.py"
    path.write_text(text.replace(right, wrong))
    return gradcheck.check(str(path), properties=False, fixes=fixes)


def line(text: str, part: str) -> int:
    return 1 + text[: text.index(part)].count("\n")


@pytest.mark.slow
def test_what_is_carried_on_from_another_step_is_told_from_the_paths_alone(tmp_path: Path) -> None:
    report = checked(tmp_path, CASE, "dnext[t + 1]", "dnext[t + 2]")
    found = {f.tensor: f for f in report.findings}
    assert found["dh[2]"].code == "GC362"  # the last step but one has nothing in the place of its own
    assert (found["dh[0]"].code, found["dh[1]"].code) == ("GC364", "GC364")
    assert found["dh[0]"].headline == "dh[0] carries on what comes through z[2] where z[1] is due"
    assert found["dh[0]"].evidence["lines"] == [line(CASE, "z[t] = x[t]")]
    assert found["dh[0]"].message == (
        f"h[0] is used at {found['dh[0]'].file}:30 to compute z[1], and dh[0] should have what comes back through that."
        " In its place it has exactly what h[1], of another step, gets back through z[2]: with its own, dh[0] agrees"
        " with the numeric derivative along every direction tried."
    )


@pytest.mark.slow
def test_what_lacks_a_path_is_not_said_to_have_anothers(tmp_path: Path) -> None:
    report = checked(tmp_path, CASE, " + dnext[t + 1]", "")
    assert {f.code for f in report.findings if f.severity == "error"} == {"GC362"}


@pytest.mark.slow
def test_a_value_of_another_step_in_a_line_is_named_with_where_it_is_used(tmp_path: Path) -> None:
    report = checked(tmp_path, CASE, "h[t - 1].T @ dz[t]", "h[t].T @ dz[t]", fixes=True)
    (found,) = [f for f in report.findings if f.severity == "error"]
    assert (found.code, found.tensor) == ("GC364", "dWh")
    assert found.headline == "dWh takes h[t] where h[t - 1] is due, of another step of time"
    assert f"; p[1] is used at {found.file}:30." in found.message
    assert found.fix is not None
    assert found.fix.new == "dWh += h[t - 1].T @ dz[t]"


@pytest.mark.parametrize(
    ("wrong", "codes"),
    [
        ("error @ Wy.T", {"GC362"}),
        ("ahead", {"GC362", "GC901"}),  # the last state of all has a single use, and nothing of it is there
        ("error @ Wy.T + 2 * ahead", {"GC363"}),
    ],
)
def test_a_line_of_a_loop_back_is_judged_without_a_gradients_name(wrong: str, codes: set[str], tmp_path: Path) -> None:
    report = checked(tmp_path, UNNAMED, "error @ Wy.T + ahead", wrong)
    found = [f for f in report.findings if f.severity == "error"]
    assert {(f.line, f.code) for f in found} == {(line(UNNAMED, "back = "), code) for code in codes}, str(report)
    assert {c.verdict.value for c in report.comparisons if c.name in ("dWx", "dWh")} == {"inherited"}
    text = str(report)  # what the line gets wrong at several turns is told once
    assert [text.count(f"{code}  back") for code in codes] == [1] * len(codes)
    assert "the same at other turns of the loop: back[" in text
