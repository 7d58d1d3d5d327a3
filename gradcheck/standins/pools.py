"""Pools and executors of the user's, whose tasks are run where they are handed in: in a worker's thread or process
nothing of them could be seen."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from types import FrameType
from typing import Any

from gradcheck.source import is_library, is_own
from gradcheck.standins.hints import Hints

_SAID = re.compile(r"\b(concurrent|multiprocessing)\b")
_KINDS = (
    ("concurrent.futures.thread", "ThreadPoolExecutor"),
    ("concurrent.futures.process", "ProcessPoolExecutor"),
    ("multiprocessing.pool", "Pool"),
    ("multiprocessing.pool", "ThreadPool"),
)
_APART = ("ProcessPoolExecutor", "Pool")
"""Those whose workers have a memory of their own."""


class AtOnceExecutor(Executor):
    """An executor without workers."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it now."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing is running."""


class _Result:
    """Of a task of a pool: what it has come to."""

    def __init__(self, future: Future[Any], callback: Any, error_callback: Any) -> None:
        self.get = self._future_result = future.result
        error = future.exception()
        tell = callback if error is None else error_callback
        if tell is not None:
            tell(future.result() if error is None else error)
        self._failed = error is not None

    def wait(self, timeout: float | None = None) -> None:
        """It is done."""

    def ready(self) -> bool:
        """It is."""
        return True

    def successful(self) -> bool:
        """Whether it raised nothing."""
        return not self._failed


class AtOncePool:
    """A pool without workers."""

    def _async(self, run: Callable[[], Any], callback: Any = None, error_callback: Any = None) -> _Result:
        return _Result(AtOnceExecutor().submit(run), callback, error_callback)

    def apply_async(
        self, func: Any, args: Any = (), kwds: Any = None, callback: Any = None, error_callback: Any = None
    ) -> _Result:
        """As the pool's own; so are the others."""
        return self._async(lambda: func(*args, **(kwds or {})), callback, error_callback)

    def apply(self, func: Any, args: Any = (), kwds: Any = None) -> Any:
        return func(*args, **(kwds or {}))

    def map(self, func: Any, iterable: Iterable[Any], chunksize: int | None = None) -> list[Any]:
        return list(map(func, iterable))

    def starmap(self, func: Any, iterable: Iterable[Any], chunksize: int | None = None) -> list[Any]:
        return list(itertools.starmap(func, iterable))

    def map_async(
        self, func: Any, iterable: Any, chunksize: Any = None, callback: Any = None, error_callback: Any = None
    ) -> _Result:
        return self._async(lambda: self.map(func, iterable), callback, error_callback)

    def starmap_async(
        self, func: Any, iterable: Any, chunksize: Any = None, callback: Any = None, error_callback: Any = None
    ) -> _Result:
        return self._async(lambda: self.starmap(func, iterable), callback, error_callback)

    def imap(self, func: Any, iterable: Iterable[Any], chunksize: int = 1) -> Iterator[Any]:
        return map(func, iterable)

    imap_unordered = imap

    def close(self) -> None:
        """Nothing is running."""

    terminate = join = close

    def __enter__(self) -> AtOncePool:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is running."""


@contextlib.contextmanager
def given(hints: Hints) -> Iterator[None]:
    """While this holds, pools that the user's code makes run their tasks at once, where they are asked to."""
    with contextlib.ExitStack() as stack:
        for module, name in _KINDS if hints.says(_SAID) else ():
            stack.enter_context(_without_workers(getattr(importlib.import_module(module), name), hints))
        yield


@contextlib.contextmanager
def _without_workers(kind: Any, hints: Hints) -> Iterator[None]:
    really = kind.__init__
    stand_in = AtOnceExecutor if issubclass(kind, Executor) else AtOncePool
    made = type(kind.__name__, (stand_in, kind), {"__del__": lambda _: None})

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        if type(self) is not kind or not _by_user(sys._getframe(1)):
            really(self, *args, **kwargs)
            return
        self.__class__ = made
        where = "process" if kind.__name__ in _APART else "thread"
        hints.tell(kind.__name__, f"the tasks of a {kind.__name__} were run in the {where} that hands them in")
        initializer = kwargs.get("initializer", next(filter(callable, args), None))
        if initializer is not None:
            initializer(*kwargs.get("initargs", next((a for a in args if isinstance(a, tuple)), ())))

    kind.__init__ = init
    try:
        yield
    finally:
        kind.__init__ = really


def _by_user(frame: FrameType | None) -> bool:
    """Whether the nearest frame that isn't multiprocessing's own is the user's."""
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "multiprocessing":
        frame = frame.f_back
    return frame is not None and not is_own(file := frame.f_code.co_filename) and not is_library(file)
