"""The gradient table, worst first, and how each of its figures was had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradcheck.compare import Comparison, Verdict
from gradcheck.render import wording
from gradcheck.render.figures import error_text, scale_text
from gradcheck.render.style import ROLES, Style
from gradcheck.render.table import Cell, Column, fit
from gradcheck.report import Report
from gradcheck.shapes import format_shape


def gradient_table(report: Report, style: Style, verbose: int = 0) -> list[str]:
    """Every gradient, in as many columns as the width has room for."""
    rows = wording.in_order(report)
    if not rows:
        return []
    places = wording.short_places(report)
    shapes = [format_shape(row.shape) for row in rows]
    expected = [format_shape(row.expected_shape) for row in rows]
    name = column("gradient", [row.name for row in rows])
    of = column("of", [row.of for row in rows])
    line = column("line", [places[row.file, row.line] for row in rows], right=True)
    scale = column("scale", [scale_text(row.scale) for row in rows], right=True)
    error = Column(
        "rel. error",
        [Cell(error_text(row.max_rel_error), "mark" if row.verdict is Verdict.FAIL else "") for row in rows],
        right=True,
    )
    sure = column(style.glyphs("± numeric"), [error_text(row.error_estimate) for row in rows], right=True)
    short_error, short_sure = replace(error, header="error"), replace(sure, header=style.glyphs("±"))
    verdict = Column("verdict", [Cell(wording.verdict_text(report, row), ROLES[row.verdict]) for row in rows])
    shape, wanted = column("shape", shapes), column("expected", expected)
    sizes = [shape] if shapes == expected else [shape, wanted]
    variants = [
        [name, of, line, shape, wanted, scale, error, sure, verdict],
        [name, line, shape, wanted, scale, error, sure, verdict],
        [name, line, *sizes, scale, short_error, short_sure, verdict],
        [name, line, *sizes, scale, short_error, verdict],
        [name, line, *sizes, short_error, verdict],
        [name, line, short_error, verdict],
    ]
    return fit(variants, style)


def column(header: str, texts: Sequence[str], *, right: bool = False) -> Column:
    return Column(header, [Cell(text) for text in texts], right)


def details(report: Report, style: Style) -> list[str]:
    """How each figure was had: for -v."""
    rows = wording.in_order(report)
    if not rows:
        return []
    name = column("gradient", [row.name for row in rows])
    method = column("method", [row.method for row in rows])
    spent = column("forwards", [str(row.evaluations) for row in rows], right=True)
    cosine = column("cosine", [scale_text(row.cosine) for row in rows], right=True)
    sees = column("sees from", [error_text(row.resolution) for row in rows], right=True)
    kind = column("in", [row.resolution_kind or "-" for row in rows])
    worst = column("worst entry", [worst_text(row) or "-" for row in rows])
    return fit(
        [
            [name, method, spent, cosine, sees, kind, worst],
            [name, method, cosine, sees, worst],
            [name, sees, worst],
        ],
        style,
    )


def worst_text(comparison: Comparison) -> str:
    """[3, 1]: 0.31 in the code, -0.22 numerically"""
    worst = comparison.worst
    if worst is None:
        return ""
    index = ", ".join(str(int(place)) for place in worst.index)
    return f"[{index}]: {worst.analytic:.6g} in the code, {worst.numeric:.6g} numerically"
