"""What a run may change about the process: the working directory, NumPy's settings, standard streams and the like."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np


class Setting(NamedTuple):
    """One thing about the process."""

    get: Callable[[], Any]
    put_back: Callable[[Any], object]


def _directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _put_back_directory(path: str | None) -> None:
    if path is not None:
        with contextlib.suppress(OSError):
            os.chdir(path)


def _put_back_environment(saved: dict[str, str]) -> None:
    for extra in os.environ.keys() - saved.keys():
        del os.environ[extra]
    os.environ.update(saved)


def _put_back_filters(saved: list[Any]) -> None:
    warnings.filters[:] = saved  # type: ignore[index]
    with warnings.catch_warnings():
        pass  # whose end tells the interpreter that the filters are others now


def _attribute(name: str) -> Setting:
    return Setting(lambda: getattr(sys, name), lambda saved: setattr(sys, name, saved))


def _list(name: str) -> Setting:
    def put_back(saved: list[str]) -> None:
        getattr(sys, name)[:] = saved

    return Setting(lambda: list(getattr(sys, name)), put_back)


SETTINGS = (
    Setting(_directory, _put_back_directory),
    Setting(lambda: dict(os.environ), _put_back_environment),
    Setting(np.geterr, lambda saved: np.seterr(**saved)),
    Setting(np.geterrcall, np.seterrcall),
    Setting(np.get_printoptions, lambda saved: np.set_printoptions(**saved)),
    Setting(lambda: list(warnings.filters), _put_back_filters),
    Setting(sys.getrecursionlimit, sys.setrecursionlimit),
    *(_attribute(name) for name in ("stdin", "stdout", "stderr", "excepthook", "displayhook")),
    *(_list(name) for name in ("path", "argv", "meta_path", "path_hooks")),
)


class Ambient:
    """Puts settings back after each run: all of them after a thorough one, else those seen to change."""

    def __init__(self) -> None:
        self.changing: set[int] = set()
        """Those that runs have been seen to change, by their numbers."""

    def look(self, thorough: bool) -> Sequence[tuple[int, Any]]:
        """The settings as they are now, or those that have been seen to change: none, for most code."""
        if not (thorough or self.changing):
            return []
        wanted = range(len(SETTINGS)) if thorough else self.changing
        return [(i, SETTINGS[i].get()) for i in wanted]

    def put_back(self, looked: Sequence[tuple[int, Any]]) -> None:
        """Make the settings what they were."""
        for i, saved in looked:
            if SETTINGS[i].get() != saved:
                self.changing.add(i)
                SETTINGS[i].put_back(saved)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Whatever happens within, the settings are what they were afterwards."""
    ambient = Ambient()
    looked = ambient.look(thorough=True)
    try:
        yield
    finally:
        ambient.put_back(looked)
