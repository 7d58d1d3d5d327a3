"""A check as a mark asks for it: its keywords read, its target found, its run without a trace in the session."""

from __future__ import annotations

import contextlib
import difflib
import os
import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import config, pipeline
from gradcheck.api import target_of
from gradcheck.arguments import TIMEOUT
from gradcheck.errors import UsageError
from gradcheck.options import Options
from gradcheck.render.wording import settle
from gradcheck.report import Report
from gradcheck.target import Target

_INPUTS = ("args", "kwargs")
"""Keywords that are no options: what a function or a pair is called with."""
_KINDS: Mapping[str, tuple[Any, str]] = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "bool": (bool, "True or False"),
    "tuple": ((str, list, tuple), 'names, e.g. ["W1", "b1"]'),
    "Mapping": (Mapping, 'gradients and their values, e.g. {"update": "W"}'),
}
"""What an option takes, by the first word of its type."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check as it was asked for."""

    args: tuple[Any, ...]
    """A TARGET, or a forward and a backward function."""
    kwargs: Mapping[str, Any]
    """The options, and args or kwargs for a function."""
    where: str
    """Who asks, for messages: "the gradcheck mark of test_net"."""
    folders: tuple[Path, ...]
    """Where else files and modules are looked for: the test file's folder, the root, whose pyproject.toml counts."""
    others: int = 0
    """How many other marks stand on the same test."""

    def names(self) -> tuple[str, ...]:
        """The gradients that there will be, from one run of the code. Raises as `report` does."""
        options = self.options()
        with _undisturbed(self.folders):
            return pipeline.gradient_names(self._target(options), options)

    def report(self) -> Report:
        """The check itself. Raises GradcheckError for what can't be read, imported, driven or seen."""
        options = self.options()
        with _undisturbed(self.folders):
            return settle(pipeline.run(self._target(options), options))

    def options(self) -> Options:
        """The keywords, and what they leave open as pyproject.toml has it. Raises UsageError for what is not known."""
        if self.others:
            raise UsageError(f"{self.where}: expected one, got {self.others + 1}. Write a test for each target.")
        given = {name: value for name, value in self.kwargs.items() if name not in _INPUTS}
        kinds = {f.name: str(f.type) for f in fields(Options)}
        for name, value in given.items():
            if name not in kinds:
                raise UsageError(f"{self.where}: unknown keyword {name!r}{_near(name, [*kinds, *_INPUTS])}")
            given[name] = _read(name, value, kinds[name], self.where)
        told = {name: value for name, value in config.load(self.folders[-1]).values.items() if name in kinds}
        return Options(**{"timeout": TIMEOUT, **told, **given})

    def _target(self, options: Options) -> Target:
        if len(self.args) not in (1, 2):
            got = ", ".join(f"{a!r:.40}" for a in self.args) or "none"
            raise UsageError(
                f"{self.where}: expected one TARGET, or a forward and a backward function, got {got}."
                ' For example @pytest.mark.gradcheck("net.py:train").'
            )
        subject, backward = (*self.args, None)[:2]
        if isinstance(subject, str):
            subject = _found(subject, self.folders)
        return target_of(subject, backward, self.kwargs.get("args"), self.kwargs.get("kwargs"), options)


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    return f"{meant} Known are {', '.join(sorted(known))}."


def _read(name: str, value: object, kind: str, where: str) -> object:
    """A keyword's value as Options takes it."""
    first = re.split(r"\W", kind)[0]
    expected, said = _KINDS[first]
    if value is None and "None" in kind:
        return None
    if not isinstance(value, expected) or (isinstance(value, bool) and first != "bool"):
        raise UsageError(f"{where}: {name} is {value!r:.60}, expected {said}.")
    if first == "tuple":
        return tuple(str(n).strip() for n in (value.split(",") if isinstance(value, str) else value))
    return value


def _found(text: str, folders: Sequence[Path]) -> str:
    """A TARGET with its file's path as it reads from here; the first folder that has the file counts."""
    head, extension, rest = text.partition(".py")
    for folder in folders if extension and rest[:1] in ("", ":") else ():
        path = folder / f"{head}.py"
        if path.is_file():
            with contextlib.suppress(ValueError):  # on another drive
                path = Path(os.path.relpath(path))
            return f"{path}{rest}"
    return text


@contextlib.contextmanager
def _undisturbed(folders: Sequence[Path]) -> Iterator[None]:
    """The session's path, folder and random generators stay as they are; `folders` can be imported from."""
    folder, path = os.getcwd(), list(sys.path)
    draws, drawn = random.getstate(), np.random.get_state()  # noqa: NPY002 - the user's, whom we don't disturb
    sys.path.extend(str(f) for f in folders if str(f) not in path)
    try:
        yield
    finally:
        os.chdir(folder)
        sys.path[:] = path
        random.setstate(draws)
        np.random.set_state(drawn)  # noqa: NPY002
