"""The statements of a file as they are laid out: one more put in, or one moved past others, the rest left as it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from gradcheck.patch import SourceText, Splice, line_starts, lines_of

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A statement and the block that it stands in."""

    source: SourceText
    block: tuple[ast.stmt, ...]
    index: int

    @property
    def statement(self) -> ast.stmt:
        return self.block[self.index]

    @property
    def span(self) -> tuple[int, int]:
        """Where the statement begins and ends in the file's text."""
        return span(self.source, self.statement)

    @property
    def text(self) -> str:
        """The statement as it is written."""
        start, end = self.span
        return self.source.text[start:end]

    def other(self, index: int) -> Place:
        """Another statement of the same block."""
        return Place(self.source, self.block, index)


def span(source: SourceText, node: ast.stmt | ast.expr) -> tuple[int, int]:
    """Where a node begins and ends in the file's text."""
    end_line, end = node.end_lineno or node.lineno, node.end_col_offset or 0
    return source.offset(node.lineno, node.col_offset), source.offset(end_line, end)


def places(source: SourceText, tree: ast.Module, statement: ast.stmt) -> list[Place]:
    """A statement in its block, and what holds it in theirs, innermost first, up to the function's own block."""
    found: list[Place] = []
    for holder, block in _blocks(tree):
        index = next((i for i, s in enumerate(block) if _holds(s, statement)), None)
        if index is not None:
            if isinstance(holder, _SCOPES):
                found = []
            found.append(Place(source, block, index))
    return found[::-1]


def _blocks(tree: ast.Module) -> Iterator[tuple[ast.AST, tuple[ast.stmt, ...]]]:
    """Every block, those further out first."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                yield node, tuple(block)


def _holds(outer: ast.stmt, inner: ast.stmt) -> bool:
    start, end = (outer.lineno, outer.col_offset), (outer.end_lineno or 0, outer.end_col_offset or 0)
    last = inner.end_lineno or 0, inner.end_col_offset or 0
    return start <= (inner.lineno, inner.col_offset) and last <= end


# -- edits


def behind(place: Place, text: str) -> Splice:
    """A statement put in behind another one."""
    _, end = place.span
    if not _ends_line(place):
        return Splice(end, end, f"; {text}")
    rest = end + len(_rest_of_line(place.source, end))
    return Splice(rest, rest, f"{place.source.line_end}{_margin(place)}{text}")


def before(place: Place, text: str) -> Splice:
    """A statement put in before another one."""
    start, _ = place.span
    end = f"{place.source.line_end}{_margin(place)}" if _begins_line(place) else "; "
    return Splice(start, start, f"{text}{end}")


def moved_behind(place: Place, other: Place) -> tuple[Splice, ...]:
    """A statement moved behind a later one of its block, with the comment beside it where that has a line's end."""
    text = _with_comment(place) if _ends_line(other) else place.text
    return _taken_out(place, text), behind(other, text)


def moved_before(place: Place, other: Place) -> tuple[Splice, ...]:
    """A statement moved before an earlier one of its block."""
    text = _with_comment(place) if _begins_line(other) else place.text
    return before(other, text), _taken_out(place, text)


def _taken_out(place: Place, text: str) -> Splice:
    """The statement gone with what parts it from the others of its line, or with its line but for a comment that stays.

    `text` is what stands elsewhere instead.
    """
    source, (start, end) = place.source, place.span
    rest = _rest_of_line(source, end)
    following = place.block[place.index + 1] if place.index + 1 < len(place.block) else None
    if following is not None and following.lineno == place.statement.end_lineno:
        return Splice(start, source.offset(following.lineno, following.col_offset), "")
    if not _begins_line(place):
        return Splice(place.other(place.index - 1).span[1], end, "")
    if rest.strip() and text == place.text:
        return Splice(start, end, "")
    line = source.line(start)
    last = place.statement.end_lineno or line
    starts = line_starts(source.text)
    return Splice(starts[line - 1], starts[last] if last < len(starts) else len(source.text), "")


def _with_comment(place: Place) -> str:
    """A statement's text with the comment beside it, where it has its lines to itself."""
    _, end = place.span
    rest = _rest_of_line(place.source, end).rstrip()
    return place.text + rest if _begins_line(place) and rest.lstrip().startswith("#") else place.text


def _begins_line(place: Place) -> bool:
    start, _ = place.span
    return not _head(place.source, start).strip()


def _ends_line(place: Place) -> bool:
    """Whether nothing but a comment follows, and a line of its own may."""
    _, end = place.span
    tail = _rest_of_line(place.source, end).strip()
    return not _margin(place).strip() and (not tail or tail.startswith("#"))


def _margin(place: Place) -> str:
    """What stands before the block's first statement: its indentation, or what begins with a colon's statement."""
    return _head(place.source, span(place.source, place.block[0])[0])


def _head(source: SourceText, offset: int) -> str:
    return source.text[line_starts(source.text)[source.line(offset) - 1] : offset]


def _rest_of_line(source: SourceText, offset: int) -> str:
    return lines_of(source.text[offset:])[0]
