"""The pytest plugin: `@pytest.mark.gradcheck("pkg.net:train")` makes one test item of every gradient.

All items of a test share one run of the check, made when the first of them runs. Every session with gradcheck installed
imports this module, so it imports little but pytest; the rest is imported once a mark is met.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gradcheck.errors import GradcheckError, WrongGradientError

if TYPE_CHECKING:
    from gradcheck.report import Report

MARK = "gradcheck"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("gradcheck", "gradients of hand-written backward passes").addoption(
        "--gradcheck",
        action="store_true",
        help="also check the targets listed under [tool.gradcheck] in pyproject.toml, one item a gradient"
        " (not where single files or tests are named)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "gradcheck(target, *, loss, params, grads, call, shapes, batch, seed, method, full, budget, properties,"
        " timeout, allow_inconclusive): check the target's backward pass, one item a gradient.",
    )
    if config.getoption("gradcheck"):
        _collect_configured(config)


def _collect_configured(config: pytest.Config) -> None:
    """See that pyproject.toml is collected, unless single files or tests are asked for."""
    file = config.rootpath / "pyproject.toml"
    if not file.is_file():
        raise pytest.UsageError(
            f"--gradcheck: there is no pyproject.toml in {config.rootpath}; it reads [tool.gradcheck] there,"
            ' e.g. targets = ["net.py:train"].'
        )
    asked = [Path(arg.partition("::")[0]).absolute() for arg in config.args]
    # a folder above is collected with all that is in it; named besides, the file is all that pytest 8.4 would collect
    if all(path.is_dir() and path not in file.parents for path in asked):
        config.args.append(str(file))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    config = parent.config
    if not config.getoption("gradcheck") or file_path != config.rootpath / "pyproject.toml":
        return None
    from gradcheck.pytest_plugin.configured import Configured

    found: pytest.Collector = Configured.from_parent(parent, path=file_path)
    return found


@pytest.hookimpl(trylast=True)  # after pytest's own, so that the gradient comes last in an id
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker(MARK) is not None:
        from gradcheck.pytest_plugin.items import spread

        spread(metafunc)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if any(item.get_closest_marker(MARK) is not None for item in items):
        use(config)


@pytest.hookimpl(tryfirst=True)  # before the report is made
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    if call.excinfo is not None and isinstance(call.excinfo.value, (GradcheckError, WrongGradientError)):
        from gradcheck.pytest_plugin.shown import fit

        fit(call.excinfo, item.config)


def use(config: pytest.Config) -> None:
    """Register the hooks that are called for each test: a session without marks does not pay for them."""
    from gradcheck.pytest_plugin import hooks

    if not config.pluginmanager.is_registered(hooks):
        config.pluginmanager.register(hooks, "gradcheck-items")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if terminalreporter.verbosity < 1:
        return
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    told = {name: lines for report in reports for name, lines in getattr(report, "gradcheck", ())}
    if told:
        terminalreporter.ensure_newline()
        terminalreporter.section("gradcheck")
        for name, lines in sorted(told.items()):
            for line in (name, *(f"  {line}" for line in lines)):
                terminalreporter.write_line(line)


@pytest.fixture
def gradcheck_report(request: pytest.FixtureRequest) -> Report:
    """The gradcheck.Report that the test's gradcheck mark asks for."""
    from gradcheck.pytest_plugin.items import report_of

    use(request.config)
    return report_of(request.node)
