"""The JSON report: the contract's keys, builtins only."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from gradcheck.compare import Verdict
from gradcheck.render import render, render_diff, render_json

CONTRACT = {
    "": {
        "schema_version",
        "target",
        "verdict",
        "loss",
        "comparisons",
        "findings",
        "shapes",
        "properties",
        "evaluations",
        "seconds",
        "seed",
        "environment",
    },
    "comparisons": {
        "name",
        "of",
        "kind",
        "file",
        "line",
        "shape",
        "expected_shape",
        "verdict",
        "scale",
        "cosine",
        "max_abs_error",
        "max_rel_error",
        "error_estimate",
        "resolution",
        "method",
        "evaluations",
        "layout",
    },
    "findings": {"code", "category", "severity", "message", "tensor", "file", "line", "evidence", "fix"},
    "shapes": {"name", "expected", "actual", "verdict"},
    "properties": {"name", "verdict", "severity", "counterexample"},
}


def strict(text: str):
    """Parse, refusing NaN and Infinity literals."""

    def refuse(literal):
        raise AssertionError(f"{literal} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_every_report_has_the_contracts_keys(report):
    made = strict(render_json(report))
    assert CONTRACT[""] <= set(made)
    for part in ("comparisons", "findings", "shapes", "properties"):
        for row in made[part]:
            assert CONTRACT[part] <= set(row)


def test_the_founding_case(make):
    made = strict(render(make.original(), "json"))
    assert made["schema_version"] == 1
    assert made["target"] == "reference_net:original"
    assert made["verdict"] == "fail"
    assert made["loss"] == {
        "expression": "mean softmax cross-entropy of A2 and labels",
        "inferred": True,
        "value": 28.4123,
        "evidence": "dZ2 is its gradient times m = 13",
    }
    db2 = next(row for row in made["comparisons"] if row["name"] == "db2")
    assert (db2["shape"], db2["expected_shape"], db2["verdict"]) == ([13], [10], "fail")
    assert [db2[key] for key in ("scale", "cosine", "max_rel_error", "resolution", "worst")] == [None] * 5
    dw2 = next(row for row in made["comparisons"] if row["name"] == "dW2")
    assert dw2["worst"] == {"index": [3, 1], "analytic": 0.512345678, "numeric": -0.25}
    gc201 = next(row for row in made["findings"] if row["code"] == "GC201")
    assert gc201["fix"]["new"] == "db2 = dZ2.sum(axis=0) / m"
    assert gc201["fix"]["verified"] is True
    assert [row["name"] for row in made["comparisons"]] == ["dZ2", "dW2", "db2", "dZ1", "dW1", "db1"]


def test_no_literals_but_jsons_own(make):
    made = strict(render_json(make.not_a_number()))
    dw2 = next(row for row in made["comparisons"] if row["name"] == "dW2")
    assert (dw2["max_rel_error"], dw2["max_abs_error"], dw2["worst"]["analytic"]) == ("nan", "inf", "nan")
    assert made["loss"]["value"] == "nan"


def test_a_nan_is_no_pass(make):
    row = make.comparison("dW", max_rel_error=math.nan)
    made = strict(render_json(replace(make.corrected(), comparisons=(row,))))
    assert made["verdict"] == made["comparisons"][0]["verdict"] == "inconclusive"


def test_numpy_becomes_builtins(make):
    evidence = {
        "axis": np.int64(1),
        "factor": np.float32(0.5),
        "same": np.bool_(True),
        "values": np.array([1.0, np.nan, -np.inf]),
        "index": (np.int32(3), 1),
        "dtype": np.dtype("float32"),
        "complex": np.complex128(1 + 2j),
        "longdouble": np.longdouble(2),
        3: {Verdict.PASS},
        "lone": "\ud800",
    }
    report = make.original()
    findings = (replace(report.findings[0], evidence=evidence, fix=None),)
    row = make.comparison("dW", shape=(np.int64(3),), line=np.int64(7), max_rel_error=np.float64(0.0))
    made = strict(render_json(replace(report, findings=findings, comparisons=(row,))))
    assert made["findings"][0]["evidence"] == {
        "axis": 1,
        "factor": 0.5,
        "same": True,
        "values": [1.0, "nan", "-inf"],
        "index": [3, 1],
        "dtype": "float32",
        "complex": "(1+2j)",
        "longdouble": "2.0",
        "3": ["pass"],
        "lone": "\\ud800",
    }
    assert made["findings"][0]["fix"] is None
    assert (made["comparisons"][0]["shape"], made["comparisons"][0]["line"]) == ([3], 7)
    render_json(report).encode()


def test_an_unproven_fix_is_null(make):
    report = make.original()
    finding = replace(report.findings[0], fix=replace(report.findings[0].fix, verified=False))
    assert strict(render_json(replace(report, findings=(finding,))))["findings"][0]["fix"] is None


@pytest.mark.parametrize(
    ("names", "verdict"),
    [
        (["corrected", "one_tensor"], "pass"),
        (["corrected", "inconclusive"], "inconclusive"),
        (["inconclusive", "original", "corrected"], "fail"),
    ],
)
def test_several(make, names, verdict):
    made = strict(render([getattr(make, name)() for name in names], "json"))
    assert (made["schema_version"], made["verdict"], len(made["reports"])) == (1, verdict, len(names))
    assert made["reports"][0]["schema_version"] == 1


def test_one_in_a_sequence_is_one(make):
    assert render([make.original()], "json") == render(make.original(), "json")


def test_none_is_no_pass():
    assert strict(render([], "json")) == {"schema_version": 1, "verdict": "inconclusive", "reports": []}


def test_diff(make):
    made = strict(render_diff(make.difference(), "json"))
    assert (made["a"], made["b"], made["same"]) == ("reference_net:original", "reference_net:corrected", False)
    by_name = {row["name"]: row for row in made["comparisons"]}
    assert {name: row["right"] for name, row in by_name.items()} == {
        "dZ2": "both",
        "dW2": "b",
        "db2": "b",
        "dZ1": "both",
        "dW1": "both",
        "db1": "b",
    }
    assert by_name["db1"]["a"]["shape"] == []
    assert by_name["db1"]["b"]["shape"] == [10]
    assert by_name["db2"]["max_difference"] is None
