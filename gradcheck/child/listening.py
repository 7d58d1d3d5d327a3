"""The first run of the user's code, the only one that is heard; ended when it goes on without coming to more."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

from gradcheck.child import place, streams
from gradcheck.child.guard import Guard

TICK = 0.1
"""Seconds between two looks at what the run has come to."""
IDLE = 0.1
"""Share of the time limit that a run may spend after a gradient without assigning anything."""
SHARE = 0.5
"""Share of the time limit that a run may spend in all once it has come to a gradient."""


class Listening:
    """Entered around the first run, which is what its prints are heard from; later ones are silent."""

    def __init__(self, limit: float | None, guard: Guard) -> None:
        self._limit = limit
        self._guard = guard
        self._over = False

    @contextlib.contextmanager
    def __call__(self, seen: Callable[[], tuple[int, int]]) -> Iterator[None]:
        """`seen` tells how many values and how many gradients the run has come to."""
        if self._over:
            yield
            return
        with contextlib.redirect_stdout(sys.__stdout__):
            try:
                with self._patience(seen):
                    yield
            finally:
                self._over = True
                streams.silence()

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
                where = place.of_frame(frame)
                self._guard.note(
                    f"the run was ended after {now - started:.2g} s{f' at {where}' if where else ''}:"
                    " what comes after that was not seen"
                )
                from gradcheck.capture.probes import StopRun

                raise StopRun

        before = signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
