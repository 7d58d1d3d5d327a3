"""Gradients that are written into by other means than a subscript: seen as they are in the end, right or wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

STEP = """
import numpy as np

rng = np.random.default_rng(0)
x, y, W, b = rng.normal(size=(5, 4)), rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.normal(size=3)
ids, E = np.array([0, 2, 2, 1, 0]), rng.normal(size=(3, 4))

def helper(g):
    g.fill(1)

def step(x, y, W, b, E):
    h = E[ids] + x
    out = h @ W + b
    loss = ((out - y) ** 2).sum() / 2
    dout = out - y
{backward}
"""
RIGHT = """\
    dW = h.T @ dout
    db = dout.sum(axis=0)
    dh = dout @ W.T
    dE = np.zeros_like(E)
    np.add.at(dE, ids, dh)
    print(dE, dW)
"""


def report_on(tmp_path: Path, backward: str) -> gradcheck.Report:
    file = tmp_path / "net.py"
    file.write_text(STEP.format(backward=backward))
    return gradcheck.check(f"{file}:step", call="step(x, y, W, b, E)")


def checked(tmp_path: Path, backward: str) -> dict[str, str]:
    return {c.name: c.verdict.value for c in report_on(tmp_path, backward).comparisons}


@pytest.mark.parametrize(
    "line",
    [
        "dW.flat[1] = 9",
        "dW.T[0, 1] = 9",
        "dW[0][1] = 9",
        "dW.ravel()[1] += 9",
        "dW.fill(0)",
        "np.put(dW, 1, 9)",
        "np.multiply(dW, 2, out=dW)",
        "np.multiply(dW[0], 2, out=dW[0])",
        "np.add.at(dW, 0, 1.0)",
        "np.copyto(dW, dW.mean())",
        "np.fill_diagonal(dW, 9)",
        "np.putmask(dW, dW > 0, 9)",
        "dW.sort(axis=0)",
        "v = dW[0]; v += 1",
        "v = dW.reshape(-1); v[1] = 9",
        "helper(dW)",
        "dW = np.rint(1000 * dW).astype(int)",
    ],
)
def test_a_wrong_edit_is_seen(tmp_path: Path, line: str) -> None:
    assert checked(tmp_path, f"{RIGHT}    {line}\n") == {
        "dout": "pass", "dW": "fail", "db": "pass", "dh": "pass", "dE": "pass",
    }  # fmt: skip


def test_rows_of_a_loop_are_the_array(tmp_path: Path) -> None:
    loop = "    for row in dW:\n        row *= 2\n"
    assert checked(tmp_path, RIGHT + loop)["dW"] == "fail"


@pytest.mark.parametrize("edit", ["np.multiply(dW, 2, out=dW)", "dW[...] = 2 * dW"])
def test_the_line_that_spoils_it_is_at_fault(tmp_path: Path, edit: str) -> None:
    report = report_on(tmp_path, f"{RIGHT}    {edit}\n")
    (finding,) = report.findings
    assert (finding.tensor, str(finding.source).strip()) == ("dW", edit)


def test_an_entry_that_a_loop_reaches_is_spoiled_at_its_line(tmp_path: Path) -> None:
    edit = "        np.multiply(grads[k], 2, out=grads[k])"
    loop = f"    grads = dict(W=dW, b=db)\n    for k in grads:\n{edit}\n    print(grads)\n"
    found = {c.name: (c.verdict.value, c.line) for c in report_on(tmp_path, RIGHT + loop).comparisons}
    at = STEP.format(backward=RIGHT + loop).splitlines().index(edit) + 1
    assert (found["dW"], found["db"]) == (("fail", at), ("fail", at))


def test_the_line_before_it_is_at_fault_where_it_was_wrong_already(tmp_path: Path) -> None:
    backward = RIGHT.replace("h.T @ dout", "2 * h.T @ dout") + "    np.multiply(dW, 1, out=dW)\n"
    (finding,) = report_on(tmp_path, backward).findings
    assert str(finding.source).strip() == "dW = 2 * h.T @ dout"


@pytest.mark.parametrize(("factor", "verdict"), [("1", "pass"), ("2", "fail")])
def test_clipping_is_no_fault_and_hides_none(tmp_path: Path, factor: str, verdict: str) -> None:
    clipped = f"    dW *= {factor}\n    _ = np.clip(dW, -1e-3, 1e-3, out=dW)\n"
    (dW,) = (c for c in report_on(tmp_path, RIGHT + clipped).comparisons if c.name == "dW")
    assert dW.verdict.value == verdict
    assert ("before it is clipped" in dW.reason) == (verdict == "pass")


@pytest.mark.parametrize(
    "lines",
    [
        "dW = np.empty_like(W)\n    np.matmul(h.T, dout, out=dW)",
        "dW = np.zeros(W.size)\n    dW = dW.reshape(W.shape)\n    dW.flat[:] = (h.T @ dout).ravel()",
        "dW = np.zeros_like(W)\n    np.copyto(dW, h.T @ dout)",
        "dW = np.zeros_like(W)\n    for row, column in zip(dW, h.T):\n        row += column @ dout",
        "dW = h.T @ dout\n    helper(dW.copy())",
    ],
)
def test_a_right_one_too(tmp_path: Path, lines: str) -> None:
    backward = RIGHT.replace("dW = h.T @ dout", lines)
    assert set(checked(tmp_path, backward).values()) == {"pass"}
