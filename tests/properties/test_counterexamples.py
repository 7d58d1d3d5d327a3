"""A counterexample is written out in full, with what the code computed and what is right; its line shows it again."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck import check
from gradcheck.compare import Verdict
from gradcheck.errors import UsageError
from gradcheck.options import Options
from gradcheck.properties import NAMES, reproduce, run_properties
from gradcheck.properties.drawing import written
from gradcheck.properties.strategies import driver_of

ROOT = Path(__file__).parents[2]
NETS = Path(__file__).parent / "nets"


def test_it_reads_like_an_exercise(opened: Any) -> None:
    (found,) = run_properties(opened("reference_net:original"), names=["gradients agree with numeric ones"])
    assert found.counterexample == (
        "m=1 d=1 h=1 c=2 seed 0\n"
        "x = [[0.64]]  y = [[0, 1]]  W1 = [[-1.26]]  b1 = [1.19]  W2 = [[1.15, -0.82]]  b2 = [-0.35, 0.14]\n"
        "db2 computed at original.py:47 is [0], numeric derivative [0.566, -0.566]"
    )
    # by hand
    hidden = max(0.64 * -1.26 + 1.19, 0)
    e = np.exp([hidden * 1.15 - 0.35, hidden * -0.82 + 0.14])
    assert np.round(e / e.sum() - [0, 1], 4).tolist() == [0.566, -0.566]


def test_a_softmax_that_underflows_is_told_by_its_rows(opened: Any) -> None:
    (found,) = run_properties(opened("reference_net:original"), names=["softmax stays finite for extreme logits"])
    assert found.counterexample is not None
    assert found.counterexample.splitlines()[-3:] == [
        "Z2 = [[0, 1], [800, 801]]",
        "A2 computed at original.py:43 is [[nan, nan], [0.2689, 0.7311]], softmax [[0.2689, 0.7311], [0.2689, 0.7311]]",
        "each row alone is finite: the maximum of the whole matrix is taken off, not each row's own",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gradients agree with numeric ones", "softmax stays finite for extreme logits"])
def test_the_line_shows_it_again(opened: Any, tmp_path: Path, name: str) -> None:
    (found,) = run_properties(opened("reference_net:original"), names=[name])
    assert found.reproduce is not None
    ended = shown_again(found.reproduce, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"{found}\n"
    assert found.counterexample is not None
    assert found.counterexample in ended.stdout
    assert list(tmp_path.iterdir()) == []


def shown_again(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = shlex.split(line)
    assert command[:2] == ["python", "-c"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_options_that_the_name_does_not_say_are_in_the_line(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import numpy as np\n\n\ndef draw(m, d, seed):\n    rng = np.random.default_rng(seed)\n"
        "    return rng.standard_normal((m, d)), rng.standard_normal(m), rng.standard_normal(d)\n\n\n"
        "def step(x, y, w):\n    out = x @ w\n    dw = x.T @ (out - y)\n    return dw\n\n\n"
        "__gradcheck__ = {'default': 'net', 'targets': {'net': {'setup': 'x, y, w = draw(m, d, seed)',"
        " 'call': 'step(x, y, w)', 'sizes': {'m': 5, 'd': 3}}}}\n"
    )
    options = Options(loss="((out - y) ** 2).sum()")  # twice what the gradient belongs to
    target = f"{tmp_path / 'net.py'}:net"
    (found,) = run_properties(driver_of(target, options), options=options, names=[NAMES[0]])
    assert found.verdict is Verdict.FAIL
    assert found.reproduce is not None
    assert "loss='((out - y) ** 2).sum()', m=1, d=1" in found.reproduce
    assert str(found) in shown_again(found.reproduce, tmp_path).stdout


def test_the_line_of_a_script_finds_its_step_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(
        "import numpy as np\n\nrng = np.random.default_rng(0)\nx, y = rng.normal(size=(9, 2)), rng.normal(size=9)\n"
        "w = rng.normal(size=2)\n\n\ndef step(w, x, y):\n    out = (x @ w).astype(np.float64)\n    dout = out - y\n"
        "    loss = (dout**2).sum() / 2\n    return loss, x.T @ dout\n\n\n"
        "for _ in range(3):\n    loss, dw = step(w, x, y)\n    w = w - 0.1 * dw\n"
    )
    monkeypatch.chdir(tmp_path)
    report = check("net.py", properties=True)
    assert report.exit_code == 0
    (found,) = (p for p in report.properties if p.verdict is Verdict.FAIL)
    assert found.name == "float32 in, float32 out"
    assert found.reproduce is not None
    assert str(found) in shown_again(found.reproduce, tmp_path).stdout


def test_reproduce_passes_where_the_network_is_right() -> None:
    found = reproduce("reference_net:original", NAMES[0], m=1, d=1, h=1, c=1, seed=0)
    assert found.verdict is Verdict.INCONCLUSIVE  # a single class has no gradient
    assert found.counterexample is None
    found = reproduce("reference_net", NAMES[0], m=2, d=2, h=2, c=2, seed=4)
    assert (found.verdict, str(found)) == (Verdict.PASS, "gradients agree with numeric ones: pass")


def test_messages_of_wrong_requests() -> None:
    with pytest.raises(UsageError, match=re.escape("reproduce: expected the sizes c, d, h, m, got h, m.")):
        reproduce("reference_net", NAMES[0], m=1, h=1)
    with pytest.raises(UsageError, match="no property is named 'gradients'; there are 'gradients agree with"):
        reproduce("reference_net", "gradients", m=1, d=1, h=1, c=1)


def test_arrays_are_written_as_lists() -> None:
    assert written(np.array([[0.31, -1.2], [1.0, 1e-17]])) == "[[0.31, -1.2], [1, 0]]"
    assert written(np.array([np.nan, -np.inf, 10000.0, -0.0])) == "[nan, -inf, 10000, 0]"
    assert written(np.array([2, 1])) == "[2, 1]"
    assert written(np.float64(0.123456)) == "0.1235"
    assert written(np.zeros((100, 3))) == "an array of shape (100, 3)"
