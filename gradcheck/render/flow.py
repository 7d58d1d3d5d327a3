"""The flow of a network, forward above backward, each gradient's mark under what it is the gradient of.

forward    x ──────▶ Z1 ──▶ A1 ──────▶ Z2 ──▶ A2 ──▶ loss
backward     dW1 ✓T  dZ1 ✓    dW2 ✗    dZ2 ✓
             db1 ✗            db2 ✗
"""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import zip_longest

from gradcheck.compare import Comparison
from gradcheck.render.figures import columns
from gradcheck.render.style import ROLES, Style
from gradcheck.report import Report

MOST_VALUES = 8
MOST_ROWS = 4
_LABEL = 11


def flow(report: Report, style: Style) -> list[str]:
    """The drawing's lines; none where it would not fit, or where it cannot be told what enters where."""
    values = report.forward
    if not 2 <= len(values) <= MOST_VALUES or len(set(values)) < len(values):
        return []
    under: dict[str, list[Comparison]] = defaultdict(list)  # a value's own gradients
    before: dict[str, list[Comparison]] = defaultdict(list)  # those of the parameters that enter it
    for comparison in report.comparisons:
        if comparison.of in values:
            under[comparison.of].append(comparison)
        elif target := _entered(report, comparison):
            before[target].append(comparison)
        else:
            return []
    if not (under or before) or max(map(len, [*under.values(), *before.values()])) > MOST_ROWS:
        return []
    return _draw(values, under, before, bool(report.loss), style)


def _entered(report: Report, comparison: Comparison) -> str | None:
    """The value that a parameter enters: as told, else by its number, else by the code's order."""
    inner = report.forward if _is_computed(report, report.forward[0]) else report.forward[1:]
    if report.feeds:
        told = report.feeds.get(comparison.of)
        return told if told in report.forward else None
    number = re.search(r"\d+$", comparison.of)
    if number:
        alike = (value for value in inner if re.search(rf"(?<!\d){number[0]}$", value))
        return next(alike, None)
    place = report.comparisons.index(comparison)
    earlier = [one.of for one in report.comparisons[:place] if one.of in inner]
    return earlier[-1] if earlier else None


def _is_computed(report: Report, value: str) -> bool:
    """Whether the first value is no input: nothing but what is computed has an intermediate gradient."""
    return any(one.of == value and one.kind == "intermediate" for one in report.comparisons)


def _draw(
    values: tuple[str, ...],
    under: dict[str, list[Comparison]],
    before: dict[str, list[Comparison]],
    loss: bool,
    style: Style,
) -> list[str]:
    shaft, head = style.glyphs("─"), style.glyphs("▶")
    top, at = "", 0
    marks: list[list[tuple[int, Comparison]]] = []  # column by column: where, and the gradients there
    for place, value in enumerate(values):
        if not place and before[value]:  # what it is computed of is not among the values
            at = max(columns(_mark(one, style)) for one in before[value]) + 2
            marks.append([(0, one) for one in before[value]])
            top += f"{shaft * (at - 2)}{head} "
        if place:
            previous = values[place - 1]
            end = at + columns(previous)  # of its name
            clear = at + _width(previous, under, style) + (2 if under[previous] else 1)  # of its gradients
            entering = max((columns(_mark(one, style)) + 2 for one in before[value]), default=0)
            start = max(end + 5, clear + entering)
            marks.append([(clear, one) for one in before[value]])
            top += f" {shaft * (start - end - 3)}{head} "
            at = start
        marks.append([(at, one) for one in under[value]])
        top += value
    last = values[-1]
    if loss and last.lower() not in ("loss", "l", "cost", "j"):
        top += f" {shaft * 2}{head} loss"
    lines = [f"{'forward':{_LABEL}}{top}"]
    for row, cells in enumerate(zip_longest(*marks)):
        line = "backward" if not row else ""
        plain = columns(line)
        for cell in filter(None, cells):
            column, comparison = cell
            text = _mark(comparison, style)
            gap = _LABEL + column - plain
            if gap < 1:
                return []
            line += " " * gap + style.paint(text, ROLES[comparison.verdict])
            plain += gap + columns(text)
        lines.append(line)
        if plain > style.width:
            return []
    return lines if columns(lines[0]) <= style.width else []


def _width(value: str, under: dict[str, list[Comparison]], style: Style) -> int:
    return max([columns(value), *(columns(_mark(one, style)) for one in under[value])])


def _mark(comparison: Comparison, style: Style) -> str:
    layout = (" T" if style.ascii else "T") if comparison.layout == "transposed" else ""
    return f"{comparison.name} {style.mark(comparison.verdict)}{layout}"
