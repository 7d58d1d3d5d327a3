"""An update that is missing for one parameter is put in as the others have theirs, and only if the step then goes."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck
from gradcheck.compare import Verdict
from gradcheck.render import render_text
from gradcheck.report import Report

NET = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, p = inputs(m, seed)",
    "call": "step(x, y, p)",
    "sizes": {"m": 5},
}}}


def inputs(m, seed):
    rng = np.random.default_rng(seed)
    shapes = {"W1": (3, 4), "b1": (4,), "W2": (4, 2), "b2": (2,)}
    return rng.normal(size=(m, 3)), rng.normal(size=(m, 2)), {k: rng.normal(size=n) for k, n in shapes.items()}


def step(x, y, p, lr=0.1):
    h = np.tanh(x @ p["W1"] + p["b1"])
    out = h @ p["W2"] + p["b2"]
    loss = 0.5 * ((out - y) ** 2).sum()
    dout = out - y
    g = {"W2": h.T @ dout, "b2": dout.sum(axis=0)}
    dz = (dout @ p["W2"].T) * (1 - h**2)
    g["W1"] = x.T @ dz
    g["b1"] = dz.sum(axis=0)
    p["W1"] -= lr * g["W1"]  # down the gradient
    p["b1"] -= lr * g["b1"]
    p["W2"] -= lr * g["W2"]
    p["b2"] -= lr * g["b2"]
    return loss
"""


def checked(path: Path, text: str) -> Report:
    path.write_text(text, newline="")
    return gradcheck.check(str(path), properties=False)


@pytest.mark.parametrize(("name", "end"), [("W1", "\n"), ("W2", "\r\n")])
def test_in_its_place_and_in_the_form_of_the_others(tmp_path: Path, name: str, end: str) -> None:
    (line,) = (row for row in NET.splitlines() if row.startswith(f'    p["{name}"] -='))
    report = checked(tmp_path / "net.py", NET.replace(f"{line}\n", "").replace("\n", end))
    assert report.verdict is Verdict.PASS
    (finding,) = [f for f in report.findings if f.code == "GC604"]
    assert finding.fix is not None
    (patch,) = report.patches
    assert patch.new == NET.replace("  # down the gradient", "").replace("\n", end) or name != "W1"
    assert patch.new == NET.replace("\n", end) or name != "W2"
    assert (finding.fix.old, finding.fix.new) == ("", line.partition("  #")[0].strip())
    shown = render_text(report)
    assert f"new {finding.fix.line} | {finding.fix.new}   proven on 3 fresh batches" in shown
    assert "gradcheck run" in shown
    assert "--fix" in shown


def test_one_line_of_a_loop_moves_them_all(tmp_path: Path) -> None:
    row = "        W[i] -= lr * dW[i]\n"
    assert row in LISTS
    report = checked(tmp_path / "net.py", LISTS.replace(row, ""))
    assert [f.tensor for f in report.findings if f.code == "GC604"] == ["W[0]", "W[1]"]
    assert [patch.new for patch in report.patches] == [LISTS]


LISTS = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, W, b = inputs(m, seed)",
    "call": "step(x, y, W, b)",
    "sizes": {"m": 5},
}}}


def inputs(m, seed):
    rng = np.random.default_rng(seed)
    W = [rng.normal(size=n) for n in [(3, 4), (4, 2)]]
    return rng.normal(size=(m, 3)), rng.normal(size=(m, 2)), W, [rng.normal(size=n) for n in (4, 2)]


def step(x, y, W, b, lr=0.1):
    h = np.tanh(x @ W[0] + b[0])
    out = h @ W[1] + b[1]
    loss = 0.5 * ((out - y) ** 2).sum()
    dout = out - y
    dz = (dout @ W[1].T) * (1 - h**2)
    dW = [x.T @ dz, h.T @ dout]
    db = [dz.sum(axis=0), dout.sum(axis=0)]
    for i in range(2):
        W[i] -= lr * dW[i]
        b[i] -= lr * db[i]
    return loss
"""


def test_where_the_others_move_otherwise_nothing_is_put_in(tmp_path: Path) -> None:
    text = NET.replace('    p["W2"] -= lr * g["W2"]\n', "").replace("lr * g", "lr * np.sign(g")
    text = (
        text.replace('"]  # down', '"])  # down')
        .replace('g["b1"]\n    p', 'g["b1"])\n    p')
        .replace('g["b2"]\n    return', 'g["b2"])\n    return')
    )
    report = checked(tmp_path / "net.py", text)
    (finding,) = [f for f in report.findings if f.code == "GC604"]
    assert finding.fix is None
    assert report.patches == ()
