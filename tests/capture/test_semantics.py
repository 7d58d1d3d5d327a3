"""Rewriting never changes what code computes, in which order, what it raises, and where that is said to come from."""

from __future__ import annotations

from pathlib import Path

import pytest
from semantics import instrumented, modes, observe, plain, sources


@pytest.mark.parametrize("mode", modes())
@pytest.mark.parametrize("source", sources(), ids=lambda p: p.name)
def test_nothing_can_be_told_from_outside(source: Path, mode: str) -> None:
    text = source.read_bytes()
    expected = observe(plain(text, str(source)), "corpus")
    assert expected.raised == [], "the corpus itself does not run"
    assert observe(instrumented(text, str(source)), "corpus", modes()[mode]) == expected
