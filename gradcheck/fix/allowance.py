"""How long a search for edits may take: for each line at fault a second of this thread's CPU time.

Where the line at fault is one of several that no gradient is known of, these share three. What proves an edit is not
counted. One allowance goes with a trial. What looks for edits of a line goes through its tries `within` the line's
share, and its time is counted where that is said. A search that is cut leaves out edits, and nothing else.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from gradcheck.fix.line import Line
from gradcheck.rules.finding import Finding
from gradcheck.source import shown

SECONDS = 1.0
"""Of CPU time that the search for edits of one line may take."""
OF_SEVERAL = 3
"""Times that, for all lines together that no gradient is known of, a dozen at the most."""
clock: Callable[[], float] = time.thread_time
"""What it is read from."""

_Item = TypeVar("_Item")


@dataclass(slots=True)
class Share:
    """What one line's search may take."""

    cut: bool = False
    """Whether something was left untried when it was used up."""
    lines: int = 1
    """The most lines that may each take a second of it."""
    _spent: float = 0.0
    _since: float | None = None

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """What is done in here is on this line's account; where one is within another, once."""
        if self._since is not None:
            yield
            return
        self._since = clock()
        try:
            yield
        finally:
            self._spent, self._since = self._so_far(), None

    def within(self, items: Iterable[_Item], *, least: int = 0, part: float = 1.0) -> Iterator[_Item]:
        """The items, as long as there is time to try them; so many of them in any case.

        `part` leaves what is beyond that part of the share to what is tried next.
        """
        for number, item in enumerate(items):
            if number >= least and self._so_far() >= part * self.lines * SECONDS:
                self.cut = True
                return
            yield item

    def _so_far(self) -> float:
        return self._spent + (0.0 if self._since is None else clock() - self._since)


@dataclass(slots=True)
class Allowance:
    """The shares of all lines of a check."""

    _of: dict[Line | None, Share] = field(default_factory=dict)

    def of(self, line: Line | None = None) -> Share:
        """A line's share; None for the one of all lines together that no gradient is known of."""
        return self._of.setdefault(line, Share(lines=OF_SEVERAL if line is None else 1))

    def told(self, findings: Sequence[Finding]) -> Iterator[str]:
        """Of what is wrong and has no fix: that the search did not come to its end, and what helps."""
        unfixed = {(f.file, f.line) for f in findings if f.severity == "error" and f.fix is None}
        cut = (line for line, share in self._of.items() if share.cut)
        where = {None if line is None else (shown(line.source.file), line.site.line) for line in cut}
        if unfixed & where or (unfixed and None in where):
            places = ", ".join(f"{file}:{line}" for file, line in sorted(filter(None, where & {*unfixed})))
            yield (
                f"the search for an edit{f' of {places}' if places else ''} ended when its time was up, with edits"
                " left untried: fewer turns of a loop or smaller arrays, e.g. by --call or --batch, make each cheaper"
                " to try"
            )
