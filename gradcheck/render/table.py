"""A table that fits: the first of several variants that leaves its last column room."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tabulate import tabulate

from gradcheck.render.figures import clip_middle, columns, wrap
from gradcheck.render.style import Style

ROOM = 30
"""Columns that a variant must leave for the last column, unless that needs fewer."""
NARROWEST = 16
"""The last variant wraps its last column to no less than this, then names are cut."""
_GAP = 2
_PRIVATE = 0xF0000  # the first of 65,534 code points that no text has a meaning for
_CLUSTER = re.compile(r"[^\x00-\x7f]+|[\x20-\x7e][^\x00-\x7f]+")


class Cell(NamedTuple):
    """A cell and its colour."""

    text: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; numbers stand to the right."""

    header: str
    cells: Sequence[Cell]
    right: bool = False

    @property
    def width(self) -> int:
        """What it needs unwrapped."""
        return max(columns(text) for text in (self.header, *(cell.text for cell in self.cells)))


def fit(variants: Sequence[Sequence[Column]], style: Style, indent: str = "") -> list[str]:
    """The lines of the first variant that fits; variants go from the fullest to the barest."""
    room = style.width - len(indent)
    for variant in variants:
        left = room - sum(column.width + _GAP for column in variant[:-1])
        if left >= min(variant[-1].width, ROOM):
            return _lines(variant, left, style, indent)
    narrow = _narrowed(variants[-1], room - NARROWEST, style)
    left = room - sum(column.width + _GAP for column in narrow[:-1])
    return _lines(narrow, max(left, NARROWEST), style, indent)


def _narrowed(variant: Sequence[Column], room: int, style: Style) -> list[Column]:
    """Cut the widest columns until all but the last fit in `room`."""
    widths = [column.width for column in variant[:-1]]
    while sum(widths) + _GAP * len(widths) > room and max(widths, default=0) > 6:
        widths[widths.index(max(widths))] -= 1
    dots = style.glyphs("…")
    cut = [
        Column(
            clip_middle(column.header, width, dots),
            [Cell(clip_middle(cell.text, width, dots), cell.role) for cell in column.cells],
            column.right,
        )
        for column, width in zip(variant, widths)
    ]
    return [*cut, variant[-1]]


def _lines(variant: Sequence[Column], left: int, style: Style, indent: str) -> list[str]:
    *front, last = variant
    wrapped_texts = ["\n".join(wrap(cell.text, left, break_paths=True)) for cell in last.cells]
    painted = [[style.paint(cell.text, cell.role) for cell in column.cells] for column in front]
    painted.append([style.paint(text, cell.role) for text, cell in zip(wrapped_texts, last.cells)])
    # headers as rows: tabulate widens a column to two more than its header, which would cost a column
    headers = [style.paint(column.header, "dim") for column in variant]
    rule = ["-" * column.width for column in front]
    rule.append("-" * max(columns(line) for text in (last.header, *wrapped_texts) for line in text.split("\n")))
    stand_ins: dict[str, str] = {}
    rows = [[_stand_in(cell, stand_ins) for cell in row] for row in zip(*painted)]
    text = tabulate(
        [headers, [style.paint(line, "dim") for line in rule], *rows],
        tablefmt="plain",
        colalign=["right" if column.right else "left" for column in variant],
        disable_numparse=True,
    )
    for stand_in, cluster in stand_ins.items():
        text = text.replace(stand_in, cluster)
    return [(indent + line).rstrip() for line in text.splitlines()]


def _stand_in(cell: str, stand_ins: dict[str, str]) -> str:
    """As many characters as the cell has columns: tabulate counts characters."""
    if cell.isascii():
        return cell

    def replaced(found: re.Match[str]) -> str:
        first = chr(_PRIVATE + len(stand_ins))
        stand_in = first * columns(found[0])
        stand_ins[stand_in] = found[0]
        return stand_in

    return _CLUSTER.sub(lambda found: found[0] if columns(found[0]) == len(found[0]) else replaced(found), cell)
