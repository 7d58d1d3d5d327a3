"""The examples of README.md and docs/: Python blocks run in order, console blocks print what they say."""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
import console

sys.path.pop(0)

ROOT = Path(__file__).parents[1]

BLOCK = re.compile(r"(<!--+ skip: next --+>\n+)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def python(body: str, names: dict[str, Any], page: Path, line: int) -> str:
    """What went wrong in a Python block; "" where nothing did."""
    if ">>>" not in body:
        exec(compile(body, str(page), "exec"), names)
        return ""
    told: list[str] = []
    test = doctest.DocTestParser().get_doctest(body, names, page.name, str(page), line)
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=told.append, clear_globs=False)
    names.update(test.globs)
    return "".join(told)


def shell(body: str) -> str:
    """What a console block's commands did other than it says; "" where nothing."""
    for command, code, expected in console.sessions(body):
        ended, got = console.run(command)
        if ended != code or not console.matches(expected, got):
            return f"$ {command}\nended with {ended}, expected {code}, and printed\n{got}"
    return ""


SLOW = frozenset(["tutorial.md", "engines.md", "mutate.md", "notebooks.md", "hazards.md", "time.md", "cli.md"])
"""Pages whose examples take seconds."""


@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=[pytest.mark.slow] * (p.name in SLOW), id=p.name) for p in PAGES]
)
def test_examples(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in BLOCK.finditer(text):
        skipped, language, body = block.groups()
        line = text[: block.start()].count("\n")
        if not skipped and language == "python":
            assert python(body, names, page, line) == ""
        elif not skipped and language == "console":
            assert shell(body) == ""


def test_a_wrong_example_is_caught() -> None:
    assert "Expected" in python(">>> 1 + 1\n3\n", {}, ROOT / "README.md", 0)
    assert "ended with 2, expected 0" in shell("$ gradcheck run no_such_net\nfine\n")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
