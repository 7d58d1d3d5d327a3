"""What a report comes to in words: verdicts, order, what is wrong where, how sharp it was."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import replace

from gradcheck.cells import place
from gradcheck.compare import Comparison, Verdict
from gradcheck.render.figures import count, error_text, listed, scale_text, seconds_text
from gradcheck.report import PropertyResult, Report, ShapeRow
from gradcheck.rules.finding import Finding
from gradcheck.shapes import format_shape

Place = tuple[str, int | None]
"""File and line."""


def settle(report: Report) -> Report:
    """Call no gradient right beside a figure that says otherwise: NaN, inf, or an error above the resolution.

    Nothing should come here in that state; a report that printed a relative error of 1.6e3 and PASS (NVIDIA
    Warp, issue 508) is the reason to make sure.
    """
    comparisons = tuple(_settled(comparison) for comparison in report.comparisons)
    if comparisons == report.comparisons:
        return report
    verdict = Verdict.INCONCLUSIVE if report.verdict is Verdict.PASS else report.verdict
    return replace(report, comparisons=comparisons, verdict=verdict)


def _settled(comparison: Comparison) -> Comparison:
    if comparison.verdict is not Verdict.PASS:
        return comparison
    figures = (comparison.scale, comparison.cosine, comparison.max_abs_error, comparison.max_rel_error)
    bad = [figure for figure in figures if figure is not None and not math.isfinite(figure)]
    error, floor = comparison.max_rel_error, comparison.resolution
    if bad:
        reason = f"a figure is {error_text(bad[0])}"
    elif error is not None and floor is not None and not error <= floor:
        reason = f"its error, {error_text(error)}, is above the {error_text(floor)} that can be told from none"
    else:
        return comparison
    return replace(comparison, verdict=Verdict.INCONCLUSIVE, reason=reason)


def finding_of(report: Report, comparison: Comparison) -> Finding | None:
    """The finding about this gradient: on its own line if there is one, errors before warnings."""
    named = [finding for finding in report.findings if finding.tensor == comparison.name]
    here = [finding for finding in named if (finding.file, finding.line) == (comparison.file, comparison.line)]
    twins = sum(other.name == comparison.name for other in report.comparisons) > 1
    found = here if here or twins else named
    return min(found, key=lambda finding: finding.severity != "error", default=None)


def verdict_text(report: Report, comparison: Comparison) -> str:
    """The verdict column: "right, times m", "wrong: transposed", "inherited from dZ1"."""
    reason = comparison.reason
    match comparison.verdict:
        case Verdict.PASS:
            return ", ".join(["right", *_right_but(report, comparison)])
        case Verdict.FAIL:
            found = finding_of(report, comparison)
            said = found.verdict if found and found.severity == "error" else ""
            said = said or reason or _shape_reason(comparison)
            return f"wrong: {said}" if said else "wrong"
        case Verdict.INHERITED:
            if not reason or reason.startswith(("inherited", "from ")):
                return reason if reason.startswith("inherited") else f"inherited {reason}".strip()
            return f"inherited from {reason}" if " " not in reason else f"inherited: {reason}"
        case _:
            return f"{comparison.verdict}: {reason}" if reason else str(comparison.verdict)


def _right_but(report: Report, comparison: Comparison) -> Iterable[str]:
    if comparison.reason:
        yield comparison.reason
    elif comparison.scale is not None and scale_text(comparison.scale) != "1":
        yield f"times {comparison.scale_name or scale_text(comparison.scale)}"
    if comparison.layout:
        found = finding_of(report, comparison)
        said = found.verdict if found else comparison.layout
        if said and said not in comparison.reason:
            yield said.removeprefix("right, ")


def _shape_reason(comparison: Comparison) -> str:
    if comparison.shape == comparison.expected_shape:
        return ""
    return f"shape {format_shape(comparison.shape)}, expected {format_shape(comparison.expected_shape)}"


_RANKS = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INHERITED, Verdict.PASS, Verdict.SKIPPED)


def in_order(report: Report) -> list[Comparison]:
    """Worst first where something is wrong; in the code's order where nothing is."""
    if report.verdict is Verdict.PASS:
        return list(report.comparisons)

    def badness(comparison: Comparison) -> tuple[int, float, bool]:
        rank = _RANKS.index(comparison.verdict)
        if comparison.verdict in (Verdict.PASS, Verdict.SKIPPED):
            return (rank, 0.0, not comparison.layout)
        error = comparison.max_rel_error
        return (rank, -math.inf if error is None or math.isnan(error) else -error, False)

    return sorted(report.comparisons, key=badness)


def errors(report: Report) -> list[Finding]:
    """Findings that make the run fail, in the order of the table."""
    order = {comparison.name: place for place, comparison in reversed(list(enumerate(in_order(report))))}
    found = [finding for finding in report.findings if finding.severity == "error"]
    return sorted(found, key=lambda finding: order.get(finding.tensor or "", len(order)))


def by_cause(report: Report) -> list[tuple[Finding, str]]:
    """The same findings, those of a line's other turns of a loop with the first of them, by name: dh[1] and dh[2].

    A line that updates one parameter after the other has one fault, whatever their names.
    """
    alike: dict[object, list[Finding]] = {}
    for one in errors(report):
        stem = "" if one.category == "update" else (one.tensor or "").partition("[")[0]
        new = None if one.fix is None else one.fix.new
        alike.setdefault((one.code, one.file, one.line, stem, new) if one.line else id(one), []).append(one)
    return [(first, listed([one.tensor or "" for one in others])) for first, *others in alike.values()]


def warnings(report: Report) -> list[Finding]:
    """Findings that do not."""
    return [finding for finding in report.findings if finding.severity == "warning"]


def unexplained(report: Report) -> list[Comparison]:
    """Gradients that are wrong though no finding says why."""
    failed = [comparison for comparison in in_order(report) if comparison.verdict is Verdict.FAIL]
    return [one for one in failed if (found := finding_of(report, one)) is None or found.severity != "error"]


def wrong_places(report: Report) -> dict[Place, list[str]]:
    """Guilty lines in the order of the code, with what goes wrong there."""
    places: dict[Place, list[str]] = {}
    for comparison in report.comparisons:
        if comparison.verdict is Verdict.FAIL:
            found = finding_of(report, comparison)
            blamed = found if found and found.severity == "error" and found.line is not None else comparison
            names = places.setdefault((blamed.file or comparison.file, blamed.line), [])
            names.extend([] if comparison.name in names else [comparison.name])
    covered = {comparison.name for comparison in report.comparisons if comparison.verdict is Verdict.FAIL}
    for finding in errors(report):
        if finding.line is not None and finding.tensor not in covered:
            names = places.setdefault((finding.file or "", finding.line), [])
            names.extend([finding.tensor] if finding.tensor and finding.tensor not in names else [])
    return dict(sorted(places.items(), key=lambda item: (item[0][0], item[0][1] or 0)))


def wrong_shapes(report: Report) -> list[ShapeRow]:
    """Shapes that fail and are not a wrong gradient's own."""
    known = {one.name for one in report.comparisons if one.verdict is Verdict.FAIL}
    return [row for row in report.shapes if row.verdict is Verdict.FAIL and row.name not in known]


def shape_verdict_text(row: ShapeRow) -> str:
    """A shape's verdict in words: "right, transposed, put right at 72"."""
    if row.verdict is Verdict.SKIPPED:
        return row.reason or "no convention known"
    if row.verdict is Verdict.PASS:
        return f"right, {row.reason}" if row.reason else "right"
    return "wrong" if row.verdict is Verdict.FAIL else str(row.verdict)


def wrong_properties(report: Report, severity: str = "error") -> list[PropertyResult]:
    """Properties that do not hold."""
    bad = (Verdict.FAIL, Verdict.INHERITED)
    return [one for one in report.properties if one.verdict in bad and one.severity == severity]


def headline(report: Report) -> str:
    """The answer in one line: "3 lines wrong: dW2 at 60, db2 at 61, db1 at 64"."""
    parts = list(_wrongs(report))
    if report.verdict is Verdict.FAIL and parts:
        return "; ".join(parts)
    doubtful = [one.name for one in report.comparisons if one.verdict is Verdict.INCONCLUSIVE]
    if doubtful:
        parts.append(f"{count(len(doubtful), 'gradient')} inconclusive: {listed(doubtful)}")
    unsure = sum(one.verdict is Verdict.INCONCLUSIVE for one in report.properties)
    if unsure and report.verdict is not Verdict.PASS:
        parts.append(f"{count(unsure, 'property', 'properties')} inconclusive")
    if parts:
        return "; ".join(parts)
    if report.verdict is not Verdict.PASS:
        return "wrong" if report.verdict is Verdict.FAIL else "inconclusive"
    return rights(report)


def _wrongs(report: Report) -> Iterable[str]:
    places = wrong_places(report)
    if places:
        one_file = len({file for file, _ in places} | {one.file for one in report.comparisons}) == 1
        said = [
            f"{f'{listed(names)} at ' if names else ''}{line if one_file else place_text(os.path.basename(file), line)}"
            for (file, line), names in places.items()
        ]
        yield f"{count(len(places), 'line')} wrong: {listed(said)}"
    unplaced = [finding.headline for finding in errors(report) if finding.line is None]
    failed = {one.name for one in report.comparisons if one.verdict is Verdict.FAIL}
    nowhere = [f.headline for f in errors(report) if f.line is None and f.tensor not in failed]
    if nowhere and unplaced:
        yield listed(nowhere, 3)
    if shapes := wrong_shapes(report):
        yield f"{count(len(shapes), 'shape')} wrong: {listed([row.name for row in shapes])}"
    if properties := wrong_properties(report):
        names = listed([one.name for one in properties], 3)
        yield f"{count(len(properties), 'property fails', 'properties fail')}: {names}"


def rights(report: Report) -> str:
    """What is right, for a run in which everything is: "all 6 gradients right"."""
    passed = sum(one.verdict is Verdict.PASS for one in report.comparisons)
    skipped = sum(one.verdict is Verdict.SKIPPED for one in report.comparisons)
    if passed:
        text = "the gradient is right" if passed == 1 else f"all {passed} gradients right"
    elif any(row.verdict is Verdict.PASS for row in report.shapes):
        text = f"all {count(sum(row.verdict is Verdict.PASS for row in report.shapes), 'shape')} right"
    else:
        held = sum(one.verdict is Verdict.PASS for one in report.properties)
        text = count(held, "property holds", "properties hold") if held else "nothing was compared"
    return f"{text}, {skipped} skipped" if skipped else text


def place_text(file: str | None, line: int | None) -> str:
    """net.py:31"""
    return place(file, line) if file and line is not None else file or (f"line {line}" if line else "")


def short_places(report: Report) -> dict[Place, str]:
    """The line column: bare numbers where all is in one file, else with the file's name."""
    files = {comparison.file for comparison in report.comparisons}
    names = [os.path.basename(file) for file in files]
    alike = len(set(names)) < len(names)

    def text(file: str, line: int) -> str:
        return str(line) if len(files) == 1 else place_text(file if alike else os.path.basename(file), line)

    return {(one.file, one.line): text(one.file, one.line) for one in report.comparisons}


def proven(report: Report) -> list[Finding]:
    """Findings with a fix that has been proven."""
    return [one for one in [*errors(report), *warnings(report)] if one.fix and one.fix.verified]


def sharpness(report: Report) -> str:
    """The smallest error that would have been seen in every gradient that is called right."""
    passed = [one.resolution for one in report.comparisons if one.verdict is Verdict.PASS]
    floors = [floor for floor in passed if floor is not None]
    rest = " in the rest" if any(one.verdict is Verdict.INCONCLUSIVE for one in report.comparisons) else ""
    return f"would have seen errors from {error_text(max(floors))}{rest}" if floors else ""


def summary(report: Report) -> list[str]:
    """The last line's parts: what came of it, how sharp it was, what it cost."""
    if report.verdict is Verdict.PASS:
        came = rights(report)
    else:
        lines = len(wrong_places(report))
        inherited = sum(one.verdict is Verdict.INHERITED for one in report.comparisons)
        doubtful = sum(one.verdict is Verdict.INCONCLUSIVE for one in report.comparisons)
        shapes = len(wrong_shapes(report))
        fixes = len({(finding.file, finding.fix.line) for finding in proven(report) if finding.fix})
        properties = len(wrong_properties(report))
        parts = [
            f"{count(lines, 'line')} wrong" if lines else "",
            f"{inherited or 'none'} inherited" if lines or inherited else "",
            f"{count(shapes, 'shape')} wrong" if shapes else "",
            count(properties, "property fails", "properties fail") if properties else "",
            f"{doubtful} inconclusive" if doubtful else "",
            f"{count(fixes, 'fix', 'fixes')} proven" if fixes else "",
        ]
        came = ", ".join(filter(None, parts)) or headline(report)
    cost = f"{count(report.evaluations, 'forward')}, {seconds_text(report.seconds)}"
    return [part for part in (came, sharpness(report), cost) if part]


def tally(verdicts: Iterable[Verdict], unchecked: int = 0) -> str:
    """Several targets: "3 targets: 1 wrong, 2 right", "2 targets: 1 right, 1 not checked"."""
    found = list(verdicts)
    words = {Verdict.FAIL: "wrong", Verdict.INCONCLUSIVE: "inconclusive", Verdict.PASS: "right"}
    parts = [f"{found.count(verdict)} {word}" for verdict, word in words.items() if verdict in found]
    parts += [f"{unchecked} not checked"] if unchecked else []
    return f"{count(len(found) + unchecked, 'target')}: {', '.join(parts)}"


def overall(verdicts: Iterable[Verdict], unchecked: int = 0) -> Verdict:
    """The worst of several; of none, and of what was not checked, nothing is known."""
    found = {*verdicts, *([Verdict.INCONCLUSIVE] if unchecked else [])}
    if Verdict.FAIL in found or Verdict.INHERITED in found:
        return Verdict.FAIL
    return Verdict.PASS if found == {Verdict.PASS} else Verdict.INCONCLUSIVE
