"""Writes the table of docs/findings.md: every code with its category, its meaning and its page."""

from __future__ import annotations

from pathlib import Path

from gradcheck.codes import CODES

PAGE = Path(__file__).with_name("findings.md")
HEAD = "| code | category | what it says |\n|---|---|---|\n"


def table() -> str:
    """One row a code."""
    rows = (
        f"| [{code}](../gradcheck/rules/pages/{code}.md) | {category} | {meaning} |\n"
        for code, (category, meaning) in CODES.items()
    )
    return HEAD + "".join(rows)


def renewed(text: str) -> str:
    """The page with its table as it should be."""
    before, _, after = text.partition(HEAD)
    rest = after.splitlines(keepends=True)
    while rest and rest[0].startswith("|"):
        del rest[0]
    return before + table() + "".join(rest)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
