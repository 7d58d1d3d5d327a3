"""`pytest --gradcheck`: the targets under [tool.gradcheck] in pyproject.toml as test items."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gradcheck import config
from gradcheck.errors import UsageError
from gradcheck.pytest_plugin import MARK
from gradcheck.pytest_plugin.asked import Check
from gradcheck.pytest_plugin.items import PORTION, portions


class Configured(pytest.File):
    """pyproject.toml, collected: `pyproject.toml::reference_net[dW1]`."""

    def collect(self) -> Iterator[pytest.Item]:
        for target in self._targets():
            check = Check((target,), {}, f"[tool.gradcheck] for {target}", (self.path.parent,))
            for portion in portions(check, self.config):
                name = f"{target}[{portion.id}]"
                # the id as text: pytest 9.2 reads the brackets out of it, as it does for --lf
                item: pytest.Item = ConfiguredItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}")
                item.stash[PORTION] = portion
                item.add_marker(getattr(pytest.mark, MARK))
                yield item

    def _targets(self) -> tuple[str, ...]:
        try:
            told = config.load(self.path.parent)
        except UsageError as error:
            raise self.CollectError(str(error)) from None
        if not told.targets or told.folder != self.path.parent:
            raise self.CollectError(
                f"--gradcheck: expected targets under [tool.gradcheck] in {self.path.name},"
                ' e.g. targets = ["net.py:train"], got none.'
            )
        return told.targets


class ConfiguredItem(pytest.Item):
    """One gradient of a configured target; the plugin's hook holds it."""

    def runtest(self) -> None:
        """Nothing besides."""

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, 0, self.name
