"""Modules of the user's own project that a file imports as from another folder: `from net.layers import *` in net/.

Where the file is run from the folder that its author had in mind, nothing of this is asked. Otherwise what is not found
is looked for in the folders above the file, as far as the project goes, and in a `src` in them.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

MARKS = (".git", "pyproject.toml", "setup.py")
"""What the top folder of a project holds."""
HIGHEST = 5
"""Folders above a file that are looked at."""
UNMARKED = 3
"""As many, where none of them holds a mark."""


class _Above:
    """Finds top-level modules in folders that are not in the path."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> Any:
        """What importlib asks for; None where there is none."""
        if path is not None or not name.isidentifier():
            return None
        found = [
            (_is_package(folder) and spec.submodule_search_locations is None, spec)
            for folder in self._folders
            if (spec := importlib.machinery.PathFinder.find_spec(name, [str(folder)])) is not None
            and (spec.origin or any((folder / name).glob("*.py")))
        ]
        # net/net.py beside net/layers.py is no top-level module, where there is a net/
        return min(found, key=lambda each: each[0])[1] if found else None


@contextlib.contextmanager
def searched(files: Sequence[Path]) -> Iterator[None]:
    """For a while, the folders around some files are searched for what is found nowhere else."""
    finder: Any = _Above([folder for file in files for folder in folders_of(file)])
    finders = [i for i, other in enumerate(sys.meta_path) if other is importlib.machinery.PathFinder]
    sys.meta_path.insert(finders[-1] + 1 if finders else len(sys.meta_path), finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


def folders_of(file: Path) -> list[Path]:
    """A file's own folder and those above it, the nearest first, each with its `src`; those that are packages last."""
    above = list(file.resolve().parents)[:HIGHEST]
    top = next((i for i, folder in enumerate(above) if any((folder / mark).exists() for mark in MARKS)), UNMARKED - 1)
    around = [each for folder in above[: top + 1] for each in (folder, folder / "src") if each.is_dir()]
    return sorted(around, key=_is_package)


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()
