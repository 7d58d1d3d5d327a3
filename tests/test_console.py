"""The comparison that holds the documentation's outputs would notice a difference that matters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
import console

sys.path.pop(0)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("dW2  right  2e-10  0.04 s", "dW2 right 3.1e-9 1.2 s"),
        ("a\n...\nz", "a\nb\nc\nz"),
        ("-----  --\n1 forwards", "---  ----\n999 forwards"),
    ],
)
def test_round_off_and_time_may_differ(expected: str, got: str) -> None:
    assert console.matches(expected, got)


@pytest.mark.parametrize(
    ("expected", "got"),
    [("dW2 right", "dW2 wrong"), ("a\n...\nz", "a\nb"), ("a\nb", "a"), ("scale 13", "scale 12"), ("", "something")],
)
def test_anything_else_may_not(expected: str, got: str) -> None:
    assert not console.matches(expected, got)


def test_sessions_are_split_with_their_exit_codes() -> None:
    block = "$ gradcheck rules\nGC101\n\n$ gradcheck run x  # exit 2\nno\n"
    assert list(console.sessions(block)) == [("gradcheck rules", 0, "GC101\n\n"), ("gradcheck run x", 2, "no\n")]
