"""Two backward passes over the same numbers, layer by layer: text, Markdown and JSON."""

from __future__ import annotations

import re

from gradcheck.compare import Comparison, Verdict
from gradcheck.errors import UsageError
from gradcheck.render import as_json, markdown, wording
from gradcheck.render.figures import (
    clean,
    count,
    error_text,
    listed,
    map_strings,
    scale_text,
    seconds_text,
    to_ascii,
    value_text,
    wrap,
)
from gradcheck.render.style import Style
from gradcheck.render.table import Cell, Column, fit
from gradcheck.render.text import page
from gradcheck.report import DiffReport, DiffRow
from gradcheck.shapes import format_shape


def render_diff(
    diff: DiffReport,
    format: str = "text",
    *,
    width: int = 100,
    color: bool = False,
    verbose: int = 0,
    ascii: bool = False,
) -> str:
    """The difference in one of the three formats."""
    if format == "json":
        return as_json.dump(as_json.diff_object(diff))
    if format == "markdown":
        return _markdown(map_strings(diff, clean))
    if format != "text":
        raise UsageError(f"gradcheck diff has no format {format!r}; it has text, json, markdown")
    style = Style(width, color, ascii)
    diff = map_strings(diff, clean)
    return _text(map_strings(diff, to_ascii) if ascii else diff, style, verbose)


def headline(diff: DiffReport) -> str:
    """different: dW2, db2, db1 and the layout of dW1; reference_net:corrected is right"""
    differing = [row for row in diff.rows if row.different]
    if not diff.rows:
        return "nothing to compare: no gradient is computed by both"
    if not differing:
        return f"the same in {_all(len(diff.rows))}; {_verdict_on(diff, list(diff.rows))}"
    values = [row.name for row in differing if not _layout_only(row)]
    layouts = [row.name for row in differing if _layout_only(row)]
    said = [*values, f"the layout of {listed(layouts)}"] if layouts else values
    return f"different: {listed(said, 8)}; {_verdict_on(diff, differing)}"


def _all(number: int) -> str:
    return "its one gradient" if number == 1 else f"all {number} gradients"


def _layout_only(row: DiffRow) -> bool:
    """The same numbers in another layout: both right but for where they stand."""
    return bool(row.layout) and row.rel_difference is not None and _matches(row)


def _matches(row: DiffRow) -> bool:
    floors = [one.resolution for one in (row.a, row.b) if one and one.resolution is not None]
    return (row.rel_difference or 0.0) <= max(floors, default=0.0)


def _verdict_on(diff: DiffReport, rows: list[DiffRow]) -> str:
    sides = {row.right for row in rows} - {"both"}
    if not sides:
        return "both are right"
    if sides == {"neither"}:
        return "neither is right"
    if sides in ({"a"}, {"b"}):
        return f"{diff.a if sides == {'a'} else diff.b} is right"
    named = {"a": diff.a, "b": diff.b, "neither": "neither"}
    return ", ".join(
        f"{named[side]} is right in {listed([row.name for row in rows if row.right == side])}"
        for side in ("a", "b", "neither")
        if side in sides
    )


def layer_of(row: DiffRow) -> str:
    """W2 belongs to layer 2, layers[1].W to layers[1]; "" where the name does not tell."""
    if row.layer:
        return row.layer
    owner, dot, _ = row.of.rpartition(".")
    if dot and owner != "self":
        return owner.removeprefix("self.")
    number = re.search(r"\d+$", row.of)
    return number[0] if number else ""


def what_differs(row: DiffRow) -> str:
    """The last column: "same", "layout", "differs: sums over another axis", "only in a"."""
    if row.a is None or row.b is None:
        return "only in a" if row.b is None else "only in b"
    if not row.different:
        return "same"
    if row.reason:
        return row.reason
    if _layout_only(row):
        return f"layout, {row.layout}"
    return "shape" if row.a.shape != row.b.shape and not row.layout else row.layout or "values"


def _place(one: Comparison | None) -> str:
    return str(one.line) if one else "-"


def _shape(one: Comparison | None) -> str:
    return format_shape(one.shape) if one else "-"


def _expected(row: DiffRow) -> str:
    seen = row.a or row.b
    return format_shape(seen.expected_shape) if seen else "-"


def _roles(row: DiffRow) -> str:
    return ("warn" if row.right == "both" else "fail") if row.different else "pass"


def _text(diff: DiffReport, style: Style, verbose: int) -> str:
    verdict = Verdict.PASS if diff.same and diff.rows else Verdict.FAIL
    role = "pass" if diff.same and all(row.right == "both" for row in diff.rows) else "fail"
    said = wrap(f"{style.mark(verdict)} {headline(diff)}", style.width, hanging="  ")
    lines = [style.paint(line, role) for line in said]
    if verbose < 0:
        return "\n".join(lines)
    dot = style.glyphs(" · ")
    for letter, target in (("a", diff.a), ("b", diff.b)):
        lines += wrap(f"{target}{_file(diff, letter, dot)}", style.width, f"{letter}     ", " " * 6)
    lines += wrap(dot.join(filter(None, [diff.inputs, f"seed {diff.seed}"])), style.width, "on    ", " " * 6)
    if diff.loss:
        value = "" if diff.loss.value is None else f", {value_text(diff.loss.value)}"
        lines += wrap(f"{diff.loss.expression}{value}", style.width, "loss  ", " " * 6)
    notes = [line for note in diff.notes for line in wrap(note, style.width, "note  ", " " * 6)]
    cost = f"{count(diff.evaluations, 'forward')}, {seconds_text(diff.seconds)}"
    differing = sum(row.different for row in diff.rows)
    came = f"{differing} of {count(len(diff.rows), 'gradient')} differ{'s' * (differing == 1)}"
    last = [style.paint(f"{style.mark(verdict)} {came}", role) + f"{dot}{cost}"]
    sections = [lines, _table(diff, style), notes, last]
    return page(sections)


def _file(diff: DiffReport, letter: str, dot: str) -> str:
    """The file, where all of that side's gradients are in one."""
    files = {one.file for row in diff.rows if (one := row.a if letter == "a" else row.b)}
    return f"{dot}{files.pop()}" if len(files) == 1 else ""


def _table(diff: DiffReport, style: Style) -> list[str]:
    rows = diff.rows
    if not rows:
        return []

    def column(header: str, texts: list[str], right: bool = False) -> Column:
        return Column(header, [Cell(text) for text in texts], right)

    layers = [layer_of(row) for row in rows]
    layer = [column("layer", layers)] if any(layers) else []
    name = column("gradient", [row.name for row in rows])
    lines = [
        column("a line", [_place(row.a) for row in rows], True),
        column("b line", [_place(row.b) for row in rows], True),
    ]
    shapes = [
        column("a shape", [_shape(row.a) for row in rows]),
        column("b shape", [_shape(row.b) for row in rows]),
    ]
    expected = column("expected", [_expected(row) for row in rows])
    apart = column("difference", [error_text(row.rel_difference) for row in rows], True)
    scale = column("a / b", [scale_text(row.scale) for row in rows], True)
    cosine = column("cosine", [scale_text(row.cosine) for row in rows], True)
    right = Column("right", [Cell(row.right, "" if row.right == "both" else "bold") for row in rows])
    what = Column("what differs", [Cell(what_differs(row), _roles(row)) for row in rows])
    return fit(
        [
            [*layer, name, *lines, *shapes, expected, apart, scale, cosine, right, what],
            [*layer, name, *lines, *shapes, expected, apart, right, what],
            [*layer, name, *lines, *shapes, apart, right, what],
            [*layer, name, *lines, apart, right, what],
            [name, right, what],
        ],
        style,
    )


def _markdown(diff: DiffReport) -> str:
    code, escape = markdown.code, markdown.escape
    mark = markdown.MARKS[Verdict.PASS if diff.same else Verdict.FAIL]
    about = [f"a: {code(diff.a)}", f"b: {code(diff.b)}", escape(diff.inputs), f"seed {diff.seed}"]
    rows = [
        [
            escape(layer_of(row)),
            code(row.name),
            code(wording.place_text(row.a.file, row.a.line)) if row.a else "-",
            code(wording.place_text(row.b.file, row.b.line)) if row.b else "-",
            _shape(row.a),
            _shape(row.b),
            _expected(row),
            error_text(row.rel_difference),
            scale_text(row.scale),
            scale_text(row.cosine),
            row.right,
            escape(what_differs(row)),
        ]
        for row in diff.rows
    ]
    headers = ["layer", "gradient", "a", "b", "a shape", "b shape", "expected"]
    headers += ["difference", "a / b", "cosine", "right", "what differs"]
    parts = [
        f"### {mark} {escape(headline(diff))}",
        " · ".join(filter(None, about)),
        markdown.table(headers, rows, right=(7, 8, 9)) if rows else "",
        "\n".join(f"- note: {escape(note)}" for note in diff.notes),
    ]
    return "\n\n".join(filter(None, parts))
