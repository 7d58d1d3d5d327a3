"""One part of a report, for a test item of its own: a single gradient, or all that is no single gradient's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gradcheck.compare import Comparison, Verdict
from gradcheck.render import wording
from gradcheck.render.figures import clean, wrap
from gradcheck.render.flow import flow
from gradcheck.render.gradients import gradient_table
from gradcheck.render.source import finding_lines, unexplained_lines
from gradcheck.render.style import ROLES, Style
from gradcheck.render.text import (
    _header,
    _loss_lines,
    _property_lines,
    _readable,
    next_commands,
    page,
    shape_lines,
)
from gradcheck.report import PropertyResult, Report, ShapeRow
from gradcheck.rules.finding import Finding


@dataclass(frozen=True, slots=True)
class Part:
    """What a report says of one gradient, or of all that is no gradient's."""

    verdict: Verdict
    """pass where nothing is wrong; fail, inherited, inconclusive, or skipped."""
    said: str = ""
    """What is wrong, in one line: "db2 sums over the wrong axis"; "" where nothing is."""
    file: str = ""
    """Where."""
    line: int | None = None
    """1-based."""
    comparisons: tuple[Comparison, ...] = ()
    """The rows that show it."""
    findings: tuple[Finding, ...] = ()
    """Causes, errors and warnings."""
    shapes: tuple[ShapeRow, ...] = ()
    """Shapes that are wrong."""
    properties: tuple[PropertyResult, ...] = ()
    """Properties that do not hold."""

    @property
    def brief(self) -> str:
        """db2 sums over the wrong axis at net.py:47"""
        place = wording.place_text(self.file, self.line)
        return f"{self.said} at {place}" if place and self.verdict is not Verdict.INHERITED else self.said


def tensor_part(report: Report, name: str) -> Part:
    """One gradient: wrong by its own verdict, by an error found in it, or by its shape."""
    row = next((c for c in report.comparisons if c.name == name), None)
    if row is None:
        there = ", ".join(c.name for c in report.comparisons) or "none"
        return Part(Verdict.FAIL, f"{name}: the code computed this gradient when tests were collected, now: {there}")
    found = tuple(f for f in report.findings if f.tensor == name)
    shapes = tuple(s for s in report.shapes if s.name == name and s.verdict is Verdict.FAIL)
    part = Part(row.verdict, "", row.file, row.line, (row,), found, shapes)
    if row.verdict is Verdict.INHERITED:
        return replace(part, said=_inherited(report, row))
    wrong = next((f for f in found if f.severity == "error"), None)
    if wrong is not None:
        file, line = (wrong.file or row.file), (wrong.line or row.line)
        return replace(part, verdict=Verdict.FAIL, said=wrong.headline, file=file, line=line)
    if row.verdict is not Verdict.PASS:
        return replace(part, said=f"{name} is {wording.verdict_text(report, row)}")
    if shapes:
        return replace(part, verdict=Verdict.FAIL, said=f"{name} has a wrong shape: {shapes[0].reason}")
    return part


def _inherited(report: Report, row: Comparison) -> str:
    source = next((c for c in report.comparisons if c.name == row.reason.removeprefix("from ")), None)
    if source is None:
        return f"{row.name} is wrong, {wording.verdict_text(report, row)}"
    at = wording.place_text(source.file, source.line)
    return f"{row.name} is wrong only because {source.name} is, at {at}"


def rest_part(report: Report, names: Sequence[str]) -> Part:
    """All that the gradients `names` leave over: the forward, the update, shapes, properties, the run as a whole."""
    known = {c.name for c in report.comparisons}
    strays = [p for c in report.comparisons if c.name not in names and (p := tensor_part(report, c.name)).said]
    found = tuple(f for f in report.findings if f.tensor not in known)
    wrong = [f for f in found if f.severity == "error"]
    shapes = tuple(s for s in report.shapes if s.verdict is Verdict.FAIL and s.name not in known)
    blamed = any(tensor_part(report, name).verdict is Verdict.FAIL for name in known)
    properties = () if blamed else tuple(wording.wrong_properties(report))  # a wrong gradient breaks properties too
    said = [
        *(f.headline for f in wrong),
        *(p.said for p in strays),
        *(s.reason or f"{s.name} has a wrong shape" for s in shapes),
        *(f"{p.name}{f': {p.reason}' if p.reason else ''}" for p in properties),
    ]
    rows = tuple(c for p in strays for c in p.comparisons)
    places = [(f.file or "", f.line) for f in wrong] + [(p.file, p.line) for p in strays]
    places += [(row.file, row.line) for row in shapes]
    file, line = next((place for place in places if place[0]), ("", None))
    if not said:
        return replace(_as_a_whole(report), findings=found)
    unsure = all(p.verdict is Verdict.INCONCLUSIVE for p in strays) and len(strays) == len(said)
    verdict = Verdict.INCONCLUSIVE if unsure else Verdict.FAIL
    causes = (*found, *(f for p in strays for f in p.findings))
    return Part(verdict, "; ".join(said), file, line, rows, causes, shapes, properties)


def _as_a_whole(report: Report) -> Part:
    """A report that is not right although no part of it is wrong, and one that holds nothing."""
    if all(c.verdict is Verdict.SKIPPED for c in report.comparisons):
        return Part(Verdict.FAIL, "no gradient was checked")
    if report.verdict is not Verdict.PASS and not any(tensor_part(report, c.name).said for c in report.comparisons):
        return Part(report.verdict, wording.headline(report))
    return Part(Verdict.PASS)


def render_part(
    report: Report,
    part: Part,
    *,
    whole: bool = True,
    elsewhere: str = "",
    width: int = 100,
    color: bool = False,
    ascii: bool = False,
) -> str:
    """A part that is wrong, with its cause and, where `whole`, all of the report's table under it.

    Otherwise `elsewhere` says where that table is to be found.
    """
    style = Style(width, color, ascii)
    causes = tuple(_causes(report, part))
    properties = report.properties if whole else part.properties
    own = replace(report, comparisons=part.comparisons, findings=causes, shapes=part.shapes, properties=properties)
    own, report = _readable(own, style), _readable(report, style)
    told = [f.headline for f in own.findings] + [
        f"{c.name} is {wording.verdict_text(own, c)}" for c in wording.unexplained(own)
    ]
    said = style.glyphs(clean(part.said))
    headline = wrap(f"{style.mark(part.verdict)} {style.glyphs(clean(part.brief))}", width, hanging="  ")
    head = [*_header(report, style), *(_loss_lines(report.loss, style) if report.loss else [])]
    return page(
        [
            [] if said in told else [style.paint(line, ROLES[part.verdict]) for line in headline],
            *(finding_lines(own, finding, style, 0) for finding in own.findings),
            *(unexplained_lines(own, row, style) for row in wording.unexplained(own)),
            shape_lines(own, style, every=False),
            _property_lines(own, style, 0) if part.properties else [],
            *([head, flow(report, style), gradient_table(report, style)] if whole else [gradient_table(own, style)]),
            _property_lines(own, style, 0) if whole and not part.properties and wording.wrong_properties(own) else [],
            [] if whole else [style.paint(line, "dim") for line in wrap(elsewhere, width)],
            [style.paint(line, "bold") for line in next_commands(own)],
        ]
    )


def _causes(report: Report, part: Part) -> Iterable[Finding]:
    """The part's own causes; for a gradient that inherits its error, those of where it comes from."""
    if part.verdict is Verdict.INHERITED and part.comparisons:
        source = part.comparisons[0].reason.removeprefix("from ")
        return [f for f in report.findings if f.tensor == source and f.severity == "error"]
    return sorted(part.findings, key=lambda f: f.severity != "error")


def warning_lines(report: Report, part: Part, *, width: int = 100) -> list[str]:
    """What should be known of a part that is right all the same."""
    style = Style(width)
    return [line for f in part.findings if f.severity == "warning" for line in finding_lines(report, f, style, 0)]
