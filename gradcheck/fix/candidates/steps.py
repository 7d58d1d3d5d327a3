"""Edits within an index: another entry is taken, of another layer or another step of time."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression

_READS = frozenset({"get", "pop"})


def indexed(e: Expression) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the entries that are read stand in the text, and where their indices do; those within others first."""
    found = [(e.span(n), e.span(index)) for n in e.nodes() if (index := index_of(n)) is not None]
    return sorted(found, key=lambda one: one[0][1] - one[0][0])


def as_step(e: Expression, entries: Sequence[tuple[tuple[int, int], tuple[int, int]]], edit: Edit) -> Edit:
    """The edit, in terms of the entry that is read if it changes an index alone: h[t] for h[t - 1], not t for t - 1."""
    start, behind = _changed(e.text, edit.text) if entries else (0, 0)
    within = (own for own, index in entries if index[0] <= start and len(e.text) - behind <= index[1])
    own = next(within, None)
    if own is None:
        return edit
    at, end = own
    new = edit.text[at : len(edit.text) - (len(e.text) - end)]
    return replace(edit, kind="step", old=e.text[at:end], new=new)


def index_of(node: ast.AST) -> ast.expr | None:
    """What says which entry: t of h[t] and of h.get(t, 0); None where nothing does, or as a name would: p["W1"]."""
    if isinstance(node, ast.Subscript):
        named = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
        return None if named else node.slice
    reads = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _READS
    return node.args[0] if reads and node.args else None  # type: ignore[attr-defined]


def in_index(e: Expression, node: ast.AST) -> bool:
    """Whether a part says which entry is taken, or helps to say it."""
    child, parent = node, e.parents.get(node)
    while parent is not None and index_of(parent) is not child:
        child, parent = parent, e.parents.get(parent)
    return parent is not None


def _changed(old: str, new: str) -> tuple[int, int]:
    """How much of a text is the same before and behind an edit."""
    start = _same(old, new)
    return start, _same(old[start:][::-1], new[start:][::-1])


def _same(a: str, b: str) -> int:
    """The length of what two texts begin with, by halving."""
    least, most = 0, min(len(a), len(b))
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if a[:middle] == b[:middle] else (least, middle - 1)
    return least
