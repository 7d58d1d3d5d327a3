"""A code's page, which is Markdown, as a terminal shows it; without NumPy, since reading needs none."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

_BLOCKS = re.compile(r"^```\w*\n(.*?)^```$|(?:^(?!```)[^\n]+\n?)+", re.MULTILINE | re.DOTALL)
"""Code between fences, else what stands between empty lines."""
_MARKUP = (
    (re.compile(r"!?\[([^\]]+)\]\([^)]*\)"), r"\1"),  # links
    (re.compile(r"`([^`]+)`"), r"\1"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"\1"),
)


def laid_out(markdown: str, width: int) -> str:
    """Paragraphs wrapped, code indented, no markup left.

    >>> print(laid_out("## Right\\n\\nSum over `axis=0`:\\n\\n```python\\ndb = dz.sum(axis=0)\\n```\\n", 80))
    Right
    <BLANKLINE>
    Sum over axis=0:
    <BLANKLINE>
        db = dz.sum(axis=0)
    """
    return "\n\n".join(_blocks(markdown, min(width, 100)))


def _blocks(text: str, width: int) -> Iterator[str]:
    for found in _BLOCKS.finditer(text):
        code = found[1]
        yield textwrap.indent(code.rstrip("\n"), "    ") if code is not None else _paragraph(found[0].strip(), width)


def _paragraph(text: str, width: int) -> str:
    for pattern, plain in _MARKUP:
        text = pattern.sub(plain, text)
    if text.startswith("#"):
        return _filled(text.lstrip("# "), width)
    items = re.split(r"^- ", text, flags=re.MULTILINE)
    if not items[0]:
        return "\n".join(_filled(f"- {item}", width, "  ") for item in items[1:])
    return _filled(text, width)


def _filled(text: str, width: int, hanging: str = "") -> str:
    return textwrap.fill(text, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)
