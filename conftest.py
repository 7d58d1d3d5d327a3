"""What every test starts from: no colour or width set from outside, and no module left by the test before it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent


@pytest.fixture(autouse=True, scope="session")
def _plain_environment() -> Iterator[None]:
    """Colour and width of the report are the tests' own to set."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def _no_module_left() -> Iterator[None]:
    """A `net.py` of one test's folder must not be the `net` of the next one."""
    before, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if isinstance(file, str) and "pytest-of-" in file and not Path(file).is_relative_to(ROOT):
            del sys.modules[name]
