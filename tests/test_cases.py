"""Small programs, right and wrong: what is said of each is in the file itself."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

import gradcheck
from gradcheck.report import Report

CASES = sorted((Path(__file__).parent / "cases").glob("*.py"))


def expected(case: Path) -> dict[str, Any]:
    """EXPECTED of a case, read as data."""
    for statement in ast.parse(case.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "EXPECTED":
            found: dict[str, Any] = ast.literal_eval(statement.value)
            return found
    raise AssertionError(f"{case.name} has no EXPECTED")


SEEDED = [c for c in CASES if crc32(c.stem.encode()) % 6 == 0]
"""A sixth of them, whatever others are added, is checked from another seed, too."""


@pytest.mark.parametrize(
    ("case", "seed"),
    [*((case, 0) for case in CASES), *(pytest.param(case, 1, marks=pytest.mark.slow) for case in SEEDED)],
    ids=lambda p: getattr(p, "stem", p),
)
def test_case(case: Path, seed: int) -> None:
    want = expected(case)
    report = gradcheck.check(str(case), seed=seed)
    verdicts = {c.name: c.verdict.value for c in report.comparisons}
    assert report.verdict.value == want["verdict"], str(report)
    assert sorted(n for n, v in verdicts.items() if v == "fail") == sorted(want.get("fail", [])), str(report)
    assert sorted(n for n, v in verdicts.items() if v == "inherited") == sorted(want.get("inherited", [])), str(report)
    assert len(verdicts) >= 5
    codes = {f.tensor: f.code for f in report.findings if f.tensor is not None}
    for tensor, code in {**want.get("codes", {}), **want.get("updates", {})}.items():
        assert codes.get(tensor) == code, str(report)
    if want["verdict"] == "pass":
        assert not [f for f in report.findings if f.severity == "error"]
    fixes = {f.tensor: f.fix.new for f in report.findings if f.fix is not None}
    assert want.get("fix", {}).items() <= fixes.items(), str(report)
    assert [f.code for f in report.findings if f.tensor is None and f.severity == "error"] == want.get("run", [])
    errors = {f.tensor for f in report.findings if f.severity == "error" and f.tensor is not None}
    assert errors == {*want.get("fail", []), *want.get("updates", {})}, str(report)
    if "loss" in want and report.loss is not None:
        assert report.loss.expression == want["loss"]
    assert_lines(case, report)


def assert_lines(case: Path, report: Report) -> None:
    """Each gradient is said to stand where its name does."""
    lines = case.read_text(encoding="utf-8").splitlines()
    for c in report.comparisons:
        name = c.name.partition("[")[0]  # of a loop's turns
        assert name in lines[c.line - 1].split("=")[0] or "return" in lines[c.line - 1]


def test_every_wrong_case_has_a_right_one_beside_it() -> None:
    names = [c.stem for c in CASES]
    assert sum(n.startswith("right") for n in names) >= 5
    assert sum(n.startswith("wrong") for n in names) >= 10
