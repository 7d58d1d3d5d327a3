"""Files that a target opens for writing are kept apart, in a folder that is removed: it runs on and leaves nothing."""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from gradcheck.child.guard import HARMLESS, Guard, text


def keep_apart(guard: Guard, private: Path) -> None:
    """From now on `open` writes into the folder, and reads there what was written; `os.mkdir` makes nothing."""
    apart = Apart(guard, private / "written")
    builtins.open = io.open = apart.open
    os.mkdir = apart.mkdir
    from numpy.lib import _datasource

    apart.really_open_source = _datasource.open
    _datasource.open = apart.open_source


class Apart:
    """What takes the place of `open` and `os.mkdir`."""

    def __init__(self, guard: Guard, folder: Path) -> None:
        self._guard = guard
        self._folder = folder
        self._kept: dict[str, str] = {}
        self._really_open: Any = io.open
        self._really_mkdir = os.mkdir
        self.really_open_source: Any = None
        folder.mkdir()

    def open(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """`open`; what is opened for writing is a file of the folder, with the content of the one that is meant."""
        if isinstance(file, int) or not isinstance(mode, str):
            return self._really_open(file, mode, *args, **kwargs)
        path = os.path.abspath(text(file))
        if not _writes(mode):
            return self._really_open(self._kept.get(path, file), mode, *args, **kwargs)
        if path in HARMLESS or self._guard.allows(file) or os.path.isdir(path):
            return self._really_open(file, mode, *args, **kwargs)
        if "x" in mode and os.path.exists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), file)
        if path not in self._kept:
            self._guard.left_out(text(file), sys._getframe(1))
            instead = str(self._folder / str(len(self._kept)))
            if "w" not in mode and os.path.exists(path):
                shutil.copyfile(path, instead)
            self._kept[path] = instead
        return self._really_open(self._kept[path], mode.replace("x", "w"), *args, **kwargs)

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        """`os.mkdir`; what is written into a folder that was not made is kept apart all the same."""
        if self._guard.allows(path) or os.path.isdir(text(path)):
            self._really_mkdir(path, mode, dir_fd=dir_fd)
        else:
            self._guard.left_out(f"{text(path)}{os.sep}", sys._getframe(1))

    def open_source(
        self, path: Any, mode: str = "r", destpath: Any = os.curdir, encoding: Any = None, newline: Any = None
    ) -> Any:
        """NumPy's own `open`, of np.savetxt, which looks first whether the file exists."""
        if _writes(mode) and not text(path).endswith((".gz", ".bz2", ".xz")):
            return self.open(path, mode, encoding=encoding, newline=newline)
        return self.really_open_source(path, mode, destpath, encoding, newline)


def _writes(mode: str) -> bool:
    return any(c in mode for c in "wax+")
