"""Puts rewritten code into a project's functions as they stand, and takes it out again.

Functions keep their identity: only `__code__` is swapped, so decorators, closures, `super()` and references held
elsewhere see the instrumented code. Nothing is written to disk.
"""

from __future__ import annotations

import ast
import functools
import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from gradcheck.capture.kinks import OPERATORS
from gradcheck.capture.record import Probes
from gradcheck.capture.rewrite import ARGUMENTS, COMPARE, KINK, MODIFIED, PROBE, Site, rewrite

_PASSING: Probes = {
    PROBE: lambda _, value: value,
    MODIFIED: lambda *_: None,
    ARGUMENTS: lambda *_: None,
    COMPARE: lambda _, sign, left, right: OPERATORS[sign](left, right),
    KINK: lambda _, function, /, *args, **kwargs: function(*args, **kwargs),
}


@dataclass(slots=True)
class Instrumentation:
    """The rewritten code of one project."""

    modules: list[ModuleType]
    """The project's imported modules that have Python source."""
    sites: list[Site] = field(default_factory=list)
    """All sites of the project; a site's number is its index."""
    codes: dict[FunctionType, CodeType] = field(default_factory=dict)
    """Functions and the code they don't have now: instrumented while at rest, their own while active."""
    namespaces: list[dict[str, Any]] = field(default_factory=list)
    """Where the probes' names are looked up: the modules' globals and the drivers'."""

    installed: Probes = field(default_factory=lambda: _PASSING)
    """The probes in force."""
    depth: int = 0
    """How many programs are open on it."""

    @contextmanager
    def active(self) -> Iterator[None]:
        """While this holds, the project's functions run instrumented, with probes that do nothing until installed."""
        if self.depth == 0:
            self._swap()
            self.install(_PASSING)
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            if self.depth == 0:
                self._swap()
                for namespace in self.namespaces:
                    for name in _PASSING:
                        namespace.pop(name, None)

    def _swap(self) -> None:
        for function, code in self.codes.items():
            self.codes[function], function.__code__ = function.__code__, code

    def install(self, probes: Probes) -> None:
        """What the rewritten code calls from now on."""
        self.installed = probes
        for namespace in self.namespaces:
            namespace.update(probes)

    @contextmanager
    def probing(self, probes: Probes) -> Iterator[None]:
        """Install for a while, then nothing again."""
        self.install(probes)
        try:
            yield
        finally:
            self.install(_PASSING)


def instrument(modules: Sequence[ModuleType]) -> Instrumentation:
    """Rewrite the modules' sources and find the functions that came from them. Modules without source are left alone."""
    made = Instrumentation([])
    rewritten: dict[str, Mapping[tuple[str, int], list[tuple[CodeType, CodeType]]]] = {}
    for module in modules:
        file = getattr(module, "__file__", None)
        text = _source(file)
        if file is None or text is None:
            continue
        plain = compile(text, file, "exec", dont_inherit=True)
        tree = rewrite(ast.parse(text, file), file, made.sites)
        rewritten[file] = _paired(plain, compile(tree, file, "exec", dont_inherit=True))
        made.modules.append(module)
        made.namespaces.append(vars(module))
    for function in [o for o in gc.get_objects() if type(o) is FunctionType]:
        code = function.__code__
        for plain_code, new in rewritten.get(code.co_filename, {}).get((code.co_qualname, code.co_firstlineno), ()):
            # code that does not match its file was changed since it was imported, or made in some other way
            if plain_code.co_code == code.co_code and new.co_freevars == code.co_freevars:
                made.codes[function] = new
                break
    return made


def compile_script(text: str, file: str, sites: list[Site]) -> CodeType:
    """A script's or driver's own instrumented code. Raises SyntaxError as `compile` does."""
    return compile(rewrite(ast.parse(text, file), file, sites), file, "exec", dont_inherit=True)


def project_modules(folder: Path, name: str | None = None) -> list[ModuleType]:
    """Imported modules whose file lies below `folder`, or that belong to the top-level package `name`."""
    found = []
    for key, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and file.endswith(".py") and not _is_foreign(file, folder):
            if name is None or key == name or key.startswith(name + "."):
                found.append(module)
    return found


@functools.lru_cache(1 << 14)
def _is_foreign(file: str, folder: Path) -> bool:
    # remembered: every opening asks it of every imported module, and resolving a path is a dozen system calls
    parts = Path(file).resolve().parts
    own = folder.resolve().parts
    return parts[: len(own)] != own or "site-packages" in parts[len(own) :]


def _source(file: str | None) -> bytes | None:
    try:
        return Path(file).read_bytes() if file and file.endswith(".py") else None
    except OSError:
        return None


def _paired(plain: CodeType, new: CodeType) -> dict[tuple[str, int], list[tuple[CodeType, CodeType]]]:
    """Code objects of functions by qualified name and first line, plain beside instrumented."""
    pairs: dict[tuple[str, int], list[tuple[CodeType, CodeType]]] = {}

    def visit(a: CodeType, b: CodeType) -> None:
        inner_a = [c for c in a.co_consts if isinstance(c, CodeType)]
        inner_b = [c for c in b.co_consts if isinstance(c, CodeType)]
        if [c.co_name for c in inner_a] != [c.co_name for c in inner_b]:
            return
        for x, y in zip(inner_a, inner_b):
            pairs.setdefault((x.co_qualname, x.co_firstlineno), []).append((x, y))
            visit(x, y)

    visit(plain, new)
    return pairs
