"""The hooks around each test, registered once a session has a gradcheck mark."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from gradcheck.pytest_plugin import MARK
from gradcheck.pytest_plugin.items import hold
from gradcheck.pytest_plugin.shown import show, tell


@pytest.hookimpl(wrapper=True, trylast=True)  # innermost: output is captured, Hypothesis and skips have had their say
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    __tracebackhide__ = True
    if item.get_closest_marker(MARK) is not None:
        hold(item)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.excinfo is not None:
        show(item, call.excinfo, report)
    if call.when == "call" and item.get_closest_marker(MARK) is not None:
        tell(item, report)
    return report
