"""Statements in the wrong order: which moves are tried, and that the one that is shown is proven."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import gradcheck
from gradcheck.capture.rewrite import Site
from gradcheck.fix.line import Line
from gradcheck.fix.order import orders
from gradcheck.patch import SourceText, spliced

STEP = """\
def step(x, W, V):
    a = x @ W
    dV = a.T @ dz
    V -= lr * dV
    dc = dz.sum(axis=0)
    da = dz @ V.T
    dy = dz * V
    return da @ W.T
"""


def ways(text: str, line: str, updates: str, guilty: tuple[str, ...] = ()) -> list[str]:
    """The texts that come of moving things around a line."""
    rows = [row.strip() for row in text.splitlines()]
    numbers = {row: i for i, row in enumerate(rows, 1)}
    source = SourceText("/net.py", text, "utf-8", "")
    found = next(n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.stmt) and n.lineno == numbers[line])
    value = found.value  # type: ignore[attr-defined]
    span = (value.lineno, value.col_offset, value.end_lineno, value.end_col_offset)
    site = Site(0, "", "assign", source.file, found.lineno, span, "step")
    start, end = source.offset(*span[:2]), source.offset(*span[2:])
    at_fault = {numbers[row] for row in (line, *guilty)}
    line_at_fault = Line(source, site, found, start, end, False)
    edits = sorted(orders(line_at_fault, {numbers[updates]}, at_fault), key=lambda e: e.cost)
    return [spliced(text, edit.around) for edit in edits]


def rows(text: str) -> list[str]:
    return [row.strip() for row in text.splitlines()]


def test_an_update_goes_behind_the_last_line_at_fault_that_reads_what_it_changes() -> None:
    first, second = ways(STEP, "da = dz @ V.T", "V -= lr * dV")
    assert rows(first)[2:6] == ["dV = a.T @ dz", "dc = dz.sum(axis=0)", "da = dz @ V.T", "V -= lr * dV"]
    assert rows(second)[2:6] == ["dV = a.T @ dz", "da = dz @ V.T", "V -= lr * dV", "dc = dz.sum(axis=0)"]
    first, _ = ways(STEP, "da = dz @ V.T", "V -= lr * dV", guilty=("dy = dz * V",))
    assert rows(first)[6] == "V -= lr * dV"


def test_a_line_that_does_not_read_what_changes_stays() -> None:
    assert ways(STEP, "dc = dz.sum(axis=0)", "V -= lr * dV") == []


def test_what_is_handed_back_is_computed_first() -> None:
    text = STEP.replace("V -= lr * dV", "W -= lr * dV")
    (made,) = ways(text, "return da @ W.T", "W -= lr * dV")
    assert rows(made)[3:5] == ["dx = da @ W.T", "W -= lr * dV"]
    assert rows(made)[-1] == "return dx"


def test_what_is_read_is_computed_first() -> None:
    text = STEP.replace("    dV = a.T @ dz\n", "").replace("return", "dV = a.T @ dz\n    return")
    text = text.replace("V -= lr * dV", "dW = x.T @ da")
    first, second = ways(text, "dW = x.T @ da", "dy = dz * V")
    assert rows(first)[2:4] == ["da = dz @ V.T", "dW = x.T @ da"]
    assert rows(second)[4:6] == ["dW = x.T @ da", "dy = dz * V"]


def test_entries_of_a_dictionary_are_told_apart() -> None:
    text = STEP.replace("V -=", 'p["V"] -=').replace("dz @ V.T", 'dz @ p["V"].T')
    assert len(ways(text, 'da = dz @ p["V"].T', 'p["V"] -= lr * dV')) == 2
    assert ways(text.replace('p["V"] -=', 'p["W"] -='), 'da = dz @ p["V"].T', 'p["W"] -= lr * dV') == []


LAYER = """\
import numpy as np


class Dense:
    def __init__(self, d, h):
        self.W = np.random.default_rng(0).normal(size=(d, h))
        self.b = np.zeros(h)

    def forward(self, x):
        self.x = x
        self.out = np.tanh(x @ self.W + self.b)
        return self.out

    def backward(self, dout):
        dz = dout * (1 - self.out**2)
        self.dW = self.x.T @ dz
        self.db = dz.sum(axis=0)
        self.W -= 0.1 * self.dW
        self.b -= 0.1 * self.db
        return dz @ self.W.T
"""


def test_a_layer_that_updates_itself_before_it_hands_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("layer.py").write_text(LAYER)
    report = gradcheck.check("layer.py", properties=False)
    (finding,) = [f for f in report.findings if f.severity == "error"]
    assert finding.fix is not None, str(report)
    (patch,) = report.patches
    right = LAYER.replace("dz @ self.W.T", "dx").replace(
        "        self.W -=", "        dx = dz @ self.W.T\n        self.W -="
    )
    assert patch.new == right
    assert finding.fix.summary == "put dx = dz @ self.W.T before line 18, and hand back dx"
    assert "+        return dx" in finding.fix.diff


LISTS = """\
import numpy as np

rng = np.random.default_rng(0)
x, y = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
W = [0.7 * rng.normal(size=s) for s in ((4, 4), (4, 4), (4, 3))]


def step(x, y, lr=0.1):
    A = [x]
    for i in range(3):
        A.append(np.tanh(A[-1] @ W[i]))
    loss = ((A[-1] - y) ** 2).sum()
    delta = 2 * (A[-1] - y) * (1 - A[-1] ** 2)
    for i in reversed(range(3)):
        dW = A[i].T @ delta
        back = delta @ W[i].T
        W[i] = W[i] - lr * dW
        delta = back * (1 - A[i] ** 2)
    return loss


for epoch in range(2):
    step(x, y)
"""
BACK = "        back = delta @ W[i].T\n"
UPDATE = "        W[i] = W[i] - lr * dW\n"


def test_in_a_list_of_layers_the_line_that_reads_a_moved_weight_is_blamed(tmp_path: Path) -> None:
    right, path = tmp_path / "right.py", tmp_path / "net.py"
    right.write_text(LISTS)
    assert gradcheck.check(str(right), properties=False).verdict.value == "pass"
    path.write_text(LISTS.replace(BACK + UPDATE, UPDATE + BACK))
    report = gradcheck.check(str(path), properties=False)
    found, *others = [f for f in report.findings if f.severity == "error"]
    assert {(f.code, f.line) for f in (found, *others)} == {("GC361", 17)}, str(report)
    headlines = {f.headline for f in (found, *others)}
    assert "back is computed from W[2] after its update" in headlines
    assert found.fix is not None
    assert found.fix.summary == "move line 16 behind line 17"
    verdicts = [c.verdict.value for c in report.comparisons if c.name.startswith("W")]
    assert verdicts == ["pass", "inherited", "inherited"]
