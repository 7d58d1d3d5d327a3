"""Edits as they are written into files, and as each of them is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradcheck.fix.edit import Edit
from gradcheck.fix.line import Line
from gradcheck.patch import Patch, lines_of, overlap, spliced, unified
from gradcheck.rules.finding import Fix


def patches_of(edits: Sequence[tuple[Line, Edit]]) -> Iterator[Patch]:
    """All edits, one patch a file."""
    for source in {line.source.file: line.source for line, _ in edits}.values():
        splices = (s for line, edit in edits if line.source.file == source.file for s in line.splices(edit))
        yield Patch(source, tuple(dict.fromkeys(splices)))  # two lines may be put right by one move


def apart(edits: Sequence[tuple[Line, Edit]]) -> bool:
    """Whether they can be made together."""
    return not any(overlap(patch.splices) for patch in patches_of(edits))


def shown_fix(line: Line, edit: Edit, proof: str) -> Fix:
    """One edit with the lines that it changes."""
    text = line.source.text
    new = spliced(text, line.splices(edit))
    before, after = lines_of(text), lines_of(new)
    first = next(i for i, (a, b) in enumerate(zip([*before, ""], [*after, ""])) if a != b)
    alike = (i for i, (a, b) in enumerate(zip(reversed(before), reversed(after))) if a != b)
    tail = min(next(alike, len(before)), len(before) - first, len(after) - first)
    old_lines, new_lines = before[first : len(before) - tail], after[first : len(after) - tail]
    return Fix(
        first + 1,
        "\n".join(old_lines).strip(),
        "\n".join(new_lines).strip(),
        unified(line.source.file, text, new),
        True,
        proof,
        edit.summary,
    )
