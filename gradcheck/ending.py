"""Requests to end, as signals bring them: exceptions, so that children and temporary files are gone as well."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

_AS_USUAL: dict[int, Any] = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}

_asked: list[BaseException] = []
_waits: bool = False
"""While gradcheck is imported a request waits: nothing leaves the callback of a weak reference, where it may arrive."""


class Interrupted(KeyboardInterrupt):
    """Python itself dies of a plain one that has passed through an `exec` of text, even where it is caught later."""


@contextlib.contextmanager
def in_order() -> Iterator[None]:
    """While this holds, a request to end is an exception, raised at `now_if_asked` and from then on at once."""
    global _waits
    main_thread = threading.current_thread() is threading.main_thread()
    ours = {one: usual for one, usual in _AS_USUAL.items() if main_thread and signal.getsignal(one) == usual}
    _waits = True
    for one in ours:
        signal.signal(one, _end)
    try:
        yield
    finally:
        for one, usual in ours.items():
            signal.signal(one, usual)
        _asked.clear()


def now_if_asked() -> None:
    """Raise what has waited."""
    global _waits
    _waits = False
    if _asked:
        raise _asked[0]


def as_usual() -> None:
    """What signals do in a process that nothing was asked of: for a child, which has its parent's ways."""
    for one, usual in _AS_USUAL.items():
        signal.signal(one, usual)


def _end(number: int, _: object) -> None:
    _asked.append(Interrupted() if number == signal.SIGINT else SystemExit(128 + number))
    if not _waits:
        raise _asked[0]
