"""Runs the examples of README.md and docs/: Python prompts, and console blocks with the command's real output."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

sys.path.insert(0, str(Path(__file__).parent / "docs"))
import console

sys.path.pop(0)

pytest_plugins = ["pytester"]


def evaluate(example: Example) -> str | None:
    """None where every command of a console block prints and ends as it says, else what it did instead."""
    for command, code, expected in console.sessions(example.parsed):
        ended, got = console.run(command)
        if ended != code:
            return f"$ {command}\nended with exit code {ended}, expected {code}\n{got}"
        if not console.matches(expected, got):
            return f"$ {command}\nprinted\n{got}\nexpected\n{expected}"
    return None


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), CodeBlockParser("console", evaluate), SkipParser()],
    patterns=["README.md", "docs/*.md"],
).pytest()


@pytest.fixture(autouse=True, scope="session")
def _plain_environment() -> Iterator[None]:
    """Colour and width of the report are the tests' own to set."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
            patch.delenv(name, raising=False)
        yield
