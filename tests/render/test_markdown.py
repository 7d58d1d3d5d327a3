"""The Markdown report: what GitHub would show."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gradcheck.compare import Verdict
from gradcheck.render import render
from gradcheck.render.markdown import code, escape, fenced
from gradcheck.report import Report


def test_the_founding_case(make):
    text = render(make.original(), "markdown")
    assert text.startswith("### ❌ reference\\_net:original: 3 lines wrong: dW2 at 60, db2 at 61 and db1 at 64\n\n")
    assert "| `db2` | `b2` | 61 | (13,) | (10,) | - | - | - | ❌ wrong: sums over the wrong axis |" in text
    assert "#### GC201 db2 sums over the wrong axis at `reference_net/original.py:61`" in text
    assert "```diff\n--- reference_net/original.py\n" in text
    assert "+    db2 = dZ2.sum(axis=0) / m\n```" in text
    assert "- warning GC103: dW1 is transposed; the update at line 72 puts it right at" in text
    assert text.endswith("would have seen errors from 2e-9 · 462 forwards, 0.04 s")


def test_shapes_alone_are_a_table_of_their_own(make):
    report = make.original()
    lines = render(replace(report, comparisons=(), findings=()), "markdown").splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert len(rows) == len(report.shapes)
    assert [row.split("`")[1] for row in rows] == [row.name for row in report.shapes]
    assert any("❌ wrong |" in row for row in rows)
    assert not [line for line in render(report, "markdown").splitlines() if line.startswith("| value")]


def test_every_table_row_has_every_cell(report):
    rows = [line for line in render(report, "markdown").splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {10}


def test_names_with_pipes_and_backticks_stay_in_their_cells(make):
    row = make.comparison("d`a|b`", Verdict.FAIL, of="a|b", reason="a | b <img> `x`\n@someone *now*")
    text = render(Report("a|b.py", Verdict.FAIL, (row,)), "markdown")
    line = next(line for line in text.splitlines() if line.startswith("| `"))
    assert line.startswith("| `` d`a\\|b` `` | `a\\|b` |")
    assert line.endswith("❌ wrong: a \\| b &lt;img&gt; \\`x\\` @<!-- -->someone \\*now\\* |")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b", "a\\_b"),
        ("A @ W2, A@W2", "A @ W2, A@<!-- -->W2"),
        ("1 < 2 & 3", "1 &lt; 2 &amp; 3"),
        ("[x](y)", "\\[x\\](y)"),
        ("two\nlines", "two lines"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_escape(text, shown):
    assert escape(text) == shown


def test_code_and_fences_hold_backticks():
    assert code("a``b") == "```a``b```"
    assert code("") == ""
    assert fenced("```", "diff") == "````diff\n```\n````"


def test_a_finding_without_a_fix_shows_its_line(make):
    finding = replace(make.original().findings[0], fix=None)
    text = render(replace(make.original(), findings=(finding,)), "markdown")
    assert "```python\n    dW2 = dZ2.T.dot(A1) / m\n```" in text


def test_properties(make):
    text = render(make.properties(), "markdown")
    assert "- ❌ a batch is the mean of its samples: db1 of two equal samples is twice that of one" in text
    assert "  ```\n  x  = [[1.0], [1.0]]" in text
    assert "- ⚠️ extreme logits stay finite: A2 is NaN" in text
    assert "- ✅ 1 property holds" in text


def test_several(make):
    text = render([make.original(), make.corrected()], "markdown")
    assert text.startswith("## ❌ 2 targets: 1 wrong, 1 right\n\n### ❌ reference")
    assert "### ✅ reference\\_net:corrected: all 6 gradients right" in text
