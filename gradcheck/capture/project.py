"""Which modules are the user's project: what is rewritten, and whose globals are put back."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from gradcheck.capture.attributes import attributes

_NEVER = frozenset({"numpy", "scipy", "gradcheck", "hypothesis", "pytest", "_pytest", "builtins"})
"""Rewriting these would put probes into what the probes are made of, or into what runs them."""
_PACKAGES = frozenset({"site-packages", "dist-packages"})
_LIBRARIES = tuple(Path(p).resolve() for k, p in sysconfig.get_paths().items() if k in ("stdlib", "platstdlib"))


@dataclass(frozen=True, slots=True)
class Project:
    """The user's own code: a package, a folder, or a single file."""

    folder: Path
    """Its modules lie below it."""
    package: str | None = None
    """The top-level package or module that they belong to, None for any."""
    start: tuple[ModuleType, ...] = ()
    """Of a folder, what can be reached from these belongs to it; all that is imported where there are none."""

    def modules(self) -> list[ModuleType]:
        """The project's modules that are imported by now."""
        found = {}
        for key, module in list(sys.modules.items()):
            own = self.package is None or key == self.package or key.startswith(f"{self.package}.")
            if not own or key.partition(".")[0] in _NEVER:
                continue  # most of what is imported: asked first, since resolving a path is a dozen system calls
            file = getattr(module, "__file__", None)
            its_own = isinstance(file, str) and file.endswith((".py", ".ipynb")) and not _is_foreign(file, self.folder)
            if its_own and not is_library(key):
                found[key] = module
        if self.package is None and self.start:
            return _reachable(self.start, found)
        return list(found.values())


def project_of(module: ModuleType | None, script: Path | None, functions: Sequence[FunctionType] = ()) -> Project:
    """The project of a script, a module, or the functions that were handed over."""
    if script is not None:
        return Project(root_of(script.resolve()))
    homes = [m for f in functions if (m := sys.modules.get(f.__module__ or "")) is not None]
    start = tuple(m for m in (module, *homes) if m is not None and not is_library(m.__name__))
    first = next((m for m in start if getattr(m, "__file__", None)), None)
    if first is None:
        # typed at a prompt: what lies in the current folder, if it was imported there
        return Project(Path.cwd(), start=start) if start else Project(Path(__file__) / "nothing of the user's")
    file = Path(first.__file__ or "").resolve()
    top = first.__name__.partition(".")[0]
    root = getattr(sys.modules.get(top), "__file__", None)
    if root is not None and (top != first.__name__ or hasattr(first, "__path__")):
        return Project(Path(root).resolve().parent, top)
    if not _PACKAGES.isdisjoint(file.parts):
        return Project(file.parent, first.__name__)
    # what it takes from a folder beside its own, as `sys.path.append(os.pardir)` has it, is the author's as well
    return Project(next(_marked(list(file.parents[:4])), file.parent), start=start)


def _marked(folders: Sequence[Path]) -> Iterator[Path]:
    """Those that look like a project's."""
    return (f for f in folders if any((f / mark).exists() for mark in (".git", "pyproject.toml", "setup.py")))


@functools.cache
def root_of(script: Path) -> Path:
    """The folder of a script's project: the nearest above it that looks like one, or the current one, or its own.

    It stays what it was when the script was begun, wherever that goes: `root_of.cache_clear()` begins anew.
    """
    near = list(script.parents[:4])
    here = [f for f in near if f == Path.cwd()]
    return [*_marked(near), *here, script.parent][0]


def is_library(name: str) -> bool:
    """Whether a module is never the user's own: the standard library, NumPy, gradcheck itself."""
    top = name.partition(".")[0]
    if top not in sys.stdlib_module_names or top == "__main__":
        return top in _NEVER
    file = getattr(sys.modules.get(top), "__file__", None)  # a user's own test.py or code.py is no library
    return file is None or any(library in Path(file).resolve().parents for library in _LIBRARIES)


def functions_in(objects: Iterable[Any]) -> list[FunctionType]:
    """The Python functions behind what was handed over: functions, methods, partials, instances that are called."""
    return list(dict.fromkeys(f for o in objects for f in _unwrapped(o, 4)))


def owners_in(objects: Iterable[Any]) -> list[Any]:
    """The instances whose methods were handed over."""
    found: dict[int, Any] = {}
    for o in objects:
        for each in _parts(o):
            if inspect.ismethod(each) and not isinstance(each.__self__, type):
                found[id(each.__self__)] = each.__self__
    return list(found.values())


def _unwrapped(value: Any, depth: int) -> Iterator[FunctionType]:
    if depth == 0:
        return
    if isinstance(value, FunctionType):
        yield value
        if value.__dict__.get("__wrapped__") is not None:
            yield from _unwrapped(value.__dict__["__wrapped__"], depth - 1)
    elif inspect.ismethod(value):
        yield from _unwrapped(value.__func__, depth - 1)
        yield from (f for part in _parts(value) if part is not value for f in _unwrapped(part, depth - 1))
    elif isinstance(value, functools.partial):
        yield from _unwrapped(value.func, depth - 1)
    elif isinstance(value, functools._lru_cache_wrapper):
        yield from _unwrapped(value.__wrapped__, depth - 1)
    elif not isinstance(value, type):
        called = inspect.getattr_static(type(value), "__call__", None)
        if isinstance(called, FunctionType):
            yield called


def _parts(value: Any) -> list[Any]:
    """A callable, and the callables that gradcheck's own driver of a pair holds for it."""
    owner = getattr(value, "__self__", None)
    if owner is not None and is_library(type(owner).__module__):
        return [value, *(v for v in attributes(owner).values() if callable(v))] if inspect.ismethod(value) else [value]
    return [value]


def _reachable(start: Iterable[ModuleType], among: dict[str, ModuleType]) -> list[ModuleType]:
    """The modules of a folder that others of it refer to: by name, or by what was imported from them."""
    found: dict[str, ModuleType] = {}
    waiting = list(start)
    while waiting:
        module = waiting.pop()
        if module.__name__ in found or module.__name__ not in among:
            continue
        found[module.__name__] = module
        for value in list(vars(module).values()):
            for each in _held(value):
                name = each.__name__ if isinstance(each, ModuleType) else getattr(type(each), "__module__", "")
                if isinstance(each, (type, FunctionType)):
                    name = each.__module__
                if isinstance(name, str) and name in among and name not in found:
                    waiting.append(among[name])
    return list(found.values())


def _held(value: Any) -> list[Any]:
    if type(value) in (list, tuple, set, frozenset):
        return [value, *list(value)[:1000]]
    return [value, *list(value.values())[:1000]] if type(value) is dict else [value]


def lies_within(file: str, folder: Path) -> bool:
    """Whether a file is a project's own, if the project is what lies below a folder."""
    return not _is_foreign(file, folder)


@functools.lru_cache(1 << 14)
def _is_foreign(file: str, folder: Path) -> bool:
    # remembered: every opening asks it of every imported module, and resolving a path is a dozen system calls
    own, path = _resolved(str(folder)), _resolved(file)
    below = os.path.join(own, "")
    if not path.startswith(below):
        return True
    # a virtual environment's site-packages lies below its own platstdlib: a target installed there is still the user's
    installed = not _PACKAGES.isdisjoint(Path(path).parts)
    if not installed and any(library in Path(path).parents for library in _LIBRARIES):
        return True
    return not _PACKAGES.isdisjoint(Path(path[len(below) :]).parts)


@functools.lru_cache(1 << 14)
def _resolved(path: str) -> str:
    return os.path.realpath(path)
