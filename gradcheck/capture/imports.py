"""The project's modules, compiled in another way than Python's own while they are imported."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from gradcheck.capture.project import is_library, lies_within

Compile = Callable[[bytes, str], CodeType]


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, compiled: Compile) -> None:
        super().__init__(name, path)
        self._compiled = compiled

    def get_code(self, fullname: str) -> CodeType:
        return self._compiled(Path(self.path).read_bytes(), self.path)  # never from a cache, and never into one


class _Finder:
    def __init__(self, folder: Path, compiled: Compile) -> None:
        self._folder = folder
        self._compiled = compiled

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if is_library(name):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader or not lies_within(spec.loader.path, self._folder):
            return None
        spec.loader = _Loader(name, spec.loader.path, self._compiled)
        return spec


@contextlib.contextmanager
def compiled_by(compiled: Compile, folder: Path) -> Iterator[None]:
    """While this holds, what is imported from the folder is compiled so."""
    finder: Any = _Finder(folder, compiled)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(finder)
