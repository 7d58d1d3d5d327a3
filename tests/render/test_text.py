"""The report for a terminal: whole screens, what must stand in them, and that they fit."""

from __future__ import annotations

import math
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradcheck.compare import Comparison, Verdict, Worst
from gradcheck.render import render, render_shapes, render_text
from gradcheck.render.figures import columns
from gradcheck.report import Loss, PropertyResult, Report
from gradcheck.rules.finding import Finding, Fix

SCREENS = Path(__file__).parent / "screens"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def assert_screen(name: str, text: str) -> None:
    """Compare with screens/NAME.txt; REWRITE_SCREENS=1 writes it anew, to be looked at in the diff."""
    path = SCREENS / f"{name}.txt"
    if os.environ.get("REWRITE_SCREENS"):
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")


def assert_fits(text: str, width: int) -> None:
    """No line is wider, but for one with a path or a command in it, which is there to be copied."""
    for line in ANSI.sub("", text).splitlines():
        unbroken = re.search(r"[/\\]", line) or line.lstrip().startswith("gradcheck ")
        assert columns(line) <= width or unbroken, f"{columns(line)} columns: {line}"


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("name", ["original", "corrected", "properties", "inconclusive", "inherited"])
def test_screens(make, name, width):
    assert_screen(f"{name}-{width}", render_text(getattr(make, name)(), width=width))


@pytest.mark.parametrize("name", ["not_a_number", "long_names", "unicode_names", "one_tensor", "forty"])
def test_screens_of_odd_reports(make, name):
    assert_screen(name, render_text(getattr(make, name)(), width=100))


def test_screen_with_everything(make):
    assert_screen("original-verbose", render_text(make.original(), verbose=2))


def test_screen_in_ascii(make):
    assert_screen("original-ascii", render_text(make.original(), ascii=True))


def test_screen_of_shapes(make):
    assert_screen("shapes", render_shapes(make.original()))


def test_screen_of_several(make):
    assert_screen("several", render([make.inherited(), make.one_tensor()], "text", width=80))


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("verbose", [-1, 0, 2])
def test_fits(report, width, verbose):
    assert_fits(render_text(report, width=width, verbose=verbose), width)
    assert_fits(render_shapes(report, width=width), width)


@pytest.mark.parametrize("verbose", [-1, 0, 2])
def test_colour_changes_nothing_else(report, verbose):
    painted = render_text(report, width=90, color=True, verbose=verbose)
    plain = render_text(report, width=90, verbose=verbose)
    assert "\x1b" not in plain
    assert "\x1b" in painted
    assert [line.rstrip() for line in ANSI.sub("", painted).splitlines()] == plain.splitlines()


def test_colours(make):
    painted = render_text(make.original(), color=True)
    assert "\x1b[31;1mwrong: transposed\x1b[0m" in painted
    assert "\x1b[32mright, times m\x1b[0m" in painted
    assert "\x1b[33mwarning GC103\x1b[0m" in painted


def test_ascii_is_ascii(report):
    for verbose in (0, 2):
        assert render_text(report, ascii=True, verbose=verbose).isascii()
        assert_fits(render_text(report, width=80, ascii=True, verbose=verbose), 80)


def test_no_line_ends_in_blanks(report):
    assert not [line for line in render_text(report).splitlines() if line != line.rstrip()]


def test_the_answer_comes_first(make):
    assert render_text(make.original()).splitlines()[0] == ("✗ 3 lines wrong: dW2 at 60, db2 at 61 and db1 at 64")
    assert render_text(make.inconclusive()).splitlines()[0] == "? 1 gradient inconclusive: dW1"
    assert render_text(make.properties()).splitlines()[0] == ("✗ 1 property fails: a batch is the mean of its samples")


def test_quiet_is_the_answer_alone(make):
    assert render_text(make.corrected(), verbose=-1) == ("✓ reference_net/corrected.py, train: all 6 gradients right")


def test_a_pass_is_shorter_than_a_failure(make):
    assert len(render_text(make.corrected()).splitlines()) < 20 < len(render_text(make.original()).splitlines())


def test_worst_first_on_failure_in_code_order_on_a_pass(make):
    def order(text):
        return re.findall(r"^(d[WbZ]\d) ", text, re.M)

    assert order(render_text(make.original()))[:6] == ["db2", "db1", "dW2", "dW1", "dZ2", "dZ1"]
    assert order(render_text(make.corrected()))[:6] == ["dZ2", "dW2", "db2", "dZ1", "dW1", "db1"]


def verdict_of(text, name):
    row = next(line for line in text.splitlines() if line.startswith(f"{name} "))
    return re.search(r"(right|wrong|inherited|inconclusive|skipped).*", row)[0]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "right"),
        ({"scale": 13.0, "scale_name": "m"}, "right, times m"),
        ({"scale": 13.0}, "right, times 13"),
        ({"scale": 13.0, "scale_name": "m", "reason": "times 13, the batch"}, "right, times 13, the batch"),
        ({"layout": "transposed", "shape": (10, 3)}, "right, transposed"),
        ({"verdict": Verdict.FAIL}, "wrong"),
        ({"verdict": Verdict.FAIL, "reason": "NaN at (0, 3)"}, "wrong: NaN at (0, 3)"),
        (
            {"verdict": Verdict.FAIL, "shape": (), "expected_shape": (10,)},
            "wrong: shape (), expected (10,)",
        ),
        ({"verdict": Verdict.INHERITED}, "inherited"),
        ({"verdict": Verdict.INHERITED, "reason": "dZ1"}, "inherited from dZ1"),
        ({"verdict": Verdict.INHERITED, "reason": "from dZ1"}, "inherited from dZ1"),
        ({"verdict": Verdict.INHERITED, "reason": "inherited from dZ1"}, "inherited from dZ1"),
        ({"verdict": Verdict.INHERITED, "reason": "dZ1 and dA1"}, "inherited: dZ1 and dA1"),
        ({"verdict": Verdict.INCONCLUSIVE, "reason": "a kink"}, "inconclusive: a kink"),
        ({"verdict": Verdict.SKIPPED, "reason": "an integer"}, "skipped: an integer"),
    ],
)
def test_the_verdict_column(make, fields, said):
    row = make.comparison("dW1", **fields)
    report = Report("net.py", Verdict.PASS, (row, make.comparison("dW2")))
    assert verdict_of(render_text(report, width=120), "dW1") == said


def test_nothing_that_was_not_measured_is_a_number(make):
    row = next(line for line in render_text(make.original(), width=120).splitlines() if line.startswith("db2"))
    assert row.split()[5:8] == ["-", "-", "-"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["max_rel_error", "max_abs_error", "cosine", "scale"])
def test_nan_never_stands_beside_a_pass(make, field, bad):
    row = make.comparison("dW1", **{field: bad})
    text = render_text(Report("net.py", Verdict.PASS, (row,)), width=120)
    assert verdict_of(text, "dW1") == f"inconclusive: a figure is {bad}"
    assert text.splitlines()[0] == "? 1 gradient inconclusive: dW1"
    assert "✓" not in text


def test_an_error_above_the_resolution_never_stands_beside_right(make):
    row = make.comparison("dW1", max_rel_error=1.587e3, resolution=2e-9)
    text = render_text(Report("net.py", Verdict.PASS, (row,)), width=200)
    assert verdict_of(text, "dW1") == "inconclusive: its error, 1587, is above the 2e-9 that can be told from none"
    assert "right" not in text.replace("forwards", "")


def test_the_flow_is_left_out_where_it_cannot_be_told(make):
    assert "forward  " in render_text(make.original())
    assert "forward  " not in render_text(make.forty())
    assert "forward  " not in render_text(make.long_names())
    assert "forward  " not in render_text(make.original(), width=50)
    unknown = replace(make.original(), forward=("x", "hidden", "out"))
    assert "forward  " not in render_text(unknown)


def test_the_flow_goes_by_what_the_run_says(make):
    rows = (make.comparison("dZ1"), make.comparison("dkernel", Verdict.FAIL), make.comparison("dZ2"))
    report = Report("net.py", Verdict.FAIL, rows, forward=("x", "Z1", "Z2"), feeds={"kernel": "Z1"})
    flow = render_text(report).split("\n\n")[1]
    assert flow.splitlines() == [
        "forward    x ─────────▶ Z1 ──▶ Z2",
        "backward     dkernel ✗  dZ1 ✓  dZ2 ✓",
    ]


def test_the_flow_without_its_input(make):
    report = make.original()
    flow = render_text(replace(report, forward=report.forward[1:])).split("\n\n")[1]
    assert flow.splitlines() == [
        "forward    ──────▶ Z1 ──▶ A1 ─────▶ Z2 ──▶ A2 ──▶ loss",
        "backward   dW1 ✓T  dZ1 ✓     dW2 ✗  dZ2 ✓",
        "           db1 ✗             db2 ✗",
    ]


def test_an_unproven_fix_is_not_shown(make):
    report = make.original()
    finding = report.findings[0]
    unproven = replace(finding, fix=replace(finding.fix, verified=False))
    text = render_text(replace(report, findings=(unproven,)))
    assert "A1.T.dot(dZ2)" not in text
    assert "--fix" not in text


def test_the_mark_stays_under_its_code(make):
    source = "\tdW = x.T @ dZ  # ×"
    at = source.index("x.T")
    finding = Finding("GC102", "transposed", "error", "dW", "", "transposed", "dW", "n.py", 5, source, (at, at + 3))
    report = Report("n.py", Verdict.FAIL, (make.comparison("dW", Verdict.FAIL),), findings=(finding,))
    for ascii in (False, True):
        lines = render_text(report, ascii=ascii).splitlines()
        place = next(number for number, line in enumerate(lines) if "x.T @" in line)
        assert lines[place + 1].index("^^^") == lines[place].index("x.T")


def test_wide_characters_before_the_mark(make):
    source = "    f('重み', dW)"
    at = source.index("dW")
    finding = Finding("GC1", "scale", "error", "dW", "", "", "dW", "n.py", 5, source, (at, at + 2))
    report = Report("n.py", Verdict.FAIL, (make.comparison("dW", Verdict.FAIL),), findings=(finding,))
    lines = render_text(report).splitlines()
    place = next(number for number, line in enumerate(lines) if "重み" in line)
    assert lines[place + 1].index("^^") == columns(lines[place][: lines[place].index("dW")])


def test_escape_sequences_do_not_reach_the_terminal(make):
    row = make.comparison("dW\x1b[2J", Verdict.FAIL, reason="\x07bell\u202e")
    text = render_text(Report("n.py", Verdict.FAIL, (row,), notes=("\x1b]0;title\x07",)))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
    assert r"dW\x1b[2J" in text


def test_a_finding_without_a_line_still_tells(make):
    finding = Finding("GC901", "nondeterministic", "error", "two runs differ", "Seed it.", "")
    text = render_text(Report("n.py", Verdict.FAIL, (make.comparison("dW"),), findings=(finding,)))
    assert text.splitlines()[0] == "✗ two runs differ"
    assert "GC901  two runs differ\n  Seed it." in text


def test_skipped_properties_only_on_request(make):
    assert "casts to float64" not in render_text(make.properties())
    assert "casts to float64" in render_text(make.properties(), verbose=1)


def test_a_wrong_shape_gives_its_reason(make):
    report = make.original()
    row = replace(report.shapes[-1], name="Z1", reason="Z1: expected (m, h) = (m, 10), got (13, 12); h=10 is W1's")
    text = render_text(replace(report, shapes=(row,)), width=120)
    assert "shape  Z1: expected (m, h) = (m, 10), got (13, 12) at reference_net/original.py:64; h=10 is W1's" in text


def test_a_shape_that_is_right_in_its_own_way_says_so(make):
    row = replace(make.original().shapes[1], reason="transposed, put right at 72")
    assert "right, transposed, put right at 72" in render_shapes(replace(make.original(), shapes=(row,)))


def test_report_is_its_text(make):
    assert str(make.original()) == render_text(make.original())


FIGURES = st.none() | st.floats(allow_nan=True, allow_infinity=True)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=60)
NAMES = st.from_regex(r"d?[A-Za-zθσ_]{1,30}(\[\d{1,3}\])?(\.[A-Za-z]{1,20})?\d?", fullmatch=True)
SHAPES = st.lists(st.integers(0, 60000), max_size=5).map(tuple)
COMPARISONS = st.builds(
    Comparison,
    name=NAMES,
    of=NAMES,
    kind=st.sampled_from(["parameter", "intermediate", "input"]),
    file=st.sampled_from(["net.py", "layers.py", "a_rather_long_module_name_for_a_layer.py"]),
    line=st.integers(1, 99999),
    shape=SHAPES,
    expected_shape=SHAPES,
    verdict=st.sampled_from(Verdict),
    reason=WORDS,
    scale=FIGURES,
    cosine=FIGURES,
    max_rel_error=FIGURES,
    error_estimate=FIGURES,
    resolution=FIGURES,
    layout=st.none() | st.just("transposed"),
    worst=st.none() | st.builds(Worst, SHAPES, st.floats(), st.floats()),
)
SPANS = st.none() | st.tuples(st.integers(0, 200), st.integers(0, 200))
FIXES = st.none() | st.builds(Fix, st.integers(1, 999), WORDS, WORDS, st.just(""), st.booleans(), WORDS)
FINDINGS = st.builds(
    Finding,
    code=st.just("GC101"),
    category=st.just("scale"),
    severity=st.sampled_from(["error", "warning"]),
    headline=WORDS,
    message=WORDS,
    verdict=WORDS,
    tensor=st.none() | NAMES,
    file=st.none() | st.just("net.py"),
    line=st.none() | st.integers(1, 9999),
    source=st.none() | WORDS | WORDS.map(lambda text: text * 5),
    span=SPANS,
    fix=FIXES,
)
REPORTS = st.builds(
    Report,
    target=st.just("net.py"),
    verdict=st.sampled_from([Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE]),
    comparisons=st.lists(COMPARISONS, max_size=5).map(tuple),
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    properties=st.lists(
        st.builds(
            PropertyResult,
            WORDS,
            st.sampled_from(Verdict),
            st.sampled_from(["error", "warning"]),
            st.integers(0, 99),
            WORDS,
            st.none() | WORDS,
        ),
        max_size=3,
    ).map(tuple),
    loss=st.none() | st.builds(Loss, WORDS, st.booleans(), FIGURES, WORDS),
    where=WORDS,
    inputs=WORDS,
    forward=st.lists(NAMES, max_size=5).map(tuple),
    notes=st.lists(WORDS, max_size=2).map(tuple),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(REPORTS, st.sampled_from([60, 80, 100, 120]), st.integers(-1, 2), st.booleans())
def test_any_report_fits_and_is_the_same_in_colour(report, width, verbose, ascii):
    text = render_text(report, width=width, verbose=verbose, ascii=ascii)
    assert_fits(text, width)
    painted = render_text(report, width=width, verbose=verbose, ascii=ascii, color=True)
    assert [line.rstrip() for line in ANSI.sub("", painted).splitlines()] == text.splitlines()


def test_wide_names_stand_in_line(make):
    rows = (make.comparison("d重み", of="重み"), make.comparison("dé", of="é"), make.comparison("dlonger"))
    lines = render_text(Report("n.py", Verdict.PASS, rows)).splitlines()
    ends = {columns(line[: line.index("(10,)")]) for line in lines if "(10,)" in line}
    assert len(ends) == 1
