"""Runs code that is not under check until it calls what is, and keeps what that was called with."""

from __future__ import annotations

import contextlib
import copy
import inspect
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from gradcheck.capture.probes import StopRun
from gradcheck.capture.profiling import told_of_calls
from gradcheck.cells import place
from gradcheck.source import is_library, is_own, shown

AGAIN = 0.25
"""Seconds after which code that has swallowed its end is ended again."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as it was before it began."""

    arguments: Mapping[str, Any]
    """By name, without the object whose method it is; what has its default at the end is left out."""
    at: str
    """Who called: "test_layers.py:12"."""
    made: Any = None
    """The object whose method it is."""
    constructor: Mapping[str, Any] | None = None
    """What that was built with; None where this was not seen."""


@dataclass(slots=True)
class _Ear:
    """What `sys.setprofile` calls: it waits for a function, or for a method of a class."""

    function: Callable[..., Any]
    kind: type | None
    alike: Callable[..., Any] | None = None
    call: Call | None = None
    built: dict[int, tuple[Any, Mapping[str, Any] | None]] = field(default_factory=dict)
    """By id, the objects that were made so far, and what with."""

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        if self.kind is not None and _is_code_of(frame.f_code, self.kind.__init__):  # type: ignore[misc]
            made = _first(frame)
            if type(made) is self.kind and id(made) not in self.built:
                self.built[id(made)] = made, _constructed(self.kind, frame)
        elif any(f is not None and _is_code_of(frame.f_code, f) for f in (self.function, self.alike)):
            self.call = self._heard(frame)
            if self.call is not None:
                raise StopRun

    def _heard(self, frame: FrameType) -> Call | None:
        made = None if self.kind is None else _first(frame)
        arguments = _handed(self.function, frame, skip=self.kind is not None)
        if arguments is None or (self.kind is not None and type(made) is not self.kind):
            return None
        _, constructor = self.built.get(id(made), (None, None))
        plain = self.kind is not None and self.kind.__init__ is object.__init__  # type: ignore[misc]
        with contextlib.suppress(Exception):  # what can't be copied, an open file, can't be handed over again
            return Call(arguments, _caller(frame), copy.deepcopy(made), {} if plain else constructor)
        return None


def overhear(
    run: Callable[[], object],
    function: Callable[..., Any],
    kind: type | None,
    seconds: float,
    alike: Callable[..., Any] | None = None,
) -> Call | None:
    """The first call of a function, or of a method of a class, within so many seconds of a run; None for none.

    `alike` is another function that takes the same, a call of which is as good.
    """
    ear = _Ear(function, kind, alike)
    try:
        with _ended_after(seconds), told_of_calls(ear):
            run()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
    return ear.call


@contextlib.contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """Raise StopRun when time is up, where there are alarms; elsewhere the time limit of the whole run holds."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(*_: Any) -> None:
        raise StopRun

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _is_code_of(code: CodeType, function: Callable[..., Any]) -> bool:
    """Whether it is a function's own code, or that of the same lines once more."""
    own = getattr(inspect.unwrap(function), "__code__", None)
    return own is not None and (own is code or _place(own) == _place(code))


def _place(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _first(frame: FrameType) -> Any:
    names = frame.f_code.co_varnames
    return frame.f_locals.get(names[0]) if names else None


def _handed(function: Callable[..., Any], frame: FrameType, *, skip: bool) -> dict[str, Any] | None:
    """Copies of a function's arguments, to be handed over by place; None where that can't be."""
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    given = {p.name: frame.f_locals.get(p.name, p.default) for p in parameters}
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    others = [p for p in parameters if p not in by_place]
    if any(not _is_default(p, given[p.name]) for p in others):
        return None
    while by_place and _is_default(by_place[-1], given[by_place[-1].name]):
        by_place.pop()
    return _copied({p.name: given[p.name] for p in by_place})


def _constructed(kind: type, frame: FrameType) -> dict[str, Any] | None:
    """Copies of what a constructor is called with, to be handed over by name."""
    parameters = inspect.signature(kind).parameters.values()
    given = {p.name: frame.f_locals.get(p.name, p.default) for p in parameters}
    if any(p.kind is p.VAR_KEYWORD and given[p.name] for p in parameters):
        return None
    return _copied({p.name: given[p.name] for p in parameters if not _is_default(p, given[p.name])})


def _is_default(parameter: inspect.Parameter, value: Any) -> bool:
    if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
        return not value
    plain = isinstance(value, (int, float, str, bool, tuple, type(None)))
    return value is parameter.default or (
        plain and type(value) is type(parameter.default) and value == parameter.default
    )


def _copied(arguments: dict[str, Any]) -> dict[str, Any] | None:
    with contextlib.suppress(Exception):
        return copy.deepcopy(arguments)
    return None


def _caller(frame: FrameType) -> str:
    """The nearest line of the user's that led to a call."""
    outer = frame.f_back
    while outer is not None and (is_own(outer.f_code.co_filename) or is_library(outer.f_code.co_filename)):
        outer = outer.f_back
    return place(shown(outer.f_code.co_filename), outer.f_lineno) if outer is not None else "?"
