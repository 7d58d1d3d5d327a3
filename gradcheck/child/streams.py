"""The standard streams of a child: nothing to read, and what it prints is never mistaken for the report."""

from __future__ import annotations

import contextlib
import os
import sys


def cut_off(*, quiet: bool) -> None:
    """Input ends at once; output goes where errors go, or nowhere; C code and subprocesses included."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    if quiet:
        os.dup2(nowhere, 2)
    os.dup2(2, 1)
    os.close(nowhere)
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)  # type: ignore[misc]
    out = os.fdopen(1, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stdout = sys.__stdout__ = out  # type: ignore[misc]


def silence() -> None:
    """From now on nothing is heard, whoever writes it and however."""
    flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def flush() -> None:
    """Write out what is buffered."""
    for stream in (sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
