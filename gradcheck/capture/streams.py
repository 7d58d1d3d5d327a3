"""Standard streams that lead nowhere: the user's prints, warnings and questions stay out of repeated runs."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO


class _Void(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return memoryview(data).nbytes  # type: ignore[arg-type]

    def close(self) -> None:
        """A program that closes its standard output is told nothing else, and the next run finds it open."""


class _Nowhere(io.TextIOWrapper):
    def close(self) -> None:
        """As above."""


def nowhere() -> TextIO:
    """A text stream with all that sys.stdout has, which forgets what is written."""
    return _Nowhere(io.BufferedWriter(_Void(), 1), encoding="utf-8", errors="replace", write_through=True)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The user's prints, warnings and questions stay out of a run that is repeated hundreds of times."""
    stdin = sys.stdin
    sys.stdin = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(nowhere()):
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stdin = stdin
