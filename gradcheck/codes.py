"""Every code that a finding can have, known without importing what finds it: its page says what it means."""

from __future__ import annotations

from pathlib import Path

_PAGES = Path(__file__).parent / "rules" / "pages"


def page(code: str) -> str:
    """A code's page with a worked example; "" where none is written."""
    try:
        return (_PAGES / f"{code}.md").read_text(encoding="utf-8").rstrip()
    except OSError:
        return ""


def _heads() -> dict[str, tuple[str, str]]:
    """What the pages begin with: `# GC201: a gradient sums over the wrong axis`, and `wrong-axis, an error.`"""
    found = {}
    for file in sorted(_PAGES.glob("GC*.md")):
        title, _, kind, *_ = page(file.stem).splitlines()
        found[file.stem] = kind.partition(",")[0], title.partition(": ")[2]
    return found


CODES = _heads()
"""Every code with its category and its meaning in a line; a code is never reused."""
