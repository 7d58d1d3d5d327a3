"""The founding case, end to end: what must be said of both reference networks."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcheck
import reference_net.corrected as corrected
import reference_net.original as original
from gradcheck.render import render
from gradcheck.report import DiffReport, Report


@pytest.fixture(scope="module")
def right() -> Report:
    return gradcheck.check("reference_net")


@pytest.fixture(scope="module")
def wrong() -> Report:
    return gradcheck.check("reference_net:original")


@pytest.fixture(scope="module")
def difference() -> DiffReport:
    return gradcheck.diff("reference_net:original", "reference_net:corrected")


def by_name(report: Report) -> dict[str, Any]:
    return {c.name: c for c in report.comparisons}


def test_every_tensor_of_the_corrected_network_is_right(right: Report) -> None:
    assert right.verdict == "pass"
    assert {c.name: c.verdict.value for c in right.comparisons} == dict.fromkeys(
        ["dZ2", "dW2", "db2", "dZ1", "dW1", "db1"], "pass"
    )
    assert not right.findings
    assert right.exit_code == 0


def test_the_check_was_sharp(right: Report) -> None:
    for c in right.comparisons:
        assert c.resolution is not None
        assert c.resolution <= 1e-6
        assert c.max_rel_error is not None
        assert c.max_rel_error <= c.resolution


def test_the_loss_is_found(right: Report, wrong: Report) -> None:
    for report in (right, wrong):
        assert report.loss is not None
        assert report.loss.expression == "mean softmax cross-entropy of A2 and y"
        assert report.loss.inferred
        assert report.loss.evidence == "dZ2 is its gradient times m = 13"


def test_the_three_bugs_of_the_original(wrong: Report) -> None:
    assert wrong.verdict == "fail"
    found = {c.name: c.verdict.value for c in wrong.comparisons}
    assert found == {"dZ2": "pass", "dW2": "fail", "db2": "fail", "dZ1": "pass", "dW1": "pass", "db1": "fail"}
    codes = {f.tensor: (f.code, f.category) for f in wrong.findings if f.severity == "error"}
    assert codes == {
        "dW2": ("GC102", "transposed"),
        "db2": ("GC201", "wrong-axis"),
        "db1": ("GC202", "wrong-axis"),
    }


def test_the_lines_of_the_original_are_the_right_ones(wrong: Report) -> None:
    source = Path(original.__file__).read_text(encoding="utf-8").splitlines()
    for c in wrong.comparisons:
        assert source[c.line - 1].strip().startswith(f"{c.name} = ")
    marked = {f.tensor: f.source[slice(*f.span)] for f in wrong.findings if f.source is not None and f.span is not None}
    assert marked["db2"] == "axis=1"
    assert marked["dW2"] == "dZ2.T @ A1 / m"


def test_conventions_are_no_errors(wrong: Report) -> None:
    found = by_name(wrong)
    for name in ("dZ1", "dZ2"):
        assert (found[name].scale, found[name].scale_name) == (13.0, "m")
    assert found["dW1"].layout == "transposed"
    warnings = {f.code for f in wrong.findings if f.severity == "warning"}
    assert warnings == {"GC103", "GC401", "GC633"}
    underflow = next(f for f in wrong.findings if f.code == "GC401")
    assert "rows [0, 1] and [800, 801] give 0/0 in the first" in underflow.headline
    assert underflow.source is not None
    assert underflow.span is not None
    assert underflow.source[slice(*underflow.span)] == "np.max(Z)"


def test_the_update_that_raises_is_evidence(wrong: Report) -> None:
    finding = next(f for f in wrong.findings if f.tensor == "db2")
    assert "operands could not be broadcast together with shapes (10,) (13,)" in finding.message


@pytest.mark.parametrize("batch", [1, 2, 10, 13, 64])
def test_db2_is_wrong_at_every_batch_size(batch: int) -> None:
    report = gradcheck.check("reference_net:original", batch=batch, properties=False, fixes=False)
    found = {c.name: c.verdict.value for c in report.comparisons}
    assert found["db2"] == "fail", str(report)
    assert found["dZ2"] == "pass"
    assert gradcheck.check("reference_net:corrected", batch=batch, properties=False).verdict == "pass"


def test_shapes_are_checked_at_the_batch_size_that_silences_the_wrong_axis(wrong: Report) -> None:
    row = next(r for r in wrong.shapes if r.name == "db2")
    assert row.verdict == "fail"
    assert "also at batch sizes 1, 2" in row.reason
    assert {r.name for r in wrong.shapes} >= {"x", "Z1", "A1", "Z2", "A2", "dZ2", "dW1", "W2"}


def test_the_difference_is_exactly_the_three_and_a_layout(difference: DiffReport) -> None:
    different = {row.name: (row.right, row.layout) for row in difference.rows if row.different}
    assert different == {
        "dW2": ("b", None),
        "db2": ("b", None),
        "dW1": ("both", "transposed"),
        "db1": ("b", None),
    }
    assert difference.exit_code == 1


def test_a_network_does_not_differ_from_itself() -> None:
    assert gradcheck.diff("reference_net:corrected", "reference_net:corrected").same


def test_nothing_of_the_users_is_changed() -> None:
    np.random.seed(5)
    random.seed(5)
    before = np.random.get_state()[1].copy(), random.getstate(), original.W1.copy(), set(vars(original))
    codes = original.train.__code__, corrected.forward.__code__
    gradcheck.check("reference_net:original")
    gradcheck.check("reference_net:corrected", seed=3)
    assert np.array_equal(np.random.get_state()[1], before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(original.W1, before[2])
    assert set(vars(original)) == before[3]
    assert (original.train.__code__, corrected.forward.__code__) == codes


def test_a_run_is_reproducible(right: Report) -> None:
    again = gradcheck.check("reference_net")
    assert [c.max_rel_error for c in again.comparisons] == [c.max_rel_error for c in right.comparisons]


@pytest.mark.parametrize("format", ["text", "json", "markdown"])
def test_it_can_be_shown(wrong: Report, format: str) -> None:
    shown = render(wrong, format)
    assert "dW2" in shown
    if format == "json":
        data = json.loads(shown)
        assert data["schema_version"] == 1
        assert data["verdict"] == "fail"


def test_raise_if_wrong(right: Report, wrong: Report) -> None:
    assert right.raise_if_wrong() is right
    with pytest.raises(gradcheck.WrongGradientError, match="db2 sums over the wrong axis"):
        wrong.raise_if_wrong()


def test_kinks_are_named_by_unit_and_sample() -> None:
    report = gradcheck.check("reference_net", batch=64, seed=4)
    assert report.verdict == "pass"
    told = [n for n in report.notes if n.startswith("stepped around")]
    assert len(told) == 1
    assert "np.maximum(Z, 0), sample " in told[0] or "Z.max(axis=1, keepdims=True), entry " in told[0]
