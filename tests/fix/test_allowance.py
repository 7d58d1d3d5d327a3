"""The search for edits ends after its second, by a clock of the test's own, and what is left out is said."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

import gradcheck
from gradcheck.fix import allowance
from gradcheck.fix.allowance import Share

LAYER = """\
import numpy as np


class Layer:
    def __init__(self, n_in, n_out):
        rng = np.random.default_rng(0)
        self.W = rng.normal(size=(n_in, n_out))
        self.b = rng.normal(size=n_out)

    def forward(self, x):
        self.x, self.out = x, np.tanh(x @ self.W + self.b)
        return self.out

    def backward(self, dout):
        dz = dout * (1 - self.out**2)
        self.dW = self.x.T @ dz
        self.db = dz.sum(axis=1)
        return dz @ self.W.T
"""


def ticking(monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[float]:
    """A clock that moves on by so much each time that it is read, and what was read off it."""
    read: list[float] = []
    times = count()

    def clock() -> float:
        read.append(next(times) * seconds)
        return read[-1]

    monkeypatch.setattr(allowance, "clock", clock)
    return read


@pytest.fixture(autouse=True)
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("layer.py").write_text(LAYER)


def checked() -> gradcheck.Report:
    return gradcheck.check("layer.py", properties=False)


def told(report: gradcheck.Report) -> list[str]:
    return [note for note in report.notes if "search for an edit" in note]


def test_a_search_that_has_time_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ticking(monkeypatch, 0.0)
    report = checked()
    (finding,) = report.findings
    assert finding.fix is not None
    assert finding.fix.new == "self.db = dz.sum(axis=0)"
    assert not told(report)


def test_a_search_ends_after_its_second_and_only_the_fix_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    all_read = ticking(monkeypatch, 0.0)
    whole = checked()
    read = ticking(monkeypatch, 0.3)
    report = checked()
    (finding,), (before,) = report.findings, whole.findings
    assert (finding.severity, finding.tensor, finding.line) == (before.severity, before.tensor, before.line)
    assert finding.fix is None
    assert before.fix is not None
    assert [c.verdict for c in report.comparisons] == [c.verdict for c in whole.comparisons]
    assert not report.patches
    assert told(report) == [
        "the search for an edit of layer.py:17 ended when its time was up, with edits left untried: fewer turns of a"
        " loop or smaller arrays, e.g. by --call or --batch, make each cheaper to try"
    ]
    assert len(read) < len(all_read) / 2  # a line and the lines above it: a few readings each, and no more tries


def test_what_is_found_when_time_is_up_is_still_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    ticking(monkeypatch, 1 / 60)
    (finding,) = checked().findings
    assert finding.fix is not None
    assert finding.fix.verified


def test_time_within_time_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ticking(monkeypatch, 0.25)
    share = Share()
    with share.counted():
        with share.counted():
            assert list(share.within("abcdef")) == ["a", "b", "c"]
        assert share.cut
        assert list(share.within("abc", least=1)) == ["a"]


def test_a_part_leaves_the_rest_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ticking(monkeypatch, 0.25)
    share = Share()
    with share.counted():
        assert list(share.within("abcdef", part=0.5)) == ["a"]
        assert list(share.within("abcdef")) == ["a"]
