"""Of an error that no cause explains: the smallest network that shows it, or that none could be had."""

from __future__ import annotations

from pathlib import Path

import gradcheck
from gradcheck.rules.finding import Finding

CASE = (Path(__file__).parents[1] / "cases" / "wrong_one_entry.py").read_text()
WRONG = "dW1[2, 1:] = dW1[2, :-1] * np.cos(dW1[2, 1:])"


def unexplained(text: str, tmp_path: Path, budget: int | None = None) -> Finding:
    path = tmp_path / "net.py"
    path.write_text(text)
    report = gradcheck.check(str(path), properties=False, fixes=False, budget=budget)
    (found,) = [f for f in report.findings if f.code == "GC901"]
    return found


def test_sizes_are_cut_down_as_long_as_the_error_shows(tmp_path: Path) -> None:
    found = unexplained(CASE.replace("dW1[2, 1] *= 1 + 1e-6", WRONG), tmp_path)
    smallest = found.evidence["smallest"]
    # the third row has to be there and a second column; softmax of one class has no gradient
    assert smallest["sizes"] == {"m": 1, "d": 3, "h": 2, "c": 2}
    analytic, numeric = smallest["analytic"], smallest["numeric"]
    assert analytic[:2] == numeric[:2]
    assert analytic[2][1] != numeric[2][1]
    assert f"The smallest network that shows it has m = 1, d = 3, h = 2, c = 2: there it is {analytic}" in found.message


def test_nothing_is_tried_beyond_the_budget(tmp_path: Path) -> None:
    text = CASE.replace("dW1[2, 1] *= 1 + 1e-6", WRONG)
    assert "smallest" not in unexplained(text, tmp_path, budget=700).evidence


def test_where_sizes_cannot_be_set_it_is_said(tmp_path: Path) -> None:
    text = CASE[CASE.index("def inputs") :].replace("dW1[2, 1] *= 1 + 1e-6", WRONG)
    script = (
        f"import numpy as np\n\n\n{text}\n\nx, y, *p = inputs(7, 5, 4, 3, 0)\nfor _ in range(2):\n    step(x, y, *p)\n"
    )
    assert "its sizes can't be set" in unexplained(script, tmp_path).message
