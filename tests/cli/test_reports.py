"""What stands on standard output, in the file of --output, and with which exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

QUICK = ("--no-properties",)
CALL = ("--call", "train(x, y)", *QUICK)
FIGURE = (float, int, type(None), str)
VERDICTS = {"pass", "fail", "inherited", "inconclusive", "skipped"}
COMPARISON: dict[str, Any] = {
    "name": str,
    "of": str,
    "kind": {"parameter", "intermediate", "input"},
    "file": str,
    "line": int,
    "shape": list,
    "expected_shape": list,
    "verdict": VERDICTS,
    "scale": FIGURE,
    "cosine": FIGURE,
    "max_abs_error": FIGURE,
    "max_rel_error": FIGURE,
    "error_estimate": FIGURE,
    "resolution": FIGURE,
    "method": str,
    "evaluations": int,
    "layout": (str, type(None)),
}
FIX = {"line": int, "old": str, "new": str, "diff": str, "verified": {True}}
FINDING = {
    "code": re.compile(r"GC\d{3}"),
    "category": str,
    "severity": {"error", "warning"},
    "message": str,
    "tensor": (str, type(None)),
    "file": str,
    "line": (int, type(None)),
    "evidence": dict,
}
REPORT: dict[str, Any] = {
    "schema_version": {1},
    "target": str,
    "verdict": {"pass", "fail", "inconclusive"},
    "loss": {"expression": str, "inferred": bool, "value": FIGURE},
    "comparisons": [COMPARISON],
    "findings": [FINDING],
    "shapes": [{"name": str, "expected": str, "actual": list, "verdict": VERDICTS}],
    "properties": [{"name": str, "verdict": VERDICTS, "counterexample": (str, type(None))}],
    "evaluations": int,
    "seconds": float,
    "seed": int,
    "environment": dict,
}
"""The contract's object: a type or several, a set of values, a pattern, an object, or a list of one of these."""


def differences(thing: Any, expected: Any, at: str = "$") -> list[str]:
    """Where a JSON value is not as the contract says."""
    if isinstance(expected, dict):
        missing = [f"{at}.{key} is missing" for key in expected if key not in thing]
        return missing + [d for k, e in expected.items() if k in thing for d in differences(thing[k], e, f"{at}.{k}")]
    if isinstance(expected, list):
        return [d for i, item in enumerate(thing) for d in differences(item, expected[0], f"{at}[{i}]")]
    if isinstance(expected, set):
        held = thing in expected
    elif isinstance(expected, re.Pattern):
        held = expected.fullmatch(thing) is not None
    else:
        held = isinstance(thing, expected)
    return [] if held else [f"{at} is {thing!r}, expected {expected}"]


def loads(text: str) -> Any:
    """JSON without the literals that only Python reads."""

    def refuse(literal: str) -> None:
        raise AssertionError(f"{literal} is no JSON")

    return json.loads(text, parse_constant=refuse)


Shared = Callable[..., Any]
Gradcheck = Callable[..., Any]
RIGHT = ("run", "reference_net", "--format", "json")
ORIGINAL = ("run", "reference_net:original", "--format", "json", *QUICK)


def test_the_corrected_network_is_right(gradcheck: Gradcheck) -> None:
    ran = gradcheck(*RIGHT)
    assert (ran.code, ran.err) == (0, "")
    report = loads(ran.out)
    assert differences(report, REPORT) == []
    assert report["verdict"] == "pass"
    assert {c["verdict"] for c in report["comparisons"]} == {"pass"}
    assert report["properties"]
    assert not ran.left  # no .hypothesis either


def test_the_original_network_is_wrong(gradcheck: Gradcheck) -> None:
    ran = gradcheck(*ORIGINAL)
    assert (ran.code, ran.err) == (1, "")
    report = loads(ran.out)
    assert differences(report, REPORT) == []
    assert {c["name"] for c in report["comparisons"] if c["verdict"] == "fail"} == {"dW2", "db2", "db1"}
    assert {f["tensor"] for f in report["findings"] if f["severity"] == "error"} >= {"dW2", "db2", "db1"}
    for finding in report["findings"]:
        assert finding["fix"] is None or differences(finding["fix"], FIX) == []
    assert not ran.left


def test_a_report_that_breaks_the_contract_is_caught() -> None:
    broken = {**dict.fromkeys(REPORT), "comparisons": [{"verdict": "perhaps"}], "findings": [], "shapes": []}
    found = differences({**broken, "loss": {}, "properties": []}, REPORT)
    assert "$.comparisons[0].name is missing" in found
    assert any(d.startswith("$.comparisons[0].verdict is 'perhaps'") for d in found)


def test_text_is_the_answer_and_nothing_else(shared: Shared) -> None:
    ran = shared("run", "net.py:train", *CALL)
    assert ran.code == 0
    assert ran.out.startswith("net.py, train · seed 0\n")
    assert "✓ all 3 gradients right" in ran.out
    assert ran.out.endswith("\n")
    assert not ran.out.endswith("\n\n")
    assert ran.err == ""
    assert not ran.left


def test_a_wrong_gradient_is_exit_1(shared: Shared) -> None:
    ran = shared("run", "wrong.py:train", *CALL)
    assert ran.code == 1
    assert ran.out.startswith("✗ 1 line wrong: db at 18")


def test_several_targets_the_worst_counts(shared: Shared) -> None:
    ran = shared(
        "run", "reference_net", "wrong.py:f", "script.py", "--no-properties", "--jobs", "2", "--format", "json"
    )
    assert ran.code == 2
    assert ran.err.startswith("gradcheck: TARGET 'wrong.py:f'")
    reports = loads(ran.out)
    assert (reports["schema_version"], reports["verdict"]) == (1, "pass")
    assert [r["target"] for r in reports["reports"]] == ["reference_net", "script.py"]
    assert all(differences(report, REPORT) == [] for report in reports["reports"])


def test_targets_may_stand_behind_options(gradcheck: Gradcheck) -> None:
    ran = gradcheck("run", "script.py", "-q", *QUICK, "other.py", files={"other.py": "x = 1.5"}, env={"COLUMNS": "80"})
    assert ran.code == 5
    assert ran.out.startswith("✓ script.py: all 3 gradients right\n")
    assert ran.err.startswith("gradcheck: other.py: no gradient could be observed")


def test_diff(shared: Shared) -> None:
    ran = shared("diff", "reference_net:original", "reference_net:corrected", "--format", "json")
    assert ran.code == 1
    rows = {row["name"]: row["right"] for row in loads(ran.out)["comparisons"] if row["different"]}
    assert rows == {"dW2": "b", "db2": "b", "dW1": "both", "db1": "b"}


def test_diff_of_the_same(shared: Shared) -> None:
    ran = shared("diff", "net.py:train", "net.py:train", "--call", "train(x, y)")
    assert (ran.code, ran.err) == (0, "")
    assert "the same in all 3 gradients" in ran.out


def test_shapes(shared: Shared) -> None:
    right, wrong = shared("shapes", "reference_net"), shared("shapes", "reference_net:original")
    assert (right.code, wrong.code) == (0, 1)
    assert "✓ all" in right.out
    assert "db1: expected (10,)" in wrong.out


def test_markdown(gradcheck: Gradcheck) -> None:
    ran = gradcheck("run", "script.py", *QUICK, "--format", "markdown")
    assert ran.code == 0
    assert "| gradient |" in ran.out


def test_output_goes_to_the_file(gradcheck: Gradcheck, folder: Path) -> None:
    ran = gradcheck("run", "script.py", *QUICK, "--output", "report.txt", env={"FORCE_COLOR": "1"})
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert ran.left == {"report.txt"}
    text = (folder / "report.txt").read_text(encoding="utf-8")
    assert "✓ all 3 gradients right" in text
    assert "\x1b" not in text


def test_colour_only_where_it_is_wanted(gradcheck: Gradcheck) -> None:
    plain = gradcheck("run", "script.py", *QUICK)
    painted = gradcheck("run", "script.py", *QUICK, env={"FORCE_COLOR": "1", "COLUMNS": "60"})
    forbidden = gradcheck("run", "script.py", *QUICK, env={"FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert "\x1b" not in plain.out
    assert "\x1b" not in forbidden.out
    assert "\x1b[" in painted.out
    text = re.sub(r"\x1b\[[0-9;]*m", "", painted.out)
    assert max(map(len, text.splitlines())) <= 60


def test_ascii_where_there_is_nothing_else(gradcheck: Gradcheck) -> None:
    ran = gradcheck("run", "nét.py", *QUICK, files={"nét.py": "import script"}, env={"PYTHONIOENCODING": "ascii"})
    assert ran.code in (0, 5)
    assert (ran.out + ran.err).isascii()


def test_inconclusive_may_be_allowed(gradcheck: Gradcheck) -> None:
    ran = gradcheck("run", "script.py", *QUICK, "--budget", "1")
    assert ran.code == 1
    assert "inconclusive" in ran.out
    assert gradcheck("run", "script.py", *QUICK, "--budget", "1", "--allow-inconclusive").code == 0
    assert gradcheck("run", "wrong.py:train", *CALL, "--allow-inconclusive").code == 1
