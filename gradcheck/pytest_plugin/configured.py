"""`pytest --gradcheck`: the targets under [tool.gradcheck] in pyproject.toml as test items."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradcheck.pytest_plugin import MARK
from gradcheck.pytest_plugin.asked import Check
from gradcheck.pytest_plugin.items import PORTION, portions


class Configured(pytest.File):
    """pyproject.toml, collected: `pyproject.toml::reference_net[dW1]`."""

    def collect(self) -> Iterator[pytest.Item]:
        targets, options = _read(self.path)
        for target in targets:
            check = Check((target,), dict(options), f"[tool.gradcheck] for {target}", (self.path.parent,))
            for portion in portions(check, self.config):
                item: pytest.Item = ConfiguredItem.from_parent(self, name=f"{target}[{portion.id}]")
                item.stash[PORTION] = portion
                item.add_marker(getattr(pytest.mark, MARK))
                yield item


class ConfiguredItem(pytest.Item):
    """One gradient of a configured target; the plugin's hook holds it."""

    def runtest(self) -> None:
        """Nothing besides."""

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, 0, self.name


def _read(path: Path) -> tuple[list[str], dict[str, Any]]:
    """The targets of a pyproject.toml, and the options for all of them."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("gradcheck", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Configured.CollectError(f"--gradcheck: {path.name} can't be read: {error}") from None
    targets = table.get("targets")
    if not targets or not isinstance(targets, list) or not all(isinstance(t, str) for t in targets):
        got = "none" if targets is None else repr(targets)
        raise Configured.CollectError(
            f'--gradcheck: expected targets under [tool.gradcheck] in {path.name}, e.g. targets = ["net.py:train"],'
            f" got {got}"
        )
    return targets, {name: value for name, value in table.items() if name != "targets"}
