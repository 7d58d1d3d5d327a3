"""Runs the examples of README.md and docs/: Python prompts, and console blocks with the command's real output."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parent

NORMALISED = (
    (re.compile(r"\d+(\.\d+)?e-\d+"), "#e-#"),  # round-off differs between machines
    (re.compile(r"\b\d+(\.\d+)? m?s\b"), "# s"),
    (re.compile(r"\b\d+ (forwards|networks)"), r"# \1"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"-{2,}"), "--"),
)


def normalised(text: str) -> list[str]:
    """Lines without what may differ from machine to machine: round-off, timings, column widths that follow them."""
    for pattern, to in NORMALISED:
        text = pattern.sub(to, text)
    return [line.strip() for line in text.strip().splitlines()]


def matches(expected: list[str], got: list[str]) -> bool:
    """Line by line; a line of "..." stands for any lines."""
    if not expected:
        return not got
    if expected[0] == "...":
        return any(matches(expected[1:], got[i:]) for i in range(len(got) + 1))
    return bool(got) and expected[0] == got[0] and matches(expected[1:], got[1:])


def console(example: Example) -> str | None:
    """`$ command` lines, each followed by what it prints; `# exit 1` behind a command is the exit code it must end with."""
    for session in re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)[1:]:
        line, _, expected = session.partition("\n")
        command, _, code = line.partition("  # exit ")
        words = shlex.split(command)
        program = {"gradcheck": [sys.executable, "-m", "gradcheck"], "python": [sys.executable]}[words[0]]
        environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
        ran = subprocess.run(
            [*program, *words[1:]], capture_output=True, text=True, encoding="utf-8", env=environment, cwd=ROOT / "docs"
        )
        got = ran.stdout + ran.stderr
        if ran.returncode != int(code or 0):
            return f"$ {command}\nended with exit code {ran.returncode}, expected {code or 0}\n{got}"
        if not matches(normalised(expected), normalised(got)):
            return f"$ {command}\nprinted\n{got}\nexpected\n{expected}"
    return None


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), CodeBlockParser("console", console), SkipParser()],
    patterns=["README.md", "docs/*.md"],
).pytest()


@pytest.fixture(autouse=True, scope="session")
def _plain_environment() -> None:
    """Colour and width of the report are the tests' own to set."""
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "GRADCHECK_SEED"):
        os.environ.pop(name, None)
