"""Stand-ins for what a target needs and this machine lacks: data files, data sets, libraries, names of an older NumPy.

They have the right shapes and nothing else: enough for a backward pass to be checked on. What really is there is used.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from gradcheck.cells import units
from gradcheck.standins import files, libraries, numpy_names, pools
from gradcheck.standins.hints import Hints

__all__ = ["Hints", "active", "sources_of", "told"]

_standing: list[Hints] = []


@contextlib.contextmanager
def active(sources: Sequence[Path] = ()) -> Iterator[Hints]:
    """While this holds, what is missing is stood in for, and told in `notes`. Within another one, that one's go on.

    `sources` are the target's files, from whose numbers and names the shapes of unknown data are guessed.
    """
    if _standing:
        yield _standing[0]
        return
    hints = Hints(tuple(sources))
    _standing.append(hints)
    try:
        with numpy_names.given(hints), libraries.given(hints), files.given(hints), pools.given(hints):
            yield hints
    finally:
        _standing.clear()


def told() -> tuple[str, ...]:
    """What has been stood in for by now."""
    return _standing[0].notes if _standing else ()


def sources_of(script: Path) -> list[Path]:
    """A script, and the files beside it that it imports by name."""
    found = [script]
    try:
        cells = units(script)
    except ValueError:  # no notebook, which is told where it is read
        return found
    for unit in cells:
        try:
            tree = ast.parse(unit.text)
        except (SyntaxError, ValueError):
            continue
        named = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
        named += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        found += [p for name in named if (p := script.parent / f"{name.replace('.', '/')}.py").is_file()]
    return list(dict.fromkeys(found))
