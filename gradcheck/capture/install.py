"""Puts rewritten code into a project's functions as they stand, and takes it out again.

Functions keep their identity: only `__code__` is swapped, so decorators, closures, `super()` and references held
elsewhere see the instrumented code. Nothing is written to disk.
"""

from __future__ import annotations

import ast
import functools
import gc
import linecache
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from gradcheck.capture.probes import embedded
from gradcheck.capture.rewrite import Site, rewrite
from gradcheck.cells import units

SITES: list[Site] = []
"""Every site of every source rewritten by this process; a site's number is its index."""

_Codes = Mapping[tuple[str, int], Sequence[tuple[CodeType, CodeType]]]
"""Plain code beside the instrumented, by qualified name and first line."""
_Transform = Callable[[ast.Module], None]

_originals: dict[FunctionType, tuple[CodeType, int]] = {}
"""The own code of functions that are instrumented now, and how many programs want them so."""


@dataclass(slots=True)
class Instrumentation:
    """The rewritten code of one project."""

    modules: list[ModuleType]
    """The project's imported modules that have Python source."""
    codes: dict[FunctionType, CodeType] = field(default_factory=dict)
    """The project's functions and their instrumented code."""
    files: frozenset[str] = frozenset()
    """Where all of that stands."""

    @property
    def sites(self) -> list[Site]:
        return SITES

    @contextmanager
    def active(self) -> Iterator[None]:
        """While this holds, the project's functions run instrumented, with probes that do nothing until installed."""
        before = {function: function.__code__ for function in self.codes}
        for function, code in self.codes.items():
            original, count = _originals.get(function, (function.__code__, 0))
            _originals[function] = original, count + 1
            function.__code__ = code
        try:
            yield
        finally:
            for function, code in self.codes.items():
                original, count = _originals.pop(function)
                if count == 1:
                    function.__code__ = original
                    continue
                _originals[function] = original, count - 1
                if function.__code__ is code and before[function] is not original:
                    function.__code__ = before[function]  # of a program around this one, without the edit on trial


def instrument(
    modules: Sequence[ModuleType], functions: Iterable[FunctionType] = (), overlay: Mapping[str, str] | None = None
) -> Instrumentation:
    """Rewrite the modules' sources and find the functions that came from them.

    `functions` may come from elsewhere, a prompt or a notebook: what was typed there with them is rewritten too. What
    has no source, or was made in some other way than by compiling it, is left alone. The functions of a file in
    `overlay` get the bodies that they have in the text given there.
    """
    overlay = overlay or {}
    made = Instrumentation([])
    known: dict[str, _Codes] = {}
    for module in modules:
        sources = _sources(module)
        for file, text in sources:
            known[file] = _rewritten(file, text, _rewriter_of(module), overlay.get(file))
        made.modules += [module] if sources else []
    for file in {f.__code__.co_filename for f in functions} - known.keys():
        lines = linecache.getlines(file)
        if lines:
            known[file] = _rewritten(file, "".join(lines).encode(), None, overlay.get(file))
    made.files = frozenset(known)
    for function in [o for o in gc.get_objects() if type(o) is FunctionType and o.__code__.co_filename in known]:
        code = function.__code__ if function not in _originals else _originals[function][0]
        for plain, new in known.get(code.co_filename, {}).get((code.co_qualname, code.co_firstlineno), ()):
            if plain == code and new.co_freevars == code.co_freevars:
                made.codes[function] = new
                break
    return made


@functools.lru_cache(64)
def compile_script(text: bytes | str, file: str) -> CodeType:
    """A script's or driver's own instrumented code. Raises SyntaxError as `compile` does."""
    with _parsing():
        return embedded(compile(rewrite(ast.parse(text, file), file, SITES), file, "exec", dont_inherit=True))


@functools.lru_cache(256)
def _rewritten(file: str, text: bytes, transform: _Transform | None, instead: str | None = None) -> _Codes:
    """Every function of a source, plain and instrumented; nothing for a source that can't be compiled any more."""
    begun = len(SITES)
    try:
        with _parsing():
            new = ast.parse(text if instead is None else instead, file)
            instrumented = embedded(_compiled(rewrite(new, file, SITES), file, transform))
            return _paired(_plain(file, text, transform), instrumented, edited=instead is not None)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        del SITES[begun:]
        return {}


@functools.lru_cache(64)
def _plain(file: str, text: bytes, transform: _Transform | None) -> CodeType:
    return _compiled(ast.parse(text, file), file, transform)


def _compiled(tree: ast.Module, file: str, transform: _Transform | None) -> CodeType:
    if transform is not None:
        transform(tree)
    return compile(tree, file, "exec", dont_inherit=True)


@contextmanager
def _parsing() -> Iterator[None]:
    """A long sum is a deep tree; and what the compiler warns of was said when the code was imported."""
    limit = sys.getrecursionlimit()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.setrecursionlimit(max(limit, 10_000))
        try:
            yield
        finally:
            sys.setrecursionlimit(limit)


def _rewriter_of(module: ModuleType) -> _Transform | None:
    """What else was done to a module's tree when it was imported: pytest rewrites the asserts of test files."""
    loader = getattr(module, "__loader__", None)
    pytest = sys.modules.get("_pytest.assertion.rewrite")
    if pytest is None or not isinstance(loader, getattr(pytest, "AssertionRewritingHook", ())):
        return None
    return _pytests(pytest.rewrite_asserts, getattr(module, "__file__", ""), getattr(loader, "config", None))


@functools.lru_cache(256)
def _pytests(rewrite_asserts: Any, file: str, config: Any) -> _Transform:
    text = _source(file) or b""

    def transform(tree: ast.Module) -> None:
        rewrite_asserts(tree, text, file, config)

    return transform


def _sources(module: ModuleType) -> list[tuple[str, bytes]]:
    """The files of a module and their texts: one, or of a notebook one for each cell."""
    file = getattr(module, "__file__", None)
    if isinstance(file, str) and file.endswith(".ipynb"):
        return [(unit.file, str(unit.text).encode()) for unit in units(Path(file))]
    text = _source(file)
    return [(file, text)] if file is not None and text is not None else []


def _source(file: str | None) -> bytes | None:
    try:
        return Path(file).read_bytes() if file and file.endswith(".py") else None
    except OSError:
        return None


def _paired(plain: CodeType, new: CodeType, *, edited: bool) -> _Codes:
    """Code objects of functions by qualified name and first line, plain beside instrumented.

    Of several at one place, lambdas of one line, those belong together that begin at the same column; in an edited
    source, where lines may have moved, the first of a name with the first of that name, and so on.
    """
    if edited:
        return _paired_in_order(plain, new)
    places: dict[tuple[str, int], tuple[list[CodeType], list[CodeType]]] = {}
    for side, code in enumerate((plain, new)):
        for inner in _nested(code):
            places.setdefault((inner.co_qualname, inner.co_firstlineno), ([], []))[side].append(inner)
    pairs: dict[tuple[str, int], list[tuple[CodeType, CodeType]]] = {}
    for place, (own, instrumented) in places.items():
        alone = len(own) == len(instrumented) == 1
        starts = {_start(code): code for code in instrumented}
        found = ((code, instrumented[0] if alone else starts.get(_start(code))) for code in own)
        pairs[place] = [(code, other) for code, other in found if other is not None]
    return pairs


def _paired_in_order(plain: CodeType, new: CodeType) -> _Codes:
    named: dict[str, list[CodeType]] = {}
    for inner in _nested(new):
        named.setdefault(inner.co_qualname, []).append(inner)
    pairs: dict[tuple[str, int], list[tuple[CodeType, CodeType]]] = {}
    for inner in _nested(plain):
        if named.get(inner.co_qualname):
            other = named[inner.co_qualname].pop(0)
            pairs.setdefault((inner.co_qualname, inner.co_firstlineno), []).append((inner, other))
    return pairs


def _nested(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _nested(inner)


def _start(code: CodeType) -> tuple[int, int] | None:
    starts = [(line, column) for line, _, column, end in code.co_positions() if line and end and column is not None]
    return min(starts, default=None)
