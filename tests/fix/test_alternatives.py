"""Two edits that are both proven: both are shown, and one is written only if they are the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import gradcheck
from gradcheck.fix import alternatives
from gradcheck.fix.alternatives import differences, made_of
from gradcheck.fix.edit import Edit
from gradcheck.render import render_json, render_markdown, render_text
from gradcheck.report import Report

NET = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, W1, W2 = inputs(m, seed)",
    "call": "step(x, y, W1, W2)",
    "sizes": {"m": 5},
}}}


def inputs(m, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=n) for n in [(m, 3), (m, 2), (3, 4), (4, 2)]]


def step(x, y, W1, W2):
    Z1 = x @ W1
    A1 = np.maximum(Z1, 0)
    out = A1 @ W2
    loss = 0.5 * ((out - y) ** 2).sum()
    dout = out - y
    dW2 = A1.T @ dout
    dA1 = dout @ W2.T
    dZ1 = dA1
    dW1 = x.T @ dZ1
    return loss, dW1, dW2
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET)
    return tmp_path / "net.py"


def checked(path: Path) -> Report:
    return gradcheck.check(str(path), properties=False)


def test_both_are_shown_and_the_first_is_written_if_they_are_the_same(path: Path) -> None:
    report = checked(path)
    (finding,) = report.findings
    assert finding.fix is not None
    (other,) = finding.fix.alternatives
    assert {finding.fix.new, other.new} == {"dZ1 = dA1 * (Z1 > 0)", "dZ1 = dA1 * (A1 > 0)"}
    assert (other.same, other.apart) == (True, "the same on every draw")
    assert [f"    {finding.fix.new}\n" in patch.new for patch in report.patches] == [True]
    lines = [line.strip() for line in render_text(report).splitlines()]
    at = lines.index(f"or |     {other.new}")
    assert lines[at - 1].startswith("fix |")
    assert lines[at + 1] == other.apart
    told = json.loads(render_json(report))["findings"][0]["fix"]["alternatives"]
    assert told == [{"new": other.new, "diff": other.diff, "same": True, "apart": other.apart}]
    assert f"Or `{other.new}`: the same on every draw." in render_markdown(report)


def test_neither_is_written_if_they_are_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alternatives, "differences", lambda a, b: iter([("dZ1", "by the factor 2")]))
    report = checked(path)
    assert report.patches == ()
    assert [f.fix is not None and f.fix.decided for f in report.findings] == [False]
    note = "--fix leaves line 23 as it is: two edits are proven that are not the same; dZ1 differs by the factor 2"
    assert note in report.notes


def test_what_differs_and_by_how_much() -> None:
    a = np.array([1.0, 2.0, -3.0])
    one = {0: {"dW": a, "db": a}, 1: {"dW": a}}
    assert list(differences(one, {0: {"dW": a * (1 + 1e-14), "db": a}})) == []
    assert list(differences(one, {0: {"dW": a, "db": 2 * a}})) == [("db", "by the factor 2")]
    assert list(differences(one, {1: {"dW": a + np.eye(3)[1]}})) == [("dW", "")]
    assert list(differences(one, {1: {"dW": a[:2]}})) == [("dW", "in shape")]


def test_the_same_things_in_another_order_are_no_other_edit() -> None:
    first, turned, other = (Edit(t, "axis", 1.0) for t in ("d.sum(axis=0) / m", "d.T.sum(axis=1) / m", "d.sum(0) / n"))
    assert made_of(first) == made_of(turned) != made_of(other)
    assert made_of(Edit("d.sum(axis=0) / m * 1", "literal", 1.0)) == made_of(first)
