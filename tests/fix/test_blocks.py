"""Whole statements put in and moved: everything else stays as it is, byte for byte."""

from __future__ import annotations

import ast

import pytest

from gradcheck.fix.blocks import Place, before, behind, moved_before, moved_behind, places
from gradcheck.patch import SourceText, spliced


def place(text: str, wanted: str) -> Place:
    """The statement that reads so, in its block."""
    source, tree = SourceText("/net.py", text, "utf-8", ""), ast.parse(text)
    found = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and ast.get_source_segment(text, n) == wanted]
    return places(source, tree, found[0])[0]


MOVES = {
    "lines of their own": ("a = 1\nb = 2\nc = 3\n", "b = 2\nc = 3\na = 1\n"),
    "its comment goes with it": ("a = 1  # one\nb = 2\nc = 3  # three\n", "b = 2\nc = 3  # three\na = 1  # one\n"),
    "indented by a tab": ("if x:\n\ta = 1\n\tb = 2\n\tc = 3\n", "if x:\n\tb = 2\n\tc = 3\n\ta = 1\n"),
    "no line end at the end": ("a = 1\nb = 2\nc = 3", "b = 2\nc = 3\na = 1"),
    "other line ends": ("a = 1\r\nb = 2\r\nc = 3\r\n", "b = 2\r\nc = 3\r\na = 1\r\n"),
    "beside others": ("a = 1; b = 2; c = 3\n", "b = 2; c = 3\na = 1\n"),
    "behind one beside others": ("a = 1\nb = 2\nc = 3; d = 4\n", "b = 2\nc = 3; a = 1; d = 4\n"),
    "a comment that can't come along stays": ("a = 1  # one\nc = 3; d = 4\n", "  # one\nc = 3; a = 1; d = 4\n"),
    "behind a colon": ("for i in x: a = 1; b = 2; c = 3\n", "for i in x: b = 2; c = 3; a = 1\n"),
    "umlauts": ("a = 1  # ä\nb = 'ö'\nc = 3  # ü\n", "b = 'ö'\nc = 3  # ü\na = 1  # ä\n"),
}


@pytest.mark.parametrize(("old", "new"), MOVES.values(), ids=MOVES)
def test_moved_behind(old: str, new: str) -> None:
    made = spliced(old, moved_behind(place(old, "a = 1"), place(old, "c = 3")))
    assert made == new
    assert ast.dump(ast.parse(made)) != ast.dump(ast.parse(old))


def test_of_several_lines() -> None:
    old = "if x:\n    a = f(\n        1,\n    )\n    b = 2\n"
    new = "if x:\n    b = 2\n    a = f(\n        1,\n    )\n"
    assert spliced(old, moved_behind(place(old, "a = f(\n        1,\n    )"), place(old, "b = 2"))) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a = 1\nb = 2\nc = 3\n", "c = 3\na = 1\nb = 2\n"),
        ("  \nif x:\n    a = 1\n    b = 2\n    c = 3\n", "  \nif x:\n    c = 3\n    a = 1\n    b = 2\n"),
        ("a = 1; b = 2; c = 3\n", "c = 3\na = 1; b = 2\n"),
        ("a = 1\nb = 2\nc = 3  # three\n", "c = 3  # three\na = 1\nb = 2\n"),
        ("for i in x: a = 1; b = 2; c = 3\n", "for i in x: c = 3; a = 1; b = 2\n"),
    ],
)
def test_moved_before(old: str, new: str) -> None:
    assert spliced(old, moved_before(place(old, "c = 3"), place(old, "a = 1"))) == new


def test_put_in() -> None:
    text = "def f():\n    a = 1  # one\n    return a\n"
    assert spliced(text, [behind(place(text, "a = 1"), "b = 2")]) == text.replace("# one", "# one\n    b = 2")
    assert spliced(text, [before(place(text, "return a"), "b = 2")]) == text.replace("    ret", "    b = 2\n    ret")


def test_blocks_end_at_the_function() -> None:
    text = "def f():\n    for i in x:\n        if i:\n            a = 1\n"
    source, tree = SourceText("/net.py", text, "utf-8", ""), ast.parse(text)
    inner = next(n for n in ast.walk(tree) if isinstance(n, ast.Assign))
    assert [type(p.statement).__name__ for p in places(source, tree, inner)] == ["Assign", "If", "For"]
