"""What one item shows of a report: every way of being wrong makes some item fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradcheck.compare import Comparison, Verdict
from gradcheck.render.part import Part, render_part, rest_part, tensor_part, warning_lines
from gradcheck.report import PropertyResult, Report, ShapeRow
from gradcheck.rules.finding import Finding

NAMES = ("dW2", "dZ1", "dW1")


def row(name: str, verdict: Verdict = Verdict.PASS, **fields: object) -> Comparison:
    given = {"of": name[1:], "kind": "parameter", "file": "net.py", "shape": (3, 5), "expected_shape": (3, 5)} | fields
    line = 10 + NAMES.index(name) if name in NAMES else 99
    return Comparison(name=name, line=line, verdict=verdict, **given)  # type: ignore[arg-type]


def report(verdict: Verdict = Verdict.FAIL, *rows: Comparison, **fields: object) -> Report:
    have = {r.name: r for r in rows}
    return Report("net.py:train", verdict, tuple(have.get(n) or row(n) for n in NAMES), **fields)  # type: ignore[arg-type]


def finding(tensor: str | None, severity: str = "error", **fields: object) -> Finding:
    given = {"headline": f"{tensor or 'the update'} goes astray", "message": "Because.", "verdict": "astray"} | fields
    return Finding("GC999", "forward", severity, tensor=tensor, **given)  # type: ignore[arg-type]


def failing(found: Report, names: tuple[str, ...] = NAMES) -> dict[str, str]:
    """What each item that fails says, by item."""
    parts = {name: tensor_part(found, name) for name in names} | {"rest": rest_part(found, names)}
    return {name: part.brief for name, part in parts.items() if part.verdict is not Verdict.PASS}


def test_a_right_report_has_no_failing_item() -> None:
    assert failing(report(Verdict.PASS)) == {}


@pytest.mark.parametrize(
    ("found", "items"),
    [
        (report(Verdict.FAIL, row("dW1", Verdict.FAIL)), {"dW1": "dW1 is wrong at net.py:12"}),
        (
            report(Verdict.FAIL, row("dW1", Verdict.FAIL), findings=(finding("dW1", file="net.py", line=12),)),
            {"dW1": "dW1 goes astray at net.py:12"},
        ),
        (
            report(Verdict.FAIL, row("dZ1", Verdict.FAIL), row("dW1", Verdict.INHERITED, reason="from dZ1")),
            {"dZ1": "dZ1 is wrong at net.py:11", "dW1": "dW1 is wrong only because dZ1 is, at net.py:11"},
        ),
        (
            report(Verdict.INCONCLUSIVE, row("dW1", Verdict.INCONCLUSIVE, reason="a kink")),
            {"dW1": "dW1 is inconclusive: a kink at net.py:12"},
        ),
        (report(Verdict.PASS, row("dW1", Verdict.SKIPPED, reason="no")), {"dW1": "dW1 is skipped: no at net.py:12"}),
        # an error found in a gradient whose numbers are right
        (
            report(findings=(finding("dW1", file="net.py", line=30),)),
            {"dW1": "dW1 goes astray at net.py:30"},
        ),
        # shapes: a gradient's own, another value's
        (
            report(shapes=(ShapeRow("dW1", "(3,5)", (5, 3), Verdict.FAIL, "dW1: expected (3,5), got (5,3)"),)),
            {"dW1": "dW1 has a wrong shape: dW1: expected (3,5), got (5,3) at net.py:12"},
        ),
        (
            report(shapes=(ShapeRow("Z1", "(m,5)", (7, 1), Verdict.FAIL, "Z1: expected (m,5)", "net.py", 4),)),
            {"rest": "Z1: expected (m,5) at net.py:4"},
        ),
        # findings and properties that are no gradient's
        (report(findings=(finding(None, file="net.py", line=40),)), {"rest": "the update goes astray at net.py:40"}),
        (report(findings=(finding("A1", file="net.py", line=5),)), {"rest": "A1 goes astray at net.py:5"}),
        (
            report(properties=(PropertyResult("samples may be permuted", Verdict.FAIL, reason="db1 moves"),)),
            {"rest": "samples may be permuted: db1 moves"},
        ),
        (
            report(
                Verdict.FAIL,
                row("dW1", Verdict.FAIL),
                properties=(PropertyResult("a step lowers the loss", Verdict.FAIL),),  # it follows from the gradient
            ),
            {"dW1": "dW1 is wrong at net.py:12"},
        ),
        # nothing was checked, or the whole is not right though no part of it is wrong
        (
            report(Verdict.PASS, *(row(n, Verdict.SKIPPED) for n in NAMES)),
            {n: f"{n} is skipped at net.py:1{i}" for i, n in enumerate(NAMES)} | {"rest": "no gradient was checked"},
        ),
        (report(Verdict.FAIL), {"rest": "wrong"}),
        (report(Verdict.INCONCLUSIVE), {"rest": "inconclusive"}),
    ],
)  # fmt: skip
def test_every_way_of_being_wrong_makes_just_its_items_fail(found: Report, items: dict[str, str]) -> None:
    assert failing(found) == items


def test_warnings_make_none_fail() -> None:
    found = report(
        Verdict.PASS,
        findings=(finding("dW1", "warning"), finding(None, "warning")),
        properties=(PropertyResult("extreme logits", Verdict.FAIL, severity="warning"),),
    )
    assert failing(found) == {}
    assert warning_lines(found, tensor_part(found, "dW1")) == ["warning GC999  dW1 goes astray"]
    assert warning_lines(found, rest_part(found, NAMES)) == ["warning GC999  the update goes astray"]


def test_a_gradient_that_came_or_went_since_collection_is_not_overlooked() -> None:
    found = report(Verdict.FAIL, row("dW1", Verdict.FAIL))
    assert failing(found, ("dW2", "dZ1")) == {"rest": "dW1 is wrong at net.py:12"}
    assert failing(report(Verdict.PASS), (*NAMES, "db9")) == {
        "db9": "db9: the code computed this gradient when tests were collected, now: dW2, dZ1, dW1"
    }
    unsure = report(Verdict.INCONCLUSIVE, row("dW1", Verdict.INCONCLUSIVE))
    assert rest_part(unsure, ("dW2", "dZ1")).verdict is Verdict.INCONCLUSIVE


def test_the_text_of_a_part_has_its_rows_and_the_whole_table_only_where_it_is_wanted() -> None:
    found = report(Verdict.FAIL, row("dW1", Verdict.FAIL, max_rel_error=0.5), notes=("a note",))
    part = tensor_part(found, "dW1")
    whole, own = render_part(found, part), render_part(found, part, whole=False, elsewhere="see dW2")
    assert "dZ1 " in whole
    assert "see dW2" not in whole
    assert "dZ1 " not in own
    assert "see dW2" in own
    assert "dW1 is wrong" in own


def test_the_text_is_fit_for_the_terminal() -> None:
    bad = replace(row("dW1", Verdict.FAIL), name="dθ\x1b[2J", reason="times 2")
    found = Report("net.py:train", Verdict.FAIL, (bad,))
    part = tensor_part(found, bad.name)
    assert "\x1b" not in render_part(found, part)
    assert "\x1b[31;1m" in render_part(found, part, color=True)
    assert render_part(found, part, ascii=True).isascii()
    assert all(len(line) <= 50 for line in render_part(found, part, width=50).splitlines())


def test_a_property_that_fails_shows_its_counterexample() -> None:
    wrong = PropertyResult("samples may be permuted", Verdict.FAIL, reason="db1 moves", counterexample="x = [[1.0]]")
    found = report(properties=(wrong,))
    text = render_part(found, rest_part(found, NAMES))
    assert text.startswith("✗ samples may be permuted: db1 moves")
    assert "x = [[1.0]]" in text
    assert isinstance(rest_part(found, NAMES), Part)
