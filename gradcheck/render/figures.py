"""Figures and strings as the reports show them: few digits, no control characters, cut to a width."""

from __future__ import annotations

import dataclasses
import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def error_text(value: float | None) -> str:
    """A relative error: 1.42, 0.31, 0.0012, 4e-10; "-" where nothing was measured."""
    if value is None:
        return "-"
    size = abs(value)
    if not math.isfinite(value) or size == 0 or 100 <= size < 1e6:
        return f"{value:.0f}"
    digits = 3 if size >= 1 else 2 if size >= 1e-3 else 1
    return _short(f"{value:.{digits}g}" if size < 100 else f"{value:.1e}")


def scale_text(value: float | None) -> str:
    """A factor: 13, 0.31, 1; with the digits it takes to tell it from a whole number: 1.0005."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(float(value))
    nearest = round(value)
    if abs(value - nearest) <= 1e-6 * abs(nearest) and abs(nearest) < 1e6:
        return str(nearest)
    for digits in range(2 if abs(value) < 100 else 3, 9):
        text = f"{value:.{digits}g}"
        if float(text) != nearest and abs(float(text) - value) <= 0.05 * abs(value):
            return _short(text)
    return _short(f"{value:.3g}")


def value_text(value: float | None) -> str:
    """A value of the user's own, such as the loss: three digits and no more zeros than needed."""
    return "-" if value is None else _short(f"{float(value):.3g}")


def seconds_text(seconds: float) -> str:
    """0.04 s, 3.2 s, 41 s"""
    if seconds < 0.095:
        return f"{_short(f'{seconds:.1g}')} s"
    return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"


def _short(text: str) -> str:
    """4e-10 rather than 4e-010, 1.6e3 rather than 1.6e+03."""
    return re.sub(r"e([+-])0*(\d)", lambda found: f"e{found[1].strip('+')}{found[2]}", text)


def count(number: int, noun: str, plural: str = "") -> str:
    """1 line, 3 lines"""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(items: Sequence[str], most: int = 6) -> str:
    """a, b and c; a, b and 5 more"""
    shown = list(items) if len(items) <= most else [*items[: most - 1], f"{len(items) - most + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: 2 for an East Asian wide character, none for an accent."""
    if text.isascii():
        return len(text)
    return sum(column_of(character) for character in text)


def column_of(character: str) -> int:
    """How many columns one character takes."""
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    assigned = unicodedata.category(character) != "Cn"  # which Python 3.11 calls wide
    return 2 if assigned and unicodedata.east_asian_width(character) in "WF" else 1


def clip(text: str, width: int, ellipsis: str = "…") -> str:
    """Cut at the right."""
    if columns(text) <= width:
        return text
    while text and columns(text) > width - len(ellipsis):
        text = text[:-1]
    return text + ellipsis


def clip_middle(text: str, width: int, ellipsis: str = "…") -> str:
    """Cut in the middle: of a long name both ends tell something."""
    if columns(text) <= width:
        return text
    left = max((width - len(ellipsis)) // 2, 0)
    right = max(width - len(ellipsis) - left, 0)
    return clip(text[:left] + ellipsis + text[len(text) - right :], width, ellipsis)


def wrap(
    text: str, width: int, indent: str = "", hanging: str | None = None, *, break_paths: bool = False
) -> list[str]:
    """Lines of at most `width` columns; what has a slash in it, such as a path, is broken only on request."""
    hanging = indent if hanging is None else hanging
    room = max(width - max(len(indent), len(hanging)), 1)
    words = _TOGETHER.sub(lambda found: found[0].replace(" ", _HARD), " ".join(text.split())).split(" ")
    lines: list[str] = []
    for word in (piece for whole in words for piece in _pieces(whole, room, break_paths) if piece):
        if lines and columns(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append((hanging if lines else indent) + word)
    return [line.replace(_HARD, " ") for line in lines]


def joined(parts: Sequence[str], dot: str, width: int, hanging: str = "  ") -> list[str]:
    """Parts with a dot between them, broken only there if that can be."""
    if any(len(part) > width - len(hanging) for part in parts):
        return wrap(dot.join(parts), width, hanging=hanging)
    lines = [parts[0]] if parts else []
    for part in parts[1:]:
        if columns(lines[-1] + dot + part) <= width:
            lines[-1] += dot + part
        else:
            lines.append(hanging + part)
    return lines


_HARD = "\x1f"  # stands for a space that no line ends at; no text that was cleaned has it
_TOGETHER = re.compile(r"\(\d+(, \d+)*,?\)|\[\d+(, \d+)*\]|\b\w+ = [\w.]+|\b\w+ [-+×*@/] \w+\b")


def _pieces(word: str, room: int, break_paths: bool) -> list[str]:
    if columns(word) <= room or (not break_paths and re.search(r"[/\\]", word)):
        return [word]
    if _HARD in word:
        return [piece for part in word.split(_HARD) for piece in _pieces(part, room, break_paths)]
    pieces = [""]
    for character in word:
        if pieces[-1] and columns(pieces[-1] + character) > room:
            pieces.append("")
        pieces[-1] += character
    return pieces


def clean(text: str) -> str:
    """Without what would move a terminal's cursor; tabs and line ends stay."""
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


ASCII = str.maketrans(
    {
        "✓": "ok",
        "✗": "X",
        "▶": ">",
        "─": "-",
        "·": "|",
        "±": "+-",
        "×": "x",
        "—": "-",
        "–": "-",
        "−": "-",
        "…": "...",
        "→": "->",
        "≤": "<=",
        "≥": ">=",
        "≠": "!=",
        "≈": "~",
        "∂": "d",
        "ᵀ": ".T",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
    }
)


def to_ascii(text: str) -> str:
    """For streams that lack the glyphs: known ones spelled out, the rest escaped as Python would."""
    return text.translate(ASCII).encode("ascii", "backslashreplace").decode("ascii")


def map_strings(thing: T, change: Callable[[str], str]) -> T:
    """The same dataclass, mapping or tuple with every string in it changed."""
    return _mapped(thing, change)  # type: ignore[no-any-return]


def _mapped(thing: Any, change: Callable[[str], str]) -> Any:
    if isinstance(thing, str):
        return change(thing) if type(thing) is str else thing  # an enum stays itself
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        fields = ((f.name, getattr(thing, f.name)) for f in dataclasses.fields(thing))
        changed = {name: _mapped(value, change) for name, value in fields}
        return dataclasses.replace(thing, **changed)
    if isinstance(thing, Mapping):
        return {_mapped(key, change): _mapped(value, change) for key, value in thing.items()}
    if isinstance(thing, tuple | list):
        changed_items = [_mapped(item, change) for item in thing]
        return changed_items if isinstance(thing, list) else tuple(changed_items)
    return thing
