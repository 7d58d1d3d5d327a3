"""Hypothesis as a searcher: networks, then the smallest that fails; nothing printed, nothing left behind."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from random import Random
from typing import TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, configuration, find, settings
from hypothesis import strategies as st
from hypothesis._settings import local_settings
from hypothesis.errors import NoSuchExample, Unsatisfiable

T = TypeVar("T")


class TimeUp(BaseException):
    """Ends a search at once; Hypothesis would take an Exception for a failure and shrink it."""


def smallest(strategy: st.SearchStrategy[T], fails: Callable[[T], bool], *, examples: int, seed: int) -> T | None:
    """The smallest of up to `examples` drawn values that fails, after shrinking; None where none does.

    `fails` must say the same of the same value each time; it may raise TimeUp, and then None is returned.
    """
    quietly = settings(
        database=None,
        deadline=None,
        max_examples=examples,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        print_blob=False,
    )
    with _no_traces(), local_settings(quietly):  # the defaults count too, where the caller is itself under @given
        try:
            return find(strategy, fails, settings=quietly, random=Random(seed))
        except (NoSuchExample, Unsatisfiable, TimeUp):
            return None


@contextlib.contextmanager
def _no_traces() -> Iterator[None]:
    """Whatever Hypothesis writes goes to a folder that is deleted, not to .hypothesis in the user's."""
    before = getattr(configuration, "__hypothesis_home_directory", None)
    with tempfile.TemporaryDirectory(prefix="gradcheck-", ignore_cleanup_errors=True) as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)
