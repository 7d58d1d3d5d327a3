"""The one object that rewritten code calls, and what it does at the moment.

It sits among the constants of the rewritten code, so that no name of gradcheck's turns up in anybody's globals, and
a rewritten function that outlives the check goes on working.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, ModuleType
from typing import Any, NoReturn

MARK = "\0gradcheck's probes"
"""Stands for the probes until the code is compiled: syntax trees take no objects as constants."""

Probes = Mapping[str, Any]
"""What the rewritten code calls:

value(site, v[, o]) -> v        v is about to be bound, returned or put into a container, o
owned(site, v, o) -> v          the same, of an attribute of o
held(site, v) -> v              v is about to be stored under a computed key
attribute(site, o, n, v) -> ... the three of them; v is about to be o's attribute of the name n
index(site, key) -> key         which turns out to be this
augmented(site, v) -> v         v is what an augmented assignment to a name came to
seen(site, root, steps, rest)   what can be reached from root was bound or edited in place
arguments(site, *vs) -> vs      a function begins; its first argument's site is `site`, the next one's `site + 1`, ...
operand(site, v) -> v           v is about to be compared
compared(site, r, *vs) -> r     a comparison came to r; vs are those of its operands that are names
kink(site, f[, k]) -> f         f is about to be called, with the axis k, and may be one of the functions with kinks
caught()                        an `except` that takes everything has caught something
arrived()                       the function or loop begins that is marked, in code that is otherwise as it stands

and what it asks, because a call would take ten times as long:

binding                         whether arguments, and what is unpacked or looped over, are handed to probes at all
"""


class StopRun(BaseException):
    """Ends an instrumented run once what was asked for is known; no `except Exception` of the user's catches it."""


def _first(_: int, value: Any, *__: Any) -> Any:
    return value


def _caught() -> None:
    error = sys.exc_info()[1]
    if error is not None and is_stop(error):
        raise error


PASSING: Probes = {
    "value": _first,
    "owned": _first,
    "held": _first,
    "attribute": lambda _, *three: three,
    "index": _first,
    "augmented": _first,
    "seen": lambda *_: None,
    "arguments": lambda _, *values: values,
    "operand": _first,
    "compared": _first,
    "kink": _first,
    "caught": _caught,
    "arrived": lambda: None,
    "binding": False,
}

# A module, because its attributes are the ones that the interpreter looks up fastest.
_PROBES = ModuleType(MARK)
_NAMES = vars(_PROBES)


def installed() -> dict[str, Any]:
    """What rewritten code calls now."""
    return _NAMES.copy()


def install(probes: Probes) -> None:
    """What rewritten code calls from now on; what `probes` leaves out passes its value through."""
    if len(probes) < len(PASSING):
        _NAMES.update(PASSING)
    _NAMES.update(probes)


def stands(probes: Probes) -> bool:
    """Whether these are installed."""
    return _NAMES["value"] is probes["value"]


install(PASSING)


@contextmanager
def probing(probes: Probes) -> Iterator[None]:
    """Install for a while, then what was there before."""
    before = installed()
    install(probes)
    try:
        yield
    finally:
        install(before)


def embedded(code: CodeType) -> CodeType:
    """The code and all that is nested in it, with the probes themselves in place of the mark."""
    constants = tuple(
        _PROBES if type(c) is str and c == MARK else embedded(c) if isinstance(c, CodeType) else c
        for c in code.co_consts
    )
    return code.replace(co_consts=constants)


def stop() -> NoReturn:
    """End the run. What cleans up on the way out passes unseen; code that swallows the end is ended again."""
    global _left
    _left = PATIENCE
    _NAMES.update(_ENDED)
    raise StopRun


PATIENCE = 1000
"""Values that what cleans up may still compute."""
_left = PATIENCE
"""How many values may still pass after the end."""


def ended_at_once() -> bool:
    """Whether nothing has passed since the last run was ended: no code cleans up, or swallows the end."""
    return _left == PATIENCE


def _after_the_end(_: int, passed: Any, *__: Any) -> Any:
    global _left
    _left -= 1
    if _left < 0:
        raise StopRun
    return passed


_HANDED_ON = "value", "owned", "held", "augmented", "compared", "kink"
_ENDED: Probes = {**PASSING, **dict.fromkeys(_HANDED_ON, _after_the_end)}


def is_stop(error: BaseException) -> bool:
    """Whether it ends the run, be it within the group that `except*` makes of it."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(StopRun) is not None
    return isinstance(error, StopRun)
