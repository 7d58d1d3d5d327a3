"""How a failure is shown: the report, as wide as the terminal, and no frame that is not the user's."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from gradcheck.errors import GradcheckError, WrongGradientError
from gradcheck.pytest_plugin.items import FAILURE, Failure, outcome_of, portion_of
from gradcheck.render import terminal
from gradcheck.render.figures import wrap
from gradcheck.render.part import render_part, warning_lines
from gradcheck.render.style import Style
from gradcheck.render.text import render_text
from gradcheck.render.wording import summary, warnings

_OWN = f"{Path(__file__).parents[1]}{os.sep}"
_MARGIN = 8
"""Columns of pytest's E and of what stands before it."""


class Shown:
    """A failure as pytest asks for it: an ExceptionRepr by its attributes, of which xdist sends the plain ones."""

    def __init__(self, item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException], failure: Failure) -> None:
        self._render = _renderer(item, failure)
        said = str(failure.error)
        failure.error.args = (self._render(width=_width(item.config)),)
        plain: Any = excinfo.getrepr(style="value")
        failure.error.args = (said,)
        self.reprtraceback = plain.reprtraceback
        self.reprcrash = plain.reprcrash
        self.sections: list[tuple[str, str, str]] = []
        if self.reprcrash is not None:
            at = failure.part if failure.part is not None and failure.part.file else None
            self.reprcrash.path = at.file if at else str(item.path)
            self.reprcrash.lineno = (at.line if at else (item.location[1] or 0) + 1) or 1
            self.reprcrash.message = said.partition("\n")[0]

    def toterminal(self, tw: Any) -> None:
        """As wide and as colourful as the terminal is."""
        ascii = terminal.needs_ascii(getattr(tw, "_file", None))
        for line in self._render(width=tw.fullwidth, color=tw.hasmarkup, ascii=ascii).splitlines():
            tw.line(line)

    def __str__(self) -> str:
        return self._render(width=terminal.DEFAULT_WIDTH)


def show(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException], report: Any) -> None:
    """Give a failure of ours its own repr; the first of a check that is shown has the whole table."""
    failure = item.stash.get(FAILURE, None)
    if failure is None or failure.error is not excinfo.value or item.config.getoption("fulltrace", False):
        return
    if failure.outcome is not None and report.failed:
        failure.outcome.shown = failure.outcome.shown or item.nodeid
    report.longrepr = Shown(item, excinfo, failure)


def _renderer(item: pytest.Item, failure: Failure) -> Callable[..., str]:
    outcome, part = failure.outcome, failure.part
    if outcome is None or outcome.report is None or part is None:
        return partial(_paragraph, str(failure.error))
    if not part.comparisons and not part.findings and not part.shapes and not part.properties:
        return partial(render_text, outcome.report)
    whole = outcome.shown in ("", item.nodeid)
    elsewhere = f"the whole table is shown with {outcome.shown}"
    return partial(render_part, outcome.report, part, whole=whole, elsewhere=elsewhere)


def _paragraph(text: str, *, width: int, **_: object) -> str:
    """A message at the terminal's width; what is indented, source and frames, stays as it is."""
    lines = text.splitlines()
    return "\n".join(out for line in lines for out in ([line] if line[:1].isspace() else wrap(line, width)))


def fit(excinfo: pytest.ExceptionInfo[BaseException], config: pytest.Config) -> None:
    """For an assertion in a test's own body: the report fits beside the E, and none of gradcheck's frames is shown."""
    error = excinfo.value
    if not isinstance(error, (GradcheckError, WrongGradientError)):
        return
    if isinstance(error, WrongGradientError) and error.report is not None:
        error.args = (render_text(error.report, width=max(_width(config) - _MARGIN, terminal.NARROWEST)),)
    if not config.getoption("fulltrace", False):
        theirs = _without_own(excinfo.value.__traceback__)
        if theirs is not None:
            excinfo.traceback = type(excinfo.traceback)(theirs)


def _without_own(frames: TracebackType | None) -> TracebackType | None:
    if frames is None:
        return None
    rest = _without_own(frames.tb_next)
    if frames.tb_frame.f_code.co_filename.startswith(_OWN):
        return rest
    return TracebackType(rest, frames.tb_frame, frames.tb_lasti, frames.tb_lineno)


def tell(item: pytest.Item, report: Any) -> None:
    """What lets an item pass and should still be known goes to its sections, the check's sum to the summary of -v."""
    portion = portion_of(item)
    found = None if portion is None else outcome_of(item, portion).report
    if portion is None or found is None:
        return
    part = portion.part(found)
    lines = [part.brief] if part.said else warning_lines(found, part)
    if report.passed and lines:
        report.sections.append(("gradcheck", "\n".join(lines)))
    test = item.nodeid.partition("[")[0] if portion.names else item.nodeid
    warned = [f"warning {f.code}  {f.headline}" for f in warnings(found)]
    mark = Style().mark(found.verdict)
    report.gradcheck = [(test, [f"{mark} {' · '.join(summary(found))}", *warned])]


def _width(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return config.get_terminal_writer().fullwidth if reporter is not None else terminal.DEFAULT_WIDTH
