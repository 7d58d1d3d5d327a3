"""The console blocks of README.md and the pages below docs/: tests, and written anew by `python docs/console.py`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).resolve().parent
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)

_MAY_DIFFER = (
    (re.compile(r"\d+(\.\d+)?e-\d+"), "#e-#"),  # round-off, which differs between machines
    (re.compile(r"\b\d+(\.\d+)? m?s\b"), "# s"),
    (re.compile(r"\b\d+ (forwards|networks)"), r"# \1"),
    (re.compile(r"[ \t]+"), " "),  # column widths follow the figures
    (re.compile(r"-{2,}"), "--"),
)


def sessions(block: str) -> Iterator[tuple[str, int, str]]:
    """(command, exit code, output) of each `$ command` of a block; `  # exit 1` behind it says how it ends."""
    for session in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, _, output = session.partition("\n")
        command, _, code = line.partition("  # exit ")
        yield command, int(code or 0), output


def run(command: str) -> tuple[int, str]:
    """Exit code and output of a `gradcheck` or `python` command, run in the repo at 100 columns without colour."""
    first, *rest = shlex.split(command)
    program = {"gradcheck": [sys.executable, "-m", "gradcheck"], "python": [sys.executable]}[first]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        [*program, *rest],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        cwd=DOCS.parent,
        stdin=subprocess.DEVNULL,
    )
    return ran.returncode, ran.stdout + ran.stderr


def matches(expected: str, got: str) -> bool:
    """Whether an output is the documented one, but for round-off and timings; a line of "..." stands for any lines."""
    return _match(_lines(expected), _lines(got))


def _match(expected: list[str], got: list[str]) -> bool:
    if not expected:
        return not got
    if expected[0] == "...":
        return any(_match(expected[1:], got[i:]) for i in range(len(got) + 1))
    return bool(got) and expected[0] == got[0] and _match(expected[1:], got[1:])


def _lines(text: str) -> list[str]:
    for pattern, to in _MAY_DIFFER:
        text = pattern.sub(to, text)
    return [line.strip() for line in text.strip().splitlines()]


def renewed(block: str) -> str:
    """The block with what its commands print now; blocks that leave something out with "..." are kept."""
    if re.search(r"^\.\.\.$", block, re.MULTILINE):
        return block
    parts = []
    for command, _, _ in sessions(block):
        code, output = run(command)
        if code == 101:
            raise SystemExit(f"$ {command}\n{output}")
        parts.append(f"$ {command}{f'  # exit {code}' if code else ''}\n{output.rstrip()}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    for page in [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        page.write_text(BLOCK.sub(lambda found: renewed(found[0]), text), encoding="utf-8")
