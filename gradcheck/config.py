"""Options that stand under [tool.gradcheck] in pyproject.toml."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradcheck.errors import UsageError

FILE = "pyproject.toml"
_TEXT, _WHOLE, _NUMBER, _SWITCH = "text", "a whole number", "a number", "true or false"
_NAMES, _PAIRS = 'names, e.g. ["W1", "b1"]', 'gradients and their values, e.g. { update = "W" }'
KEYS: Mapping[str, str] = {
    "targets": 'TARGETs, e.g. ["net.py:train"]',
    "loss": _TEXT,
    "params": _NAMES,
    "grads": _PAIRS,
    "call": _TEXT,
    "shapes": _TEXT,
    "batch": _WHOLE,
    "seed": _WHOLE,
    "method": _TEXT,
    "full": _SWITCH,
    "budget": _WHOLE,
    "properties": _SWITCH,
    "timeout": _NUMBER,
    "allow_inconclusive": _SWITCH,
    "format": _TEXT,
    "output": _TEXT,
    "jobs": _WHOLE,
    "quiet": _SWITCH,
    "verbose": _WHOLE,
}
"""What may stand there and what it takes, beside `grad` and `no_properties` as on the command line; - counts as _."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a pyproject.toml says."""

    values: Mapping[str, Any] = field(default_factory=dict)
    """By the keys of KEYS, without `targets`."""
    targets: tuple[str, ...] = ()
    """What is checked where no TARGET is given; files as they are found from the current folder."""
    folder: Path | None = None
    """Where the file stands; None where there is none."""


def load(start: Path) -> Config:
    """The nearest [tool.gradcheck] from a folder upward. Raises UsageError for what can't be read or isn't known."""
    for folder in (start, *start.parents):
        table = _table(folder / FILE)
        if table is not None:
            where = os.path.relpath(folder / FILE, start)
            values = dict(_read(key, value, where) for key, value in table.items())
            targets = tuple(_from_here(text, folder, start) for text in values.pop("targets", ()))
            return Config(values, targets, folder)
    return Config()


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        content = file.read_bytes()
    except OSError:
        return None
    if b"gradcheck" not in content:
        return None
    import tomllib

    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file.name} can't be read: {error} (in {file.parent}).") from None
    tool = document.get("tool")
    table = tool.get("gradcheck") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{file.name}: gradcheck under [tool] is {table!r:.60}, expected a table [tool.gradcheck].")
    return table


def _read(key: str, value: Any, where: str) -> tuple[str, Any]:
    """A key and its value as the command line would have them."""
    name = key.replace("-", "_")
    if name == "no_properties" and isinstance(value, bool):
        return "properties", not value
    name = "grads" if name == "grad" else name
    if name not in KEYS:
        near = difflib.get_close_matches(name, KEYS, 1, 0.5)
        meant = f"; did you mean {near[0]!r}?" if near else "."
        raise UsageError(f"{where}, [tool.gradcheck]: unknown key {key!r}{meant} Known are {', '.join(KEYS)}.")
    expected = KEYS[name]
    read = _as(expected, value)
    if read is None:
        raise UsageError(f"{where}, [tool.gradcheck]: {key} is {value!r:.60}, expected {expected}.")
    return name, read


def _as(expected: str, value: Any) -> Any:
    """The value as what is expected of it; None where it is something else."""
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    if expected in (_NAMES, KEYS["targets"]):
        whole = texts if all(isinstance(t, str) and t.strip() for t in texts) else []
        separated = [part for t in whole for part in (t.split(",") if expected == _NAMES else [t])]
        return tuple(part.strip() for part in separated) or None
    if expected == _PAIRS:
        read = list(value.items()) if isinstance(value, dict) else [str(t).partition("=")[::2] for t in texts]
        pairs = {str(gradient).strip(): str(of).strip() for gradient, of in read}
        return pairs if pairs and all(g and of for g, of in pairs.items()) else None
    kinds: Mapping[str, tuple[type, ...]] = {_TEXT: (str,), _WHOLE: (int,), _NUMBER: (int, float), _SWITCH: (bool,)}
    return value if isinstance(value, kinds[expected]) and isinstance(value, bool) == (expected == _SWITCH) else None


def _from_here(text: str, folder: Path, start: Path) -> str:
    """A TARGET of the file's folder as it reads from the current one."""
    head, extension, rest = text.partition(".py")
    is_file = extension and rest[:1] in ("", ":")
    return f"{os.path.relpath(folder / f'{head}.py', start)}{rest}" if is_file and folder != start else text


def folders(config: Config, start: Path) -> Sequence[str]:
    """What comes first in `sys.path`: the current folder, then that of the pyproject.toml."""
    return list(dict.fromkeys(str(f) for f in (start, config.folder) if f is not None))
