"""Planting bugs: what the operators make of a line, which edits are no bugs, and a checker that sees nothing."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gradcheck.compare import Verdict
from gradcheck.mutate import trial
from gradcheck.mutate.behaviour import Behaviour, same
from gradcheck.mutate.plant import OPERATORS
from gradcheck.mutate.result import MutationReport
from gradcheck.mutate.run import mutate, planted
from gradcheck.mutate.spot import Spot
from gradcheck.mutate.text import Text
from gradcheck.options import Options
from gradcheck.report import Report
from gradcheck.resolve import resolve
from gradcheck.target import Target

SQUARE = Path(__file__).parent / "cases" / "right_half_squared_error.py"
VALUES = {
    "W2": np.ones((4, 3)),
    "W1": np.ones((4, 3)),
    "A1": np.ones((5, 4)),
    "Z1": np.ones((5, 4)),
    "dA1": np.ones((5, 4)),
    "dZ2": np.ones((5, 3)),
    "mask": np.array([[1.0, 0.0]]),
    "lr": np.array(0.1),
}


def edits(line: str, *, updates: str = "") -> dict[str, set[str]]:
    """What the operators make of one line, by kind of bug."""
    text = Text(f"{line}\n")
    node = text.tree.body[0]
    spot = Spot("net.py", text, node, (node,), VALUES, lambda n: n.startswith("d"), updates, frozenset({"W1", "W2"}))
    made: dict[str, set[str]] = {}
    for operator in OPERATORS:
        for bug in operator(spot):
            new = text.edited(bug.edits).strip()
            ast.parse(new)
            made.setdefault(bug.kind, set()).add(new)
    return made


@pytest.mark.parametrize(
    ("kind", "line", "new"),
    [
        ("transpose dropped", "dW2 = A1.T @ dZ2", "dW2 = A1 @ dZ2"),
        ("transposed", "dW2 = A1.T @ dZ2", "dW2 = dZ2.T @ A1"),
        ("operands swapped", "dA1 = dZ2 @ W2.T", "dA1 = W2.T @ dZ2"),
        ("* for @", "dA1 = dZ2 @ W2.T", "dA1 = dZ2 * W2.T"),
        ("difference swapped", "dZ2 = A1 - Z1", "dZ2 = (Z1 - A1)"),
        ("sign", "dZ2 = A1 - Z1", "dZ2 = -(A1 - Z1)"),
        ("factor 2", "dW2 = A1.T @ dZ2", "dW2 = 2 * (A1.T @ dZ2)"),
        ("1/m missing", "dW2 = A1.T @ dZ2 / m", "dW2 = (A1.T @ dZ2)"),
        ("1/m doubled", "dW2 = A1.T @ dZ2 / m", "dW2 = (A1.T @ dZ2) / m ** 2"),
        ("wrong axis", "db2 = dZ2.sum(axis=0)", "db2 = dZ2.sum(axis=1)"),
        ("sum of everything", "db2 = np.sum(dZ2, axis=0) / m", "db2 = np.sum(dZ2) / m"),
        ("keepdims", "db2 = dZ2.sum(axis=0)", "db2 = dZ2.sum(axis=0, keepdims=True)"),
        ("sum missing", "db2 = dZ2.sum(axis=0) / m", "db2 = dZ2 / m"),
        ("mean for sum", "db2 = np.sum(dZ2, axis=0)", "db2 = np.mean(dZ2, axis=0)"),
        ("mask dropped", "dZ1 = dA1 * (Z1 > 0)", "dZ1 = dA1"),
        ("mask inverted", "dZ1 = dA1 * (Z1 > 0)", "dZ1 = dA1 * (Z1 < 0)"),
        ("mask inverted", "dZ1[Z1 <= 0] = 0", "dZ1[Z1 > 0] = 0"),
        ("mask dropped", "dZ1[Z1 <= 0] = 0", "pass"),
        ("boundary of a mask", "dZ1 = dA1 * (Z1 > 0)", "dZ1 = dA1 * (Z1 >= 0)"),
        ("activation derivative missing", "dZ1 = dA1 * (1 - A1**2)", "dZ1 = dA1"),
        ("wrong activation derivative", "dZ1 = dA1 * (1 - A1**2)", "dZ1 = dA1 * (1 - A1)"),
        ("derivative at another value", "dZ1 = dA1 * (1 - A1**2)", "dZ1 = dA1 * (1 - Z1**2)"),
        ("wrong operand", "dA1 = dZ2 @ W2.T", "dA1 = dZ2 @ W1.T"),
        ("off by one", "dW += d * h[t - 1]", "dW += d * h[t]"),
        ("term dropped", "dh = dZ2 @ W2.T + dh_next", "dh = (dZ2 @ W2.T)"),
        ("sign of a term", "dh = dA1 + dh_next", "dh = (dA1 - dh_next)"),
        ("regularisation dropped", "dW2 = A1.T @ dZ2 + lam * W2", "dW2 = (A1.T @ dZ2)"),
        ("regularisation doubled", "dW2 = A1.T @ dZ2 + lam * W2", "dW2 = A1.T @ dZ2 + 2 * (lam * W2)"),
        ("= for +=", "dW2 += A1.T @ dZ2", "dW2 = A1.T @ dZ2"),
        ("contribution dropped", "dW2 += A1.T @ dZ2", "pass"),
        ("duplicate indices", "np.add.at(dE, i, dZ2)", "dE[i] += dZ2"),
    ],
)
def test_an_operator_plants_its_bug(kind: str, line: str, new: str) -> None:
    assert new in edits(line)[kind]


def test_updates_have_bugs_of_their_own() -> None:
    made = edits("W2 -= lr * dW2", updates="W2")
    assert made["update uphill"] == {"W2 += lr * dW2"}
    assert made["update dropped"] == {"pass"}
    assert not {"sign", "factor 2", "constant dropped", "difference swapped"} & set(made)


def test_a_parameter_is_updated_before_it_is_read() -> None:
    text = Text("dA1 = dZ2 @ W2.T\nW2 = W2 - lr * dW2\n")
    first, later = text.tree.body
    spot = Spot("net.py", text, first, (first, later), VALUES, lambda n: n[0] == "d", "", frozenset({"W2"}))
    found = [bug for operator in OPERATORS for bug in operator(spot) if bug.kind == "stale weights"]
    assert [text.edited(b.edits) for b in found] == ["W2 = W2 - lr * dW2; dA1 = dZ2 @ W2.T\npass\n"]


def test_lines_keep_their_numbers_when_an_expression_over_several_is_replaced() -> None:
    text = Text("a = (\n    b +\n    ü  # here\n)\nc = 1\n")
    node = text.tree.body[0]
    assert isinstance(node, ast.Assign)
    edited = Text(text.edited([(node.value, "x")]))
    assert edited.line(5) == "c = 1"
    assert ast.unparse(edited.tree) == "a = x\nc = 1"


def step(gradient: float, move: float) -> Behaviour:
    return Behaviour({"dW": np.array([gradient, 1.0])}, {"dZ": np.array([[1.0, -4.0]])}, {"W": np.array([move])}, None)


def test_the_same_up_to_rounding_is_no_bug() -> None:
    assert same(step(1.0, 0.1), step(1.0 + 1e-14, 0.1))
    assert not same(step(1.0, 0.1), step(1.0 + 1e-6, 0.1))
    assert not same(step(1.0, 0.1), step(1.0, -0.1))
    assert not same(step(1.0, 0.1), step(np.nan, 0.1))
    assert not same(step(1.0, 0.1), replace(step(1.0, 0.1), moves={}))


def test_a_factor_that_stays_among_intermediates_is_no_bug() -> None:
    assert same(step(1.0, 0.1), replace(step(1.0, 0.1), intermediates={"dZ": np.array([[-0.5, 2.0]])}))
    assert not same(step(1.0, 0.1), replace(step(1.0, 0.1), intermediates={"dZ": np.array([[-0.5, -2.0]])}))


@pytest.fixture(scope="module")
def target() -> Target:
    return resolve(str(SQUARE))


def test_a_boundary_that_nothing_sits_on_is_equivalent(target: Target) -> None:
    relu = trial.Subject(resolve(str(SQUARE.with_name("right_relu_mask.py"))), Options())
    boundary = [m for m in planted(relu) if m.kind == "boundary of a mask"]
    assert boundary
    assert [trial.outcome(relu, m).state for m in boundary] == ["equivalent"] * len(boundary)


def test_a_line_that_raises_is_counted_apart(target: Target) -> None:
    subject = trial.Subject(target, Options(properties=False))
    raising = next(m for m in planted(subject) if m.kind == "operands swapped")
    assert trial.outcome(subject, raising).state == "raised"


def blind(report: Report) -> Report:
    """What a checker says that passes everything."""
    passed = tuple(replace(c, verdict=Verdict.PASS) for c in report.comparisons)
    return replace(report, verdict=Verdict.PASS, comparisons=passed, findings=())


def test_a_checker_that_passes_everything_catches_nothing(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    check = trial.run
    monkeypatch.setattr(trial, "run", lambda *args, **kwargs: blind(check(*args, **kwargs)))
    subject = trial.Subject(target, Options(properties=False))
    found = MutationReport("net.py", tuple(trial.outcome(subject, m) for m in planted(subject)[::14]))
    assert found.total.planted > 3
    assert (found.total.caught, found.total.blamed, found.total.named, found.total.repaired) == (0, 0, 0, 0)
    assert found.exit_code == 1
    assert len(found.missed) == found.total.planted


def test_what_there_is_no_time_for_is_said(target: Target) -> None:
    report = mutate(target, Options(timeout=1e-9))
    assert report.untried > 50
    assert report.exit_code == 5
    assert report.notes[-1] == (
        f"time limit reached: {report.untried} of {report.untried} bugs were not tried; see --timeout"
    )
