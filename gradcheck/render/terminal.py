"""What the stream can show: colours, columns, glyphs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

DEFAULT_WIDTH = 100
NARROWEST = 40
_GLYPHS = "✓✗▶─·±×…"


def use_color(stream: Any, environ: Mapping[str, str]) -> bool:
    """Whether to paint: NO_COLOR forbids, FORCE_COLOR demands, else on a terminal that is not dumb."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0").lower() not in ("", "0", "false"):
        return True
    return environ.get("TERM") != "dumb" and _is_terminal(stream)


def width(stream: Any, environ: Mapping[str, str]) -> int:
    """Columns: COLUMNS if set, else the terminal's own, else 100; never below 40."""
    told = environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return max(int(told), NARROWEST)
    try:
        return max(os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH, NARROWEST)
    except (AttributeError, ValueError, OSError):
        return DEFAULT_WIDTH


def needs_ascii(stream: Any) -> bool:
    """True where the stream's encoding lacks the report's glyphs."""
    try:
        _GLYPHS.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # no stream, or a closed one
        return False
