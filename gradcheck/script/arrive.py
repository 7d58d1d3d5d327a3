"""The second run of a script, as it stands, up to where its first training step begins; what is there then."""

from __future__ import annotations

import ast
import gc
import inspect
import itertools
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck.capture.probes import StopRun, install, installed, is_stop
from gradcheck.script.sources import Place, argument_names, fresh, loop_names, marked, run, text_of

BLANKS = 8
"""How many samples that are nothing but zeros are passed over."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A function of the project's that is at work, or a module."""

    code: CodeType
    line: int
    """Where it is."""
    names: Mapping[str, Any]
    """The local variables of a function, the names of a module."""
    globals: dict[str, Any]

    @property
    def is_module(self) -> bool:
        """Whether its names are global ones."""
        return self.code.co_name == "<module>"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A script that has been run up to a place."""

    module: ModuleType
    """Its `__main__`."""
    names: Mapping[str, Any]
    """The local variables of the place's function; none for the module's own."""
    globals: dict[str, Any]
    """The global ones."""
    function: FunctionType | None
    """The function, if the place is one; it runs as it stands again."""
    call: str
    """How to call it again: "step(self, X, y, epochs)"."""
    folder: str
    """The current folder then."""
    callers: tuple[Caller, ...]
    """Who is at work, from the place outwards."""


def arrive(path: Path, place: Place, parameters: Collection[str] = ()) -> Arrived | None:
    """Run the script until it comes to the place, and to a sample there that is not all zeros if there is one; None if
    it doesn't come there. `parameters` are no samples, though they are handed over.
    """
    tree = ast.parse(text_of(place.file), place.file)
    drawn = [name for name in (loop_names(tree, place) or argument_names(tree, place)) if name not in parameters]
    return _arrived(path, place, drawn) or _arrived(path, place, ())


def _arrived(path: Path, place: Place, drawn: Collection[str]) -> Arrived | None:
    met: list[tuple[FrameType, tuple[Caller, ...], str]] = []
    passed = itertools.count(1)

    def arrived() -> None:
        frame = sys._getframe(1)
        blank = any(_is_blank(frame.f_locals.get(name)) for name in drawn)
        if not met and blank and next(passed) < BLANKS:
            return
        if not met:
            met.append((frame, tuple(_callers(frame, codes)), os.getcwd()))
        raise StopRun

    module, before = fresh(path), installed()
    codes: dict[str, bytes | str] = {}

    def compiled(text: bytes | str, file: str) -> CodeType:
        codes[file] = text
        return marked(text, file, place)

    try:
        install({"arrived": arrived})
        run(path, module, compiled)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        if not is_stop(error) and not met:
            return None
    finally:
        install(before)
    if not met:
        return None
    frame, callers, folder = met[0]
    function = _restored(frame.f_code, codes[place.file], place)
    call = "" if function is None else _call(frame.f_code, function.__name__)
    own = {} if callers[0].is_module else callers[0].names
    return Arrived(module, own, frame.f_globals, function, call, folder, callers)


def _callers(frame: FrameType | None, files: Collection[str]) -> Iterator[Caller]:
    while frame is not None:
        if frame.f_code.co_filename in files:
            yield Caller(frame.f_code, frame.f_lineno, dict(frame.f_locals), frame.f_globals)
        frame = frame.f_back


def _is_blank(value: Any) -> bool:
    """Whether a sample hides the gradient of what it is multiplied with: [0, 0] of XOR's four."""
    return isinstance(value, np.ndarray) and value.size > 1 and value.dtype.kind in "fiu" and not value.any()


def _restored(code: CodeType, text: bytes | str, place: Place) -> FunctionType | None:
    """The function whose code was marked, with its own code again; with all others that were made from it."""
    plain = next((c for c in nested(compile(text, place.file, "exec", dont_inherit=True)) if _alike(c, code)), None)
    found = [o for o in gc.get_objects() if type(o) is FunctionType and o.__code__ is code]
    for function in found:
        if plain is not None:
            function.__code__ = plain
    return found[0] if found else None


def _alike(code: CodeType, other: CodeType) -> bool:
    return (code.co_qualname, code.co_firstlineno) == (other.co_qualname, other.co_firstlineno)


def nested(code: CodeType) -> Iterator[CodeType]:
    """The code objects of all functions and classes in one."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from nested(inner)


def _call(code: CodeType, name: str) -> str:
    """A call with the arguments of a frame's code, as they are called there."""
    names = code.co_varnames
    positional, keyword = names[: code.co_argcount], names[code.co_argcount :][: code.co_kwonlyargcount]
    rest = names[code.co_argcount + code.co_kwonlyargcount :]
    arguments = [*positional]
    if code.co_flags & inspect.CO_VARARGS:
        arguments.append(f"*{rest[0]}")
        rest = rest[1:]
    arguments += [f"{n}={n}" for n in keyword]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        arguments.append(f"**{rest[0]}")
    return f"_step({', '.join(arguments)})"
