"""How a text report looks: its width, its colours, its glyphs."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck.compare import Verdict
from gradcheck.render.figures import clip, to_ascii

_CODES = {"fail": "31;1", "pass": "32", "warn": "33", "dim": "2", "bold": "1", "mark": "31"}

ROLES = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.INHERITED: "warn",
    Verdict.INCONCLUSIVE: "warn",
    Verdict.SKIPPED: "dim",
}
"""The colour of each verdict."""

_MARKS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.INHERITED: "(✗)",
    Verdict.INCONCLUSIVE: "?",
    Verdict.SKIPPED: "-",
}


@dataclass(frozen=True, slots=True)
class Style:
    """Passed to everything that lays out text."""

    width: int = 100
    """Columns of the terminal."""
    color: bool = False
    """Whether `paint` paints; the text is the same without."""
    ascii: bool = False
    """For streams that cannot encode ✓ and its like."""

    def paint(self, text: str, role: str) -> str:
        """The text in the role's colour, line by line."""
        if not (self.color and role and text):
            return text
        return "\n".join(f"\x1b[{_CODES[role]}m{line}\x1b[0m" if line else "" for line in text.split("\n"))

    def glyphs(self, text: str) -> str:
        """Our own text, for this stream."""
        return to_ascii(text) if self.ascii else text

    def mark(self, verdict: Verdict) -> str:
        """✓ ✗ (✗) ? -"""
        return self.glyphs(_MARKS[verdict])

    def clip(self, text: str, width: int) -> str:
        """Cut at the right with this stream's ellipsis."""
        return clip(text, width, self.glyphs("…"))
