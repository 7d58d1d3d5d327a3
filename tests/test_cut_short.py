"""What is told where time runs out: never a pass or a failure that was not settled, and never gradcheck's own place."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck
from gradcheck import pipeline, resolve
from gradcheck.child import place
from gradcheck.compare import Verdict
from gradcheck.fix.proof import Trial
from gradcheck.options import Options
from gradcheck.probing import UNSETTLED
from gradcheck.report import Report

NET = """\
import numpy as np


def step(x=np.sin(np.arange(12)).reshape(3, 4), y=np.arange(6.0).reshape(3, 2), W=np.eye(4, 2) + 0.3):
    out = x @ W
    loss = ((out - y) ** 2).sum()
    dout = 2 * (out - y)
    dW = x.T @ dout.astype("float64")
    return loss, dW
"""


def report_of(folder: Path, old: str, new: str, told: list[Report]) -> Report:
    (folder / "net.py").write_text(NET.replace(old, new))
    target = resolve.resolve(f"{folder / 'net.py'}:step")
    return pipeline.run(target, Options(properties=False), progress=told.append)


def test_what_is_known_so_far_condemns_nothing(tmp_path: Path) -> None:
    told: list[Report] = []
    report = report_of(tmp_path, "x.T @ dout", "3 * x.T @ dout", told)
    first, last = told[0], told[-1]
    assert {c.verdict for c in first.comparisons} <= {Verdict.PASS, Verdict.INCONCLUSIVE}
    assert first.verdict is Verdict.INCONCLUSIVE
    assert [c.name for c in last.comparisons if c.verdict is Verdict.FAIL] == ["dW"]  # by then it is settled
    assert report.verdict is Verdict.FAIL


def test_a_gradient_that_differs_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "PAUSE", 0.0)
    told: list[Report] = []
    report_of(tmp_path, "x.T @ dout", "3 * x.T @ dout", told)
    assert {c.name: (c.verdict.value, c.reason) for c in told[1].comparisons}["dW"] == ("inconclusive", UNSETTLED)


@pytest.mark.parametrize(("over", "verdict"), [("", "pass"), ("time limit reached", "inconclusive")])
def test_round_off_that_there_is_no_time_to_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over: str, verdict: str
) -> None:
    monkeypatch.setattr(Trial, "over", lambda _: over)
    (tmp_path / "net.py").write_text(NET.replace("float64", "float32"))
    report = gradcheck.check(f"{tmp_path / 'net.py'}:step", properties=False)
    assert report.verdict.value == verdict, str(report)


@pytest.mark.parametrize(("frames", "where"), [(("net.py",), "net.py:7, in f"), ((), "")])
def test_the_place_is_the_users(tmp_path: Path, frames: tuple[str, ...], where: str) -> None:
    """Behind the frame at which the child began come those of a console script."""
    entry = Path(place.__file__).with_name("inside.py")
    lines = [f'  File "{Path(pipeline.__file__)}", line 3 in run', *(f'  File "{f}", line 7 in f' for f in frames)]
    lines += [f'  File "{entry}", line 9 in enter', '  File "/usr/local/bin/gradcheck", line 8 in <module>']
    (tmp_path / "where").write_text("\n".join(lines))
    assert place.read(tmp_path) == where
