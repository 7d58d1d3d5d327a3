"""What a target must not do while it is checked: write, connect, start programs.

Files that it opens for writing are kept apart, in a folder that is removed, so that a script that logs or saves its
weights runs on; everything else is refused by an audit hook. No prison: it stops what a training script does in passing.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gradcheck.child import place
from gradcheck.errors import Refused

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_HARMLESS = {os.devnull, "/dev/stdout", "/dev/stderr", "/dev/tty"}
_CHANGES = (
    "os.remove os.rename os.rmdir os.mkdir os.truncate os.chmod os.chown os.link os.symlink os.utime os.setxattr"
    " os.removexattr shutil.rmtree shutil.move shutil.copyfile shutil.copytree shutil.copymode shutil.copystat"
    " shutil.chown shutil.make_archive shutil.unpack_archive sqlite3.connect"
)
_CONNECTS = (
    "socket.connect socket.bind socket.getaddrinfo socket.gethostbyname socket.gethostbyaddr socket.getnameinfo"
    " socket.sendto socket.sendmsg urllib.Request webbrowser.open ftplib.connect smtplib.connect"
)
_STARTS = (
    "subprocess.Popen os.system os.exec os.posix_spawn os.spawn os.fork os.forkpty os.startfile os.startfile/2"
    " pty.spawn os.kill os.killpg"
)
_CHANGED = {
    "os.rename": (0, 1),
    "shutil.move": (0, 1),
    **dict.fromkeys(
        "os.link os.symlink shutil.copyfile shutil.copytree shutil.copymode shutil.copystat shutil.unpack_archive".split(),
        (1,),
    ),
}
"""Which arguments are paths that are changed; the first for the others."""


class Guard:
    """Stands between the target and the world; remembers what it kept apart or refused."""

    def __init__(self, private: Path) -> None:
        self._private = f"{os.path.realpath(private)}{os.sep}"
        self._kept: dict[str, str] = {}
        self._notes: dict[str, None] = {}

    def stand(self) -> None:
        """From now on, until the process ends: an audit hook can't be taken off."""
        checks: dict[str, Callable[[str, tuple[Any, ...]], None]] = {"open": self._opens}
        checks |= dict.fromkeys(_CHANGES.split(), self._changes)
        checks |= dict.fromkeys(_CONNECTS.split(), self._connects)
        checks |= dict.fromkeys(_STARTS.split(), self._starts)

        def hook(event: str, args: tuple[Any, ...]) -> None:
            check = checks.get(event)
            if check is not None:
                check(event, args)

        self._keep_apart()
        sys.addaudithook(hook)

    def note(self, text: str) -> None:
        """For the report."""
        self._notes.setdefault(text)

    def notes(self) -> tuple[str, ...]:
        """What was noted, once each."""
        return tuple(self._notes)

    # -- refused

    def _opens(self, _: str, args: tuple[Any, ...]) -> None:
        path, mode, flags = args
        writes = any(c in mode for c in "wax+") if isinstance(mode, str) else bool((flags or 0) & _WRITING)
        if writes and not self._may_change(path):
            self._refuse(f"writing {_text(path)}")

    def _changes(self, event: str, args: tuple[Any, ...]) -> None:
        paths = [args[i] for i in _CHANGED.get(event, (0,))]
        if event == "os.mkdir" and os.path.isdir(_text(paths[0])):
            return  # raises FileExistsError by itself
        if event == "sqlite3.connect" and _text(paths[0]) == ":memory:":
            return
        if not all(self._may_change(path) for path in paths):
            self._refuse(f"{event}({', '.join(_text(p) for p in paths)})")

    def _connects(self, event: str, args: tuple[Any, ...]) -> None:
        to = next((a for a in args if isinstance(a, (str, bytes, tuple))), "")
        self._refuse(f"{event} {to if isinstance(to, tuple) else _text(to)}".rstrip())

    def _starts(self, event: str, args: tuple[Any, ...]) -> None:
        if event in ("os.kill", "os.killpg"):
            if args[0] in (0, os.getpid()):
                return
            self._refuse(f"{event}({args[0]})")
        what = args[1] if event == "subprocess.Popen" and isinstance(args[1], (list, tuple)) else args[:1]
        self._refuse(" ".join([f"{event}:", *map(_text, what)]) if what else event)

    def _refuse(self, what: str) -> None:
        where = place.of_frame(sys._getframe(2))
        self.note(f"refused while it is checked: {what:.200}{f' at {where}' if where else ''}")
        raise Refused(f"gradcheck does not let a target do this while it is checked: {what:.200}")

    def _may_change(self, path: Any) -> bool:
        if isinstance(path, int) or path is None:  # a descriptor that it has
            return isinstance(path, int)
        text = _text(path)
        return text in _HARMLESS or f"{os.path.realpath(text)}{os.sep}".startswith(self._private)

    # -- kept apart

    def _keep_apart(self) -> None:
        really_open, really_mkdir = io.open, os.mkdir
        kept, private = self._kept, Path(self._private) / "written"
        private.mkdir()

        def open_apart(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if isinstance(file, int) or not isinstance(mode, str):
                return really_open(file, mode, *args, **kwargs)
            path = os.path.abspath(_text(file))
            if not any(c in mode for c in "wax+"):
                return really_open(kept.get(path, file), mode, *args, **kwargs)
            if path in _HARMLESS or self._may_change(file) or os.path.isdir(path):
                return really_open(file, mode, *args, **kwargs)
            if "x" in mode and os.path.exists(path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), file)
            if path not in kept:
                where = place.of_frame(sys._getframe(1))
                self.note(f"not written, as a check writes nothing: {_text(file)}{f' at {where}' if where else ''}")
                kept[path] = str(private / str(len(kept)))
                if "w" not in mode and os.path.exists(path):
                    shutil.copyfile(path, kept[path])
            return really_open(kept[path], mode.replace("x", "w"), *args, **kwargs)

        def mkdir_apart(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
            if self._may_change(path) or os.path.isdir(_text(path)):
                really_mkdir(path, mode, dir_fd=dir_fd)
            else:
                where = place.of_frame(sys._getframe(1))
                self.note(f"not made, as a check writes nothing: {_text(path)}{os.sep}{f' at {where}' if where else ''}")

        replaced: Mapping[tuple[Any, str], Any] = {
            (builtins, "open"): open_apart,
            (io, "open"): open_apart,
            (os, "mkdir"): mkdir_apart,
        }
        for (module, name), function in replaced.items():
            setattr(module, name, function)


def _text(path: Any) -> str:
    try:
        return os.fsdecode(path)
    except TypeError:
        return str(path)
