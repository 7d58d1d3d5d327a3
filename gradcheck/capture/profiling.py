"""A function that is told of every call for a while, whatever else profiles the process before and behind that."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def told_of_calls(hook: Callable[[FrameType, str, Any], object]) -> Iterator[None]:
    """While this holds, `hook` is called as `sys.setprofile` has it; then what was there goes on."""
    before: Any = sys.getprofile()
    sys.setprofile(hook)
    try:
        yield
    finally:
        sys.setprofile(None)
        if callable(before):
            sys.setprofile(before)
        elif hasattr(before, "enable"):  # cProfile's, which is no function and is not set as one
            before.enable()
