"""Edits of a file as the user wrote it: spliced in where they belong, shown as a diff, written only on request.

Everything outside an edit stays as it is, byte for byte: comments, spacing, tabs, line ends, encoding, a BOM.
"""

from __future__ import annotations

import ast
import codecs
import contextlib
import difflib
import functools
import hashlib
import io
import os
import re
import tempfile
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from gradcheck.cells import is_cell, text_of
from gradcheck.errors import UsageError
from gradcheck.source import shown

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Splice:
    """What stands in [start, end) of a text, in characters, becomes `new`."""

    start: int
    end: int
    new: str


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all splices made; they must not overlap."""
    parts, at = [], 0
    for one in sorted(splices, key=lambda s: (s.start, s.end)):
        if one.start < at:
            raise ValueError("edits overlap")
        parts += [text[at : one.start], one.new]
        at = one.end
    return "".join([*parts, text[at:]])


def overlap(splices: Iterable[Splice]) -> bool:
    """Whether two of them are about the same text."""
    return any(a.end > b.start for a, b in pairwise(sorted(splices, key=lambda s: (s.start, s.end))))


@dataclass(frozen=True, slots=True)
class SourceText:
    """A Python file's text, and how it lies in the file."""

    file: str
    """Absolute path."""
    text: str
    """Decoded, line ends as they are, without a BOM."""
    encoding: str
    """As the file declares it."""
    digest: str
    """Of the file's bytes when it was read."""

    @property
    def line_end(self) -> str:
        found = _LINE_END.search(self.text)
        return found.group() if found else "\n"

    def offset(self, line: int, column: int) -> int:
        """The position in `text` of a place as ast counts it: 1-based line, column in UTF-8 bytes."""
        starts = line_starts(self.text)
        start = starts[line - 1]
        end = starts[line] if line < len(starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode(errors="ignore"))

    def segment(self, node: ast.expr) -> str:
        """What an expression of the file says."""
        start = self.offset(node.lineno, node.col_offset)
        return self.text[start : self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)]

    def line(self, offset: int) -> int:
        """The 1-based line of a position in `text`."""
        return sum(start <= offset for start in line_starts(self.text))


@functools.lru_cache(64)
def line_starts(text: str) -> list[int]:
    """Where each line begins, as Python counts lines: a form feed ends none."""
    return [0, *(m.end() for m in _LINE_END.finditer(text))]


def lines_of(text: str) -> list[str]:
    """The lines without their ends."""
    return _LINE_END.split(text)


def read(file: str) -> SourceText | None:
    """A file's text; None for one that can't be read, or would not come out the same if it were written again.

    Of a notebook's cell, its source without what is meant for the notebook.
    """
    cell = text_of(file)
    if cell is not None:
        return SourceText(file, cell, "utf-8", _digest(cell.encode()))
    try:
        raw = Path(file).read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
        same = _encoded(text, encoding, raw) == raw
    except (OSError, SyntaxError, UnicodeError, LookupError):
        return None
    return SourceText(file, text, encoding, _digest(raw)) if same else None


def _encoded(text: str, encoding: str, before: bytes) -> bytes:
    plain = "utf-8" if encoding == "utf-8-sig" else encoding
    return (codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b"") + text.encode(plain)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


@dataclass(frozen=True, slots=True)
class Patch:
    """All edits of one file, which have been proven together."""

    source: SourceText
    """The file as it was read."""
    splices: tuple[Splice, ...]
    """The edits."""

    @property
    def new(self) -> str:
        """The file's text with the edits made."""
        return spliced(self.source.text, self.splices)

    @property
    def file(self) -> str:
        """Absolute path."""
        return self.source.file

    @property
    def diff(self) -> str:
        """As a unified diff."""
        return unified(self.file, self.source.text, self.new)


def merged(patches: Iterable[Patch]) -> list[Patch]:
    """One patch a file: several reports may be about functions of one. Raises UsageError where they contradict, and for
    a notebook."""
    found: dict[str, Patch] = {}
    for patch in patches:
        if is_cell(patch.file):
            raise UsageError("--fix does not write into notebooks: change the cell by hand. Nothing was written.")
        before = found.get(patch.file)
        edits = {*(before.splices if before else ()), *patch.splices}
        found[patch.file] = replace(patch, splices=tuple(sorted(edits, key=lambda s: (s.start, s.end))))
        if before is not None and before.source.digest != patch.source.digest:
            raise UsageError(f"--fix: {shown(patch.file)} changed while it was checked. Nothing was written.")
    for patch in found.values():
        if overlap(patch.splices):
            raise UsageError(
                f"--fix: the fixes of {shown(patch.file)} contradict each other. Nothing was written; run each target"
                " alone."
            )
    return list(found.values())


def unified(file: str, old: str, new: str) -> str:
    """A unified diff of two texts of a file."""
    name = shown(file).replace(os.sep, "/")
    before, after = (_LINE_END.sub("\n", text).splitlines(keepends=True) for text in (old, new))
    lines = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def write(patch: Patch) -> None:
    """Put the new text in the file's place, all at once, with the permissions that it has.

    Raises UsageError where the file is not what was checked any more, or can't be written.
    """
    path = Path(os.path.realpath(patch.file))  # a link stays a link
    try:
        raw = path.read_bytes()
        if _digest(raw) != patch.source.digest:
            raise UsageError(
                f"--fix: {shown(patch.file)} has changed since it was checked. Nothing was written; run it again."
            )
        _replace(path, _encoded(patch.new, patch.source.encoding, raw))
    except (OSError, UnicodeError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"--fix: {shown(patch.file)} can't be written: {said}. It is as it was.") from None


def _replace(path: Path, raw: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode & 0o7777)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
