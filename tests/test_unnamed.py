"""Backward passes whose upstream gradients have names that tell nothing: the line at fault is blamed all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

PROGRAM = """import numpy as np


def step(x, y, W1, b1, W2):
    z = x @ W1 + b1
    a = np.tanh(z)
    out = a @ W2
    loss = ((out - y) ** 2).sum() / len(x)
    err = 2 * (out - y) / len(x)
    dW2 = a.T @ err
    back = err @ W2.T
    hid = back * (1 - a**2)
    dW1 = x.T @ hid
    db1 = hid.sum(axis=0)
    return dW1, db1, dW2
"""
FUSED = "    z = x @ W1 + b1\n    a = np.tanh(z)", "    a = np.tanh(x @ W1 + b1)"
"""What goes into the activation without a name."""
SHAPES = "x:(6,4) y:(6,3) W1:(4,5) b1:(5) W2:(5,3)"


def verdicts(folder: Path, *edits: tuple[str, str]) -> dict[str, str]:
    text = PROGRAM
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (folder / "net.py").write_text(text, encoding="utf-8")
    report = gradcheck.check(f"{folder / 'net.py'}:step", shapes=SHAPES, properties=False, fixes=False)
    return {c.name: c.verdict.value for c in report.comparisons if c.verdict.value != "pass"}


@pytest.mark.parametrize(
    ("edits", "guilty", "inherited"),
    [
        ([("(out - y) / len", "(out - 2 * y) / len")], {"err"}, {"dW2", "back", "hid", "dW1", "db1"}),
        ([("err @ W2.T", "err @ W2.T**2")], {"back"}, {"hid", "dW1", "db1"}),
        ([("1 - a**2", "1 - a")], {"hid"}, {"dW1", "db1"}),
        ([("1 - a**2", "1 - a"), ("db1 = hid", "db1 = -hid")], {"hid", "db1"}, {"dW1"}),
        (
            [("(out - y) / len", "(out - 2 * y) / len"), ("1 - a**2", "1 - a")],
            {"err", "hid"},
            {"dW2", "dW1", "db1"},
        ),
        ([FUSED, ("1 - a**2", "1 - a")], {"hid"}, {"dW1", "db1"}),
        ([FUSED, ("back * (1 - a**2)", "back")], {"hid"}, {"dW1", "db1"}),
        ([FUSED, ("(out - y) / len", "(out - 2 * y) / len")], {"err"}, {"dW2", "back", "dW1", "db1"}),
    ],
    ids=["first", "middle", "last", "and a parameter's own", "two", "no z", "no z and no derivative", "no z, above"],
)
def test_the_guilty_line_is_blamed(
    edits: list[tuple[str, str]], guilty: set[str], inherited: set[str], tmp_path: Path
) -> None:
    found = verdicts(tmp_path, *edits)
    assert {n for n, v in found.items() if v == "fail"} == guilty, found
    assert {n for n, v in found.items() if v == "inherited"} == inherited, found


def test_a_parameters_own_fault_is_nobody_elses(tmp_path: Path) -> None:
    assert verdicts(tmp_path, ("x.T @ hid", "2 * x.T @ hid")) == {"dW1": "fail"}


def test_what_is_right_has_no_row_that_its_names_do_not_give_it(tmp_path: Path) -> None:
    assert verdicts(tmp_path) == {}
