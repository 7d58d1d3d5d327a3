"""What hides at a target's own values is looked for at others as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradcheck
from gradcheck.fix.proof import Draw, fresh
from gradcheck.report import Report
from gradcheck.revealing import off_round, off_zero, repeated
from gradcheck.target import Target

HEAD = """\
import numpy as np
__gradcheck__ = {"targets": {"step": {
    "setup": "x, y, W, b, ids, E = inputs(m, seed)",
    "call": "step(x, y, W, b, ids, E)",
    "sizes": {"m": 6},
}}, "default": "step"}
def inputs(m, seed):
    rng = np.random.default_rng(seed)
    x, y, W, E = [rng.normal(size=n) for n in [(m, 4), (m, 3), (4, 3), (9, 4)]]
    return x, y, W, np.zeros(3), IDS, E
def step(x, y, W, b, ids, E):
    rows = E[ids]
    out = rows @ W + b
    loss = ((out - y) ** 2).sum() / 2 + 0.05 * (W**2).sum()
    dout = out - y
    dW = rows.T @ dout + 0.1 * W
"""
DISTINCT = "np.array([4, 1, 7, 3, 8, 0])"
PENALISED = "    db = dout.sum(axis=0) + 0.1 * b\n"
RIGHT = "    db = dout.sum(axis=0)\n"
ADDED = "    dE = np.zeros_like(E)\n    np.add.at(dE, ids, dout @ W.T)\n"
ONCE = "    dE = np.zeros_like(E)\n    dE[ids] += dout @ W.T\n"


def checked(folder: Path, body: str, ids: str = DISTINCT) -> Report:
    (folder / "net.py").write_text(HEAD.replace("IDS", ids) + body)
    return gradcheck.check(str(folder / "net.py"), properties=False)


@pytest.mark.parametrize("body", [RIGHT + ADDED, RIGHT + ADDED + "    b = b * 1\n", PENALISED.replace("0.1 * b", "0")])
def test_right_is_right_there_too(body: str, tmp_path: Path) -> None:
    report = checked(tmp_path, body)
    assert report.verdict.value == "pass", str(report)
    assert not [note for note in report.notes if "hides" in note]


@pytest.mark.parametrize(
    ("body", "wrong", "note"),
    [(PENALISED + ADDED, "db", "b moved off zero"), (RIGHT + ONCE, "dE", "an index repeated in ids")],
)
def test_what_a_zero_or_distinct_indices_hide_is_found(body: str, wrong: str, note: str, tmp_path: Path) -> None:
    report = checked(tmp_path, body)
    assert [c.name for c in report.comparisons if c.verdict.value == "fail"] == [wrong], str(report)
    assert any(note in n for n in report.notes)


SCALE = HEAD.replace("np.zeros(3)", "VALUE").replace("rows @ W + b", "(rows @ W) * b")
SCALED = "    dout = out - y\n    dW = rows.T @ (dout * b) + 0.1 * W\n    db = (dout * (rows @ W)).sum(axis=0)\n"


@pytest.mark.parametrize("value", ["np.full(3, 0.5)", "np.array([0.3, 1.0, 0.7])"])
@pytest.mark.parametrize(
    ("right", "wrong"), [("dout * b)", "dout * b)"), ("dout * b)", "dout * b**2)"), ("* b)", "* b[::-1])")]
)
def test_what_a_scale_of_one_or_all_alike_hides_is_found(value: str, right: str, wrong: str, tmp_path: Path) -> None:
    head = SCALE.replace("VALUE", value).replace("    dW = rows.T @ dout + 0.1 * W\n", "")
    (tmp_path / "net.py").write_text(
        head.replace("IDS", DISTINCT) + SCALED.replace(right, wrong) + ADDED.replace("dout @", "(dout * b) @")
    )
    report = gradcheck.check(str(tmp_path / "net.py"), properties=False)
    assert [c.name for c in report.comparisons if c.verdict.value == "fail"] == ["dW"] * (right != wrong), str(report)


def test_indices_in_order_are_left_alone(tmp_path: Path) -> None:
    """They may be an order of the samples, in which none can come twice."""
    assert checked(tmp_path, RIGHT + ONCE, "np.array([4, 1, 2, 3, 5, 0])").verdict.value == "pass"


def test_the_values_that_take_their_place() -> None:
    ids = np.array([4, 1, 7])
    assert repeated(ids).tolist() == [4, 4, 7]
    assert ids.tolist() == [4, 1, 7]
    assert np.all(off_zero(np.zeros((2, 3))) != 0)
    assert off_zero(np.zeros(2, np.float32)).dtype == np.float32
    assert isinstance(off_zero(0.0), float)
    assert np.abs(off_round(np.ones(5)) - 1).min() > 0
    assert np.abs(off_round(np.ones(5)) - 1).max() < 0.5


def test_edits_are_proven_where_nothing_hides_as_well() -> None:
    seeded = Target("net", call="step()", setup="x = seed", seeded=True)
    first = Draw({}, 0, None, {"b": off_zero, "x": np.ones(3)})
    draws = fresh(seeded, [], first)
    assert draws
    assert all(draw.values == {"b": off_zero} and draw.seed != first.seed for draw in draws)
