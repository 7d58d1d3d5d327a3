"""What a check is worth, as text and JSON: the counts by kind of bug, and what got away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from gradcheck.mutate.result import Count, MutationReport, Outcome
from gradcheck.render.figures import count
from gradcheck.render.style import Style
from gradcheck.render.table import Cell, Column, fit
from gradcheck.render.text import page
from gradcheck.source import shown

SCHEMA_VERSION = 1
MUTATION_FORMATS = ("text", "json")
COLUMNS = ("planted", "caught", "blamed", "named", "repaired", "equivalent", "raised")


def render_mutation(
    report: MutationReport,
    format: str = "text",
    *,
    width: int = 100,
    color: bool = False,
    verbose: int = 0,
    ascii: bool = False,
) -> str:
    """The report in one of MUTATION_FORMATS; the other options are for text."""
    if format == "json":
        return json.dumps(_as_json(report), indent=2, allow_nan=False)
    style = Style(width, color, ascii)
    last = _bottom(report, style)
    if verbose < 0:
        return last
    sections = [_top(report), _table(report, style), *_lists(report, style, verbose), list(report.notes), [last]]
    return style.glyphs(page(sections))


def _top(report: MutationReport) -> list[str]:
    parts = [report.where or report.target, *([report.inputs] if report.inputs else []), f"seed {report.seed}"]
    return [" · ".join(parts)]


def _table(report: MutationReport, style: Style) -> list[str]:
    rows = [*report.kinds.items(), ("all", report.total)]
    columns = [Column("bug", [Cell(kind) for kind, _ in rows])]
    for name in COLUMNS:
        columns.append(Column(name, [_cell(name, of) for _, of in rows], right=True))
    return fit([columns], style) if report.outcomes else []


def _cell(name: str, of: Count) -> Cell:
    n = getattr(of, name)
    if name == "caught":
        return Cell(str(n), "pass" if n == of.planted else "fail")
    return Cell(str(n), "dim" if n == 0 else "")


def _lists(report: MutationReport, style: Style, verbose: int) -> Iterator[list[str]]:
    """What was missed; what was blamed or named wrongly only if it is asked for."""
    checked = [o for o in report.outcomes if o.state == "checked"]
    if report.missed:
        yield [style.paint("missed", "fail"), *_shown(report.missed)]
    wrongly = [o for o in checked if o.caught and not o.blamed]
    unnamed = [o for o in checked if o.blamed and not o.named]
    if verbose > 0 and wrongly:
        yield ["caught, but not blamed on the edited line alone", *_shown(wrongly)]
    if verbose > 0 and unnamed:
        yield ["blamed rightly, but not called by its name", *_shown(unnamed)]


def _shown(outcomes: Any) -> Iterator[str]:
    for o in outcomes:
        m = o.mutant
        yield f"  {shown(m.file)}:{m.line}  {m.kind}"
        yield f"    {m.old}"
        yield f"    {m.new}"
        for said in o.said or ([o.verdict] if o.verdict not in ("pass", "fail") else []):
            yield f"      {said}"


def _bottom(report: MutationReport, style: Style) -> str:
    of = report.total
    cost = f"{report.seconds:.2g} s"
    if not of.planted:
        return style.paint(style.glyphs(f"? nothing could be planted in {report.target} · {cost}"), "warn")
    mark = "✗" if report.missed else "✓"
    caught = f"{of.caught} of {count(of.planted, 'bug')} caught" if report.missed else f"all {of.planted} bugs caught"
    told = f"{of.blamed} blamed on the right line alone, {of.named} called by name, {of.repaired} repaired"
    same = f" · {of.equivalent} changed nothing" if of.equivalent else ""
    role = "fail" if report.missed else "warn" if report.untried else "pass"
    return style.paint(style.glyphs(f"{mark} {caught}, {told}{same} · {cost}"), role)


def _as_json(report: MutationReport) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "target": report.target,
        "total": asdict(report.total),
        "kinds": {kind: asdict(of) for kind, of in report.kinds.items()},
        "mutants": [_mutant(o) for o in report.outcomes],
        "untried": report.untried,
        "notes": list(report.notes),
        "seconds": report.seconds,
        "seed": report.seed,
        "environment": dict(report.environment),
    }


def _mutant(o: Outcome) -> dict[str, Any]:
    m = o.mutant
    return {
        "kind": m.kind,
        "categories": list(m.categories),
        "file": shown(m.file),
        "line": m.line,
        "old": m.old,
        "new": m.new,
        "state": o.state,
        "verdict": o.verdict,
        "caught": o.caught,
        "blamed": o.blamed,
        "named": o.named,
        "offered": o.offered,
        "repaired": o.repaired,
        "said": list(o.said),
    }
