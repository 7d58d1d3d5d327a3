"""Runs the user's code on trial: what it prints is not heard, what it changes is put back, what it raises is told."""

from __future__ import annotations

import contextlib
import copy
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck.capture import ambient, state
from gradcheck.capture.project import project_of
from gradcheck.capture.streams import nowhere, quiet
from gradcheck.source import told

SECONDS = 4.0
"""How long inputs are looked for."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one trial."""

    names: Mapping[str, Any]
    """What the statements left behind."""
    error: BaseException | None = None
    """What they raised."""

    def __bool__(self) -> bool:
        return self.error is None

    @property
    def said(self) -> str:
        """The error in one line."""
        return "" if self.error is None else told(self.error)


class Sandbox:
    """A module's code, to be run on trial any number of times."""

    def __init__(self, module: ModuleType | None, saved: state.State) -> None:
        self.before: Callable[[], Mapping[str, Any]] = dict
        """Makes names anew for each run: an object whose methods are tried."""
        self.module = module
        self._home = vars(module) if module is not None else {}
        self._saved = saved
        self._until = time.monotonic() + SECONDS

    @property
    def time_is_up(self) -> bool:
        """Whether enough has been tried."""
        return time.monotonic() > self._until

    def put_back(self) -> None:
        """Undo what was done to the module's state beside `run`."""
        self._saved.restore_all()

    def run(self, text: str, names: Mapping[str, Any]) -> Tried:
        """Execute statements with these names beside the module's own."""
        inside = {**self._home, **names}
        try:
            inside.update(self.before())
            exec(compile(text, "<on trial>", "exec", dont_inherit=True), inside)
        except (Exception, SystemExit) as error:
            return Tried(inside, error)
        finally:
            self._saved.restore_all()
        return Tried(inside)


@contextlib.contextmanager
def on_trial(module: ModuleType | None, *, names: Mapping[str, Any] | None = None) -> Iterator[Sandbox]:
    """While this holds, the module's code can be tried without a trace."""
    modules = project_of(module, None).modules() if module is not None else []
    mine = {m.__name__ for m in modules}
    saved = state.save([dict(names or {}), *map(vars, modules)], lambda kind: getattr(kind, "__module__", "") in mine)
    with ambient.kept(), quiet(), contextlib.redirect_stderr(nowhere()), np.errstate(all="ignore"):
        limit = sys.getrecursionlimit()
        try:
            yield Sandbox(module, saved)
        finally:
            sys.setrecursionlimit(limit)
            saved.restore_all()


def copied(values: Any) -> Any:
    """Arguments that a trial may change without harm to the next."""
    return copy.deepcopy(values)
