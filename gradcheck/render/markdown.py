"""The report for a pull request's comment, in GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcheck.compare import Verdict
from gradcheck.render import wording
from gradcheck.render.figures import clean, error_text, map_strings, scale_text, value_text
from gradcheck.report import PropertyResult, Report
from gradcheck.rules.finding import Finding
from gradcheck.shapes import format_shape

MARKS = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.INHERITED: "↩️",
    Verdict.INCONCLUSIVE: "⚠️",
    Verdict.SKIPPED: "➖",
}


def render_markdown(reports: Report | Sequence[Report]) -> str:
    """One report, or one below the other under a count."""
    if isinstance(reports, Report):
        return _one(reports)
    verdicts = [wording.settle(report).verdict for report in reports]
    head = f"## {MARKS[wording.overall(verdicts)]} {wording.tally(verdicts)}"
    return "\n\n".join([head, *(_one(report) for report in reports)])


def _one(report: Report) -> str:
    report = wording.settle(map_strings(report, clean))
    parts = [
        f"### {MARKS[report.verdict]} {escape(report.target)}: {escape(wording.headline(report))}",
        _about(report),
        _gradients(report) if report.comparisons else _shapes(report),
        *(_finding(finding, also) for finding, also in wording.by_cause(report)),
        "\n".join(_warning(finding) for finding in wording.warnings(report)),
        "\n".join(
            f"- {MARKS[row.verdict]} shape {escape(row.reason or row.name)}" for row in wording.wrong_shapes(report)
        ),
        "\n".join(_properties(report)),
        "\n".join(f"- note: {escape(note)}" for note in report.notes),
        escape(" · ".join(wording.summary(report))),
    ]
    return "\n\n".join(filter(None, parts))


def _about(report: Report) -> str:
    parts = [escape(report.where), escape(report.inputs), f"seed {report.seed}"]
    lines = [" · ".join(filter(None, parts))]
    if report.loss:
        value = "" if report.loss.value is None else f", {value_text(report.loss.value)}"
        why = f"inferred: {report.loss.evidence}" if report.loss.inferred else report.loss.evidence
        lines.append(f"loss: {escape(report.loss.expression)}{value}{f' ({escape(why)})' if why else ''}")
    return "  \n".join(lines)


def _gradients(report: Report) -> str:
    rows = wording.in_order(report)
    places = wording.short_places(report)
    return table(
        ["gradient", "of", "line", "shape", "expected", "scale", "rel. error", "± numeric", "verdict"],
        [
            [
                code(row.name),
                code(row.of),
                escape(places[row.file, row.line]),
                format_shape(row.shape),
                format_shape(row.expected_shape),
                scale_text(row.scale),
                error_text(row.max_rel_error),
                error_text(row.error_estimate),
                f"{MARKS[row.verdict]} {escape(wording.verdict_text(report, row))}",
            ]
            for row in rows
        ],
        right=(2, 5, 6, 7),
    )


def _shapes(report: Report) -> str:
    """Every shape, of a report that holds nothing else."""
    rows = [
        [
            code(row.name),
            str(row.line or "-"),
            escape(row.expected or "-"),
            format_shape(row.actual),
            f"{MARKS[row.verdict]} {escape(wording.shape_verdict_text(row))}",
        ]
        for row in report.shapes
    ]
    return table(["value", "line", "expected", "actual", "verdict"], rows, right=(1,)) if rows else ""


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A GitHub table; the cells are escaped already."""
    rule = ["---:" if column in right else "---" for column in range(len(headers))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [headers, rule, *rows])


def _finding(finding: Finding, also: str) -> str:
    place = wording.place_text(finding.file, finding.line)
    at = f" at {code(place)}" if place else ""
    parts = [f"#### {finding.code} {escape(finding.headline)}{at}", escape(finding.message)]
    parts += [f"The same at other turns of the loop: {escape(also)}."] if also else []
    fix = finding.fix if finding.fix and finding.fix.verified else None
    if fix:
        body = fix.diff.strip("\n") or f"-{fix.old}\n+{fix.new}"
        summary = f"{escape(fix.summary[0].upper() + fix.summary[1:])}. " if fix.summary else ""
        parts.append(f"{summary}Proven on {escape(fix.proof or 'fresh inputs')}:")
        parts.append(fenced(body, "diff"))
        parts += [f"Or {code(other.new)}: {escape(other.apart)}." for other in fix.alternatives]
    elif finding.source:
        parts.append(fenced(finding.source, "python"))
    return "\n\n".join(filter(None, parts))


def _warning(finding: Finding) -> str:
    place = wording.place_text(finding.file, finding.line)
    return f"- warning {finding.code}: {escape(finding.headline)}{f' at {code(place)}' if place else ''}"


def _properties(report: Report) -> list[str]:
    bad = [*wording.wrong_properties(report), *wording.wrong_properties(report, "warning")]
    held = sum(one.verdict is Verdict.PASS for one in report.properties)
    lines = [line for one in bad for line in _property(one)]
    return [*lines, f"- ✅ {held} propert{'y holds' if held == 1 else 'ies hold'}"] if held else lines


def _property(one: PropertyResult) -> list[str]:
    mark = MARKS[Verdict.INCONCLUSIVE if one.severity == "warning" else one.verdict]
    lines = [f"- {mark} {escape(one.name)}{f': {escape(one.reason)}' if one.reason else ''}"]
    for text in (one.counterexample, one.reproduce):
        if text:
            block = fenced(text, "").splitlines()
            lines.extend(f"  {line}" for line in ["", *block])
    return lines


def escape(text: str) -> str:
    """Text that Markdown shows as it stands, in one line; an @ calls nobody."""
    text = re.sub(r"([\\`*_{}\[\]|~])", r"\\\1", " ".join(text.split()))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"@(?=\w)", "@<!-- -->", text)


def code(text: str) -> str:
    """A code span, with as many backticks as it takes; a pipe stays in its cell."""
    text = " ".join(text.split())
    ticks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}".replace("|", "\\|") if text else ""


def fenced(text: str, language: str) -> str:
    """A code block, fenced by more backticks than it holds."""
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"
