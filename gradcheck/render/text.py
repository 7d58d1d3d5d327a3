"""The report for a terminal: the answer first, then the table, then one block a cause."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from gradcheck.compare import Verdict
from gradcheck.render import wording
from gradcheck.render.figures import (
    clean,
    count,
    joined,
    map_strings,
    to_ascii,
    value_text,
    wrap,
)
from gradcheck.render.flow import flow
from gradcheck.render.gradients import column, details, gradient_table
from gradcheck.render.source import finding_lines, unexplained_lines
from gradcheck.render.style import ROLES, Style
from gradcheck.render.table import Cell, Column, fit
from gradcheck.report import Loss, PropertyResult, Report, ShapeRow
from gradcheck.shapes import format_shape


def render_text(report: Report, *, width: int = 100, color: bool = False, verbose: int = 0, ascii: bool = False) -> str:
    """The whole report; `verbose` below 0 is the verdict alone, 1 all shapes and how each figure was had."""
    style = Style(width, color, ascii)
    report = wording.settle(_readable(report, style))
    if verbose < 0:
        return "\n".join(_verdict_lines(report, style, report.where or report.target))
    sections = [
        _top(report, style),
        flow(report, style) if report.verdict is not Verdict.PASS or verbose > 0 else [],
        gradient_table(report, style, verbose),
        details(report, style) if verbose > 0 else [],
        _pairing_lines(report, style) if verbose > 0 else [],
        *(finding_lines(report, finding, style, verbose, also) for finding, also in wording.by_cause(report)),
        *(unexplained_lines(report, comparison, style) for comparison in wording.unexplained(report)),
        [line for one in wording.warnings(report) for line in finding_lines(report, one, style, verbose)],
        shape_lines(report, style, every=verbose > 0),
        _property_lines(report, style, verbose),
        _note_lines(report, style, verbose),
        _bottom(report, style),
    ]
    return page(sections)


def render_shapes(
    report: Report, *, width: int = 100, color: bool = False, verbose: int = 0, ascii: bool = False
) -> str:
    """Every intermediate's shape against its convention, for `gradcheck shapes`."""
    style = Style(width, color, ascii)
    report = _readable(report, style)
    wrong = sum(row.verdict is Verdict.FAIL for row in report.shapes)
    told = sum(row.verdict is not Verdict.SKIPPED for row in report.shapes)
    came = f"{wrong} of {count(told, 'shape')} wrong" if wrong else f"all {count(told, 'shape')} right"
    if not told:
        came = "no shape has a convention to be held against; say it with --shapes"
    verdict = Verdict.FAIL if wrong else Verdict.PASS if told else Verdict.INCONCLUSIVE
    last = style.paint(f"{style.mark(verdict)} {came}", ROLES[verdict])
    sections = [_header(report, style), shape_lines(report, style, every=True), [last]]
    return page(sections)


def page(sections: Iterable[Sequence[str]]) -> str:
    """Sections with an empty line between them, no line ending in blanks."""
    return "\n\n".join("\n".join(line.rstrip() for line in section) for section in sections if section)


def render_several(
    reports: Sequence[Report],
    *,
    width: int = 100,
    color: bool = False,
    verbose: int = 0,
    ascii: bool = False,
    unchecked: int = 0,
) -> str:
    """One report after the other, and the count, `unchecked` of what there is none of."""
    style = Style(width, color, ascii)
    texts = [render_text(one, width=width, color=color, verbose=verbose, ascii=ascii) for one in reports]
    verdicts = [wording.settle(report).verdict for report in reports]
    rule = style.paint(style.glyphs("─") * min(width, 100), "dim")
    worst = wording.overall(verdicts, unchecked)
    last = style.paint(f"{style.mark(worst)} {wording.tally(verdicts, unchecked)}", ROLES[worst])
    between = "\n" if verbose < 0 else f"\n\n{rule}\n\n"
    return between.join([*texts, last])


def _readable(report: Report, style: Style) -> Report:
    """Without control characters, in ASCII where it must be, and the marks in source lines moved along."""

    def change(text: str) -> str:
        return to_ascii(clean(text)) if style.ascii else clean(text)

    findings = [
        replace(one, span=(len(change(one.source[: one.span[0]])), len(change(one.source[: one.span[1]]))))
        if one.source and one.span
        else one
        for one in report.findings
    ]
    return map_strings(replace(report, findings=tuple(findings)), change)


def _verdict_lines(report: Report, style: Style, where: str = "") -> list[str]:
    said = wording.headline(report)
    mark = style.mark(report.verdict)
    lines = wrap(f"{mark} {f'{where}: ' if where else ''}{said}", style.width, hanging="  ")
    return [style.paint(line, ROLES[report.verdict]) for line in lines]


def _header(report: Report, style: Style) -> list[str]:
    dot = style.glyphs(" · ")
    parts = [report.where or report.target, report.inputs, f"seed {report.seed}"]
    return joined(list(filter(None, parts)), dot, style.width)


def _top(report: Report, style: Style) -> list[str]:
    """The answer, where it was looked for, and the loss it is held against."""
    answer = [] if report.verdict is Verdict.PASS else _verdict_lines(report, style)
    return [*answer, *_header(report, style), *(_loss_lines(report.loss, style) if report.loss else [])]


def _loss_lines(loss: Loss, style: Style) -> list[str]:
    value = "" if loss.value is None else f", {value_text(loss.value)}"
    said = value.removeprefix(", ") if loss.expression == "loss" else f"{loss.expression}{value}"
    lines = wrap(said, style.width, "loss  ", " " * 6)
    why = ": ".join(filter(None, ["inferred" if loss.inferred else "", loss.evidence]))
    return lines + [style.paint(line, "dim") for line in wrap(why, style.width, " " * 6)]


def shape_lines(report: Report, style: Style, *, every: bool) -> list[str]:
    """Shapes that fail with their reasons; all of them where asked for."""
    rows = list(report.shapes) if every else wording.wrong_shapes(report)
    if not rows:
        return []
    table = []
    if every:
        table = fit(
            [
                [
                    column("value", [row.name for row in rows]),
                    column("line", [str(row.line or "-") for row in rows], right=True),
                    column("expected", [row.expected or "-" for row in rows]),
                    column("actual", [format_shape(row.actual) for row in rows]),
                    Column("verdict", [Cell(wording.shape_verdict_text(row), ROLES[row.verdict]) for row in rows]),
                ]
            ],
            style,
        )
    reasons = [
        style.paint(line, "mark")
        for row in rows
        if row.verdict is Verdict.FAIL
        for line in wrap(_shape_reason(row), style.width, "shape  " if not every else "", " " * 2)
    ]
    return [*table, *([""] if table and reasons else []), *reasons]


def _shape_reason(row: ShapeRow) -> str:
    """db1: expected (h,) = (10,), got () at net.py:35; h=10 was set by W1 axis 1"""
    reason = row.reason or f"{row.name}: expected {row.expected}, got {format_shape(row.actual)}"
    if not reason.startswith(f"{row.name}:"):
        reason = f"{row.name}: {reason}"
    head, semicolon, tail = reason.partition(";")
    where = wording.place_text(row.file, row.line)
    return f"{head} at {where}{semicolon}{tail}" if where and where not in head else reason


def _property_lines(report: Report, style: Style, verbose: int) -> list[str]:
    if report.verdict is Verdict.PASS and verbose < 1 and not _trouble(report):
        return _checked(report)
    if not report.properties:
        return []
    held = [one for one in report.properties if one.verdict is Verdict.PASS]
    wrong = wording.wrong_properties(report)
    warned = wording.wrong_properties(report, "warning")
    unsure = [one for one in report.properties if one.verdict is Verdict.INCONCLUSIVE]
    skipped = [one for one in report.properties if one.verdict is Verdict.SKIPPED]
    tried = sum(one.examples for one in report.properties)
    parts = [
        count(len(wrong), "fails", "fail") if wrong else "",
        count(len(warned), "warning") if warned else "",
        f"{len(unsure)} inconclusive" if unsure else "",
        count(len(held), "holds", "hold") if held else "",
        f"{len(skipped)} skipped" if skipped else "",
    ]
    networks = f" ({count(tried, 'network')} tried)" if tried else ""
    lines = wrap(f"{', '.join(filter(None, parts))}{networks}", style.width, "properties  ", " " * 12)
    for one in [*wrong, *warned, *unsure, *(skipped if verbose > 0 else [])]:
        lines.extend(_one_property(one, style))
    if verbose > 0:
        lines.extend(style.paint(f"  {style.mark(one.verdict)} {one.name}", "dim") for one in held)
    return lines


def _trouble(report: Report) -> bool:
    return any(one.verdict not in (Verdict.PASS, Verdict.SKIPPED) for one in report.properties)


def _checked(report: Report) -> list[str]:
    """What was checked besides, for a run in which all of it is right."""
    shapes = sum(row.verdict is Verdict.PASS for row in report.shapes)
    held = sum(one.verdict is Verdict.PASS for one in report.properties)
    tried = sum(one.examples for one in report.properties)
    parts = [
        f"{count(shapes, 'shape')} right" if shapes and report.comparisons else "",
        count(held, "property holds", "properties hold") if held else "",
    ]
    said = " and ".join(filter(None, parts))
    networks = f", tried on {count(tried, 'network')}" if held and tried else ""
    return [f"also  {said}{networks}"] if said else []


def _one_property(one: PropertyResult, style: Style) -> Iterator[str]:
    warning = one.severity == "warning" and one.verdict is Verdict.FAIL
    role = "warn" if warning else ROLES[one.verdict]
    mark = "!" if warning else style.mark(one.verdict)
    said = f"{mark} {one.name}{f': {one.reason}' if one.reason else ''}"
    for line in wrap(said, style.width, "  ", "    "):
        yield style.paint(line, role)
    for line in (one.counterexample or "").expandtabs(4).splitlines():
        yield from wrap_code(line, style.width, "      ")
    if one.reproduce:
        yield from (f"      {line}" for line in one.reproduce.splitlines())


def wrap_code(line: str, width: int, indent: str) -> list[str]:
    """A line whose spacing means something: only broken where it is too long."""
    return [indent + line] if len(indent + line) <= width else wrap(line, width, indent, f"{indent}  ")


def _pairing_lines(report: Report, style: Style) -> list[str]:
    """From which evidence each gradient is taken for that of its value."""
    by: dict[str, list[str]] = {}
    for row in report.comparisons:
        if row.paired:
            by.setdefault(row.paired, []).append(f"{row.name} of {row.of}")
    told = (f"by {evidence}: {', '.join(names)}" for evidence, names in by.items())
    return [line for text in told for line in wrap(text, style.width, "paired  ", " " * 8)]


def _note_lines(report: Report, style: Style, verbose: int) -> list[str]:
    lines = [line for note in report.notes for line in wrap(note, style.width, "note  ", " " * 6)]
    if verbose > 0 and report.environment:
        said = ", ".join(f"{name} {value}" for name, value in report.environment.items())
        lines.extend(wrap(said, style.width, "with  ", " " * 6))
    if verbose > 1:
        lines.extend(
            line
            for finding in report.findings
            if finding.evidence
            for line in wrap(
                f"{finding.code} {json.dumps(dict(finding.evidence), default=str, ensure_ascii=style.ascii)}",
                style.width,
                "evidence  ",
                " " * 10,
            )
        )
    return [style.paint(line, "dim") for line in lines]


def _bottom(report: Report, style: Style) -> list[str]:
    """What came of it, how sharp it was, what it cost, and what to type next."""
    came, *rest = wording.summary(report)
    dot = style.glyphs(" · ")
    lines = joined([f"{style.mark(report.verdict)} {came}", *rest], dot, style.width)
    if lines and lines[0].startswith(head := f"{style.mark(report.verdict)} {came}"):
        lines[0] = style.paint(head, ROLES[report.verdict]) + lines[0][len(head) :]
    return [
        *lines,
        *(style.paint(line, "bold") for line in _side_by_side(next_commands(report), style.width)),
    ]


def next_commands(report: Report) -> list[str]:
    """What the reader will want to type now."""
    target = shlex.quote(report.target)
    codes = [finding.code for finding in (wording.errors(report) or wording.warnings(report))]
    written = not report.target.partition(":")[0].endswith(".ipynb")
    commands = [f"gradcheck run {target} --fix"] if wording.proven(report) and written else []
    commands += [f"gradcheck explain {codes[0]}"] if codes else []
    if report.verdict is Verdict.INCONCLUSIVE or (wording.unexplained(report) and not commands):
        commands.insert(0, f"gradcheck run {target} -v")
    return commands


def _side_by_side(commands: Sequence[str], width: int) -> list[str]:
    line = "     ".join(commands)
    return [line] if line and len(line) <= width else list(commands)
