"""Each property catches the sibling that is wrong in its way, by a network small enough to be worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from gradcheck.compare import Verdict
from gradcheck.properties import run_properties

AGREE = "gradients agree with numeric ones"
SHAPES = "shapes follow the convention"
BATCHES = "loss and gradients average over batches"
SAMPLES = "permuting samples changes nothing"
UNITS = "permuting hidden units permutes gradients"
ROWS = "softmax rows sum to one and ignore shifts"
FINITE = "softmax stays finite for extreme logits"
PURE = "backward is pure"
LINEAR = "backward is linear in the upstream gradient"
DESCENT = "a small step down the gradient lowers the loss"
FLOAT32 = "float32 in, float32 out"

CAUGHT = [
    ("siblings:weights_wrong", AGREE, "m=1 d=1 h=1 c=1", "dW is not the derivative of the loss by W"),
    ("reference_net:original", AGREE, "m=1 d=1 h=1 c=2", "db2 is not the derivative of the loss by b2"),
    ("siblings:layout_wrong", SHAPES, "m=1 d=1 h=1 c=2", "dV has shape (2, 1), V has (1, 2)"),
    ("siblings:spec_wrong", SHAPES, "m=1 d=1 h=1 c=1", "Z: expected (m, h) = (1, 1), got (1, 1, 1)"),
    ("reference_net:original", SHAPES, "m=1 d=1 h=1 c=2", "dW2 has shape (2, 1), W2 has (1, 2)"),
    ("siblings:average_wrong", BATCHES, "m=2 d=1 h=1 c=1", "da of a batch is not the weighted mean of its parts'"),
    ("siblings:coupled_wrong", BATCHES, "m=2 d=1 h=1 c=1", "neither the mean nor the sum of its parts'"),
    ("reference_net:original", BATCHES, "m=2 d=1 h=1 c=2", "the shape of db2 follows the batch"),
    ("siblings:samples_wrong", SAMPLES, "m=2 d=1 h=1 c=1", "dV does not stay as it was when samples are permuted"),
    ("siblings:units_wrong", UNITS, "m=1 d=1 h=2 c=1", "the loss is not what it was after units along h are"),
    ("siblings:units_backward_wrong", UNITS, "m=1 d=1 h=2 c=1", "dZ does not permute with them when units along h"),
    ("siblings:softmax_axis_wrong", ROWS, "m=2 d=1 h=1 c=2", "P sums to one over samples, not classes"),
    ("siblings:softmax_everything_wrong", ROWS, "m=2 d=1 h=1 c=2", "P sums to one over everything"),
    ("siblings:softmax_shift_wrong", ROWS, "m=1 d=1 h=1 c=2", "P does not ignore a shift of its logits"),
    ("siblings:finite_global_wrong", FINITE, "m=2 d=1 h=1 c=2", "P is not finite for Z = [[0, 1], [800, 801]]"),
    ("siblings:finite_naive_wrong", FINITE, "m=1 d=1 h=1 c=2", "P is not finite for Z = [[0, 10000]]"),
    ("reference_net:original", FINITE, "m=2 d=1 h=1 c=2", "A2 is not finite for Z2 = [[0, 1], [800, 801]]"),
    ("siblings:pure_cache_wrong", PURE, "m=1 d=1 h=3 c=1", "A, a value of the forward, is changed in place by A at"),
    ("siblings:pure_alias_wrong", PURE, "m=1 d=1 h=1 c=1", "out, a value of the forward, is changed in place by dout"),
    ("siblings:pure_unseen_wrong", PURE, "m=1 d=1 h=3 c=1", "A, a value of the forward, is changed in place by A at"),
    ("siblings:pure_input_wrong", PURE, "m=1 d=1 h=1 c=1", "y, an input, is changed in place"),
    ("siblings:pure_repeat_wrong", PURE, "m=1 d=1 h=1 c=1", "dout is not the same when the step is run again"),
    ("siblings:linear_wrong", LINEAR, "m=1 d=1 h=1 c=1", "dZ is not linear in dout"),
    ("siblings:descent_wrong", DESCENT, "m=1 d=1 h=1 c=1", "no step along minus the gradient lowers the loss"),
    ("siblings:update_wrong", DESCENT, "m=1 d=1 h=1 c=1", "no step the way the update goes lowers the loss"),
    (
        "siblings:precision_wrong",
        FLOAT32,
        "m=1 d=1 h=1 c=1",
        "out is float64, though inputs and parameters are float32",
    ),
    ("siblings:precision_backward_wrong", FLOAT32, "m=1 d=1 h=1 c=1", "da is float64, though"),
]


@pytest.mark.parametrize(("target", "name", "sizes", "reason"), CAUGHT)
def test_it_is_caught_by_the_smallest_network(opened: Any, target: str, name: str, sizes: str, reason: str) -> None:
    (found,) = run_properties(opened(target), names=[name], examples=15)
    assert found.verdict is Verdict.FAIL
    assert reason in found.reason
    assert found.counterexample is not None
    assert found.counterexample.startswith(f"{sizes} seed ")
    harmless = name in (FINITE, FLOAT32) or "a value of the forward" in reason
    assert found.severity == ("warning" if harmless else "error")


@pytest.mark.slow
def test_a_bug_that_no_gradient_check_can_see_is_seen_by_its_property_alone(opened: Any) -> None:
    for target, name in (("siblings:units_wrong", UNITS), ("siblings:coupled_wrong", BATCHES)):
        found = run_properties(opened(target), examples=5)
        assert [r.name for r in found if r.verdict is Verdict.FAIL and r.severity == "error"] == [name]
