"""One cause as a block: the line at fault, what is marked in it, the line that is proven right, and why."""

from __future__ import annotations

from gradcheck.compare import Comparison, Verdict
from gradcheck.render import wording
from gradcheck.render.figures import columns, error_text, wrap
from gradcheck.render.style import Style
from gradcheck.report import Report
from gradcheck.rules.finding import Finding, Fix


def finding_lines(report: Report, finding: Finding, style: Style, verbose: int, also: str = "") -> list[str]:
    """A finding's block; a warning is its headline, and its fix if it has one, unless more is asked for.

    `also` names gradients of which the line makes the same mistake at other turns of a loop.
    """
    warning = finding.severity == "warning"
    role = "warn" if warning else "fail"
    label = f"warning {finding.code}" if warning else finding.code
    place = wording.place_text(finding.file, finding.line)
    lines = _headline(label, finding.headline, place, role, style)
    fix = finding.fix if finding.fix and finding.fix.verified else None
    if fix or not warning or verbose > 0:
        lines += _code(finding, fix, style)
    if warning and verbose < 1:
        return lines
    lines += [line for part in finding.message.splitlines() for line in wrap(part, min(style.width, 100), "  ")]
    about = [one for one in report.comparisons if wording.finding_of(report, one) is finding]
    if also:
        lines += wrap(f"the same at other turns of the loop: {also}", min(style.width, 100), "  ")
    if not warning:
        lines += [line for one in about if one.verdict is Verdict.FAIL for line in _worst(one, style)]
    return lines


def unexplained_lines(report: Report, comparison: Comparison, style: Style) -> list[str]:
    """A gradient that is wrong for no reason that gradcheck knows."""
    said = f"{comparison.name} is {wording.verdict_text(report, comparison)}"
    place = wording.place_text(comparison.file, comparison.line)
    return [*_headline("", said, place, "fail", style), *_worst(comparison, style)]


def _headline(label: str, said: str, place: str, role: str, style: Style) -> list[str]:
    """GC201  db2 sums over the wrong axis                    net.py:61"""
    start = f"{label}  " if label else ""
    room = min(style.width, 100)
    line = f"{start}{said}"
    gap = room - columns(line) - columns(place)
    painted = f"{style.paint(label, role)}{'  ' if label and said else ''}"
    weight = "bold" if role == "fail" else ""
    if gap >= 2:
        return [f"{painted}{style.paint(said, weight)}{' ' * gap * bool(place)}{style.paint(place, 'dim')}"]
    first, *rest = wrap(said, room, start, " " * len(start)) or [start.rstrip()]
    lines = [painted + style.paint(first[len(start) :], weight), *(style.paint(one, weight) for one in rest)]
    if place and rest and (gap := room - columns(rest[-1]) - columns(place)) >= 2:
        lines[-1] += " " * gap + style.paint(place, "dim")
    elif place:
        lines.append(f"{' ' * max(room - columns(place), 2)}{style.paint(place, 'dim')}")
    return lines


def _code(finding: Finding, fix: Fix | None, style: Style) -> list[str]:
    """The line at fault with its mark, and under it, in the same columns, the line that is right."""
    source, span = _expanded(finding.source or "", finding.span)
    if not source.strip() and fix is None:
        return []
    beside = fix is not None and (fix.line == finding.line or bool(fix.summary)) and bool(fix.old)
    labels = [
        str(finding.line or ""),
        ("fix" if beside else f"{'fix' if fix.old else 'new'} {fix.line}") if fix else "",
    ]
    gutter = max(map(len, labels))
    room = style.width - gutter - 5
    dots = style.glyphs("…")
    lines: list[str] = []
    if source.strip():
        shown, shift = window(source, span or (0, 0), room, dots)
        lines.append(f"  {style.paint(f'{labels[0]:>{gutter}} |', 'dim')} {shown}")
        if span:
            first, last = max(span[0] + shift, 0), min(span[1] + shift, len(shown))
            under = "^" * max(columns(shown[first:last]), 1)
            pad = " " * columns(shown[:first])
            lines.append(f"  {style.paint(' ' * gutter + ' |', 'dim')} {pad}{style.paint(under, 'mark')}")
    if fix:
        lines += _fix_lines(fix, source if beside else "", f"{labels[1]:>{gutter}} |", room, style)
    return lines


def _fix_lines(fix: Fix, source: str, label: str, room: int, style: Style) -> list[str]:
    margin = source[: len(source) - len(source.lstrip())]
    proof = f"proven on {fix.proof}" if fix.proof else "proven on fresh inputs"
    lines = []
    for number, new in enumerate((fix.summary or fix.new).expandtabs(4).splitlines() or [""]):
        text = new if number and new.startswith(margin) else margin + new
        focus = next((at for at, (a, b) in enumerate(zip(source, text)) if a != b), min(len(source), len(text)))
        shown, _ = window(text, (focus, focus + 1), room, style.glyphs("…"))
        gutter = label if not number else f"{'|':>{len(label)}}"
        lines.append(f"  {style.paint(gutter, 'dim')} {style.paint(shown, 'pass')}")
        last = columns(shown)
    if last + 3 + len(proof) <= room:
        lines[-1] += "   " + style.paint(proof, "dim")
    else:
        bar = style.paint(f"{'|':>{len(label)}}", "dim")
        lines += [f"  {bar} {style.paint(line, 'dim')}" for line in wrap(proof, room, margin)]
    for other in fix.alternatives:
        shown, _ = window(f"{margin}{' '.join(other.new.split())}", (0, 0), room, style.glyphs("…"))
        lines.append(f"  {style.paint('or |'.rjust(len(label)), 'dim')} {style.paint(shown, 'pass')}")
        lines += [
            f"  {' ' * len(label)} {style.paint(line, 'dim')}" for line in wrap(other.apart, room, margin, margin)
        ]
    return lines


def _expanded(source: str, span: tuple[int, int] | None) -> tuple[str, tuple[int, int] | None]:
    """Tabs as spaces, the first line of several, and the span moved along."""
    source = source.splitlines()[0] if source else ""
    if span:
        first, last = (len(source[:at].expandtabs(4)) for at in span)
        span = (first, last) if first < len(source.expandtabs(4)) and last > first else None
    return source.expandtabs(4).rstrip(), span


def window(text: str, focus: tuple[int, int], room: int, dots: str = "…") -> tuple[str, int]:
    """What of a line too long can be shown around `focus`, and by how much it was moved."""
    if columns(text) <= room:
        return text, 0
    start = 0
    if focus[1] > room - len(dots) - 1:
        start = max(min(focus[0] - room // 3, len(text) - room + len(dots)), 0)
    shown = dots + text[start + len(dots) :] if start else text
    cut = columns(shown) > room
    while columns(shown) > room - len(dots) * cut:
        shown = shown[:-1]
    return shown + dots * cut, -start


def _worst(comparison: Comparison, style: Style) -> list[str]:
    """Never the whole array: the worst entry, both values there, and how sure the numeric one is."""
    worst = comparison.worst
    if worst is None:
        return []
    index = ", ".join(str(int(place)) for place in worst.index)
    entry = f"{comparison.name}[{index}]" if index else comparison.name
    said = f"worst entry: {entry} is {worst.analytic:.6g} in the code, {worst.numeric:.6g} numerically"
    if comparison.error_estimate is not None:
        said += style.glyphs(f" (± {error_text(comparison.error_estimate)} relative)")
    return [style.paint(line, "dim") for line in wrap(said, min(style.width, 100), "  ")]
