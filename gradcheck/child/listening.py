"""Each first run of the user's code: heard if it is the very first, ended when it runs on without coming to more."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

from gradcheck.child import place, streams

TICK = 0.1
"""Seconds between two looks at what the run has come to."""
IDLE = 0.1
"""Share of the time limit that a run may spend after a gradient without assigning anything."""
SHARE = 0.5
"""Share of the time limit that a run may spend in all once it has come to a gradient."""


class Listening:
    """Entered around the first run of every program that is opened; of the very first one the prints are heard."""

    def __init__(self, limit: float | None, note: Callable[[str], None], came: Callable[[], None]) -> None:
        """`limit` in seconds; `note` takes what the reader should know; `came` is called if the first has gradients."""
        self._limit = limit
        self._note = note
        self._came = came
        self._over = False

    @contextlib.contextmanager
    def __call__(self, seen: Callable[[], tuple[int, int]]) -> Iterator[None]:
        """`seen` tells how many values and how many gradients the run has come to."""
        first, self._over = not self._over, True
        with contextlib.redirect_stdout(sys.__stdout__) if first else contextlib.nullcontext(), self._patience(seen):
            try:
                yield
            finally:  # most runs are ended at the second step
                streams.silence()
                if first and seen()[1]:
                    self._came()

    @contextlib.contextmanager
    def _patience(self, seen: Callable[[], tuple[int, int]]) -> Iterator[None]:
        if self._limit is None or not hasattr(signal, "setitimer"):
            yield
            return
        started = since = time.monotonic()
        known, limit = 0, self._limit

        def look(_: int, frame: FrameType | None) -> None:
            nonlocal known, since
            now = time.monotonic()
            values, gradients = seen()
            if values != known:
                known, since = values, now
            if gradients and (now - since > IDLE * limit or now - started > SHARE * limit):
                self._give_up(place.of_frame(frame))

        before = signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _give_up(self, where: str) -> None:
        from gradcheck.capture.record import StopRun

        at = f" at {where}" if where else ""
        self._note(
            f"the code runs on{at} after its backward step: it was ended there, and what comes after was not seen"
        )
        raise StopRun
