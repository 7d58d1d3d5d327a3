"""The test files that docs/pytest.md shows, run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "pytest.md").read_text(encoding="utf-8")
FILES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", FILES, ids=[re.findall(r"def (test_\w+)", text)[0] for text in FILES])
def test_what_is_shown_passes(session, text) -> None:
    seen = session(text)
    assert set(seen.outcomes.values()) == {"passed"}
    items = [
        name.strip()
        for told in re.findall(r"# items (.*?)(?:, \.\.\.)?$", text, re.MULTILINE)
        for name in told.split(",")
    ]
    assert seen.exit == 0
    assert [name for name in items if name not in seen.outcomes] == []
