"""What a rule says when it fires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another edit of the same line that has been proven as well."""

    new: str
    """The line as it would be, or in a few words what is done."""
    diff: str
    """The edit as a unified diff."""
    same: bool
    """Whether it came to the same numbers as the first on every draw."""
    apart: str
    """What tells the two apart: "dZ2 differs by the factor 8"; or that nothing tried does."""


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit of one line that has been proven: shown only if `verified`."""

    line: int
    """1-based line of the file that the edit replaces, or that it puts in."""
    old: str
    """The line as the user wrote it, without its indentation; "" where a new one is put in."""
    new: str
    """The line as it should be."""
    diff: str
    """The edit as a unified diff."""
    verified: bool
    """True when the edited code agreed with the numeric derivative on fresh inputs."""
    proof: str = ""
    """On what: "3 fresh batches"."""
    summary: str = ""
    """In a few words where the new lines alone don't tell: "move line 18 behind line 22"."""
    alternatives: tuple[Alternative, ...] = ()
    """Other edits that are proven as well."""

    @property
    def decided(self) -> bool:
        """Whether every other edit that is proven comes to the same: --fix writes no other."""
        return all(other.same for other in self.alternatives)


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause, at one place."""

    code: str
    """Stable code such as GC201; never reused."""
    category: str
    """One of the contract's categories, e.g. wrong-axis."""
    severity: Severity
    """An error makes the run fail; a warning does not."""
    headline: str
    """A few words: "db2 sums over the wrong axis"."""
    message: str
    """One paragraph: what is wrong, from which evidence, and what follows from it."""
    verdict: str
    """How the gradient table puts it: "sums over the wrong axis"."""
    tensor: str | None = None
    """The gradient or value it is about."""
    file: str | None = None
    """The file as the user would write it, relative to the current folder where it is below it."""
    line: int | None = None
    """1-based."""
    source: str | None = None
    """The source line (the first of them where the statement has several)."""
    span: tuple[int, int] | None = None
    """Columns [start, end) of `source` to be marked, in characters."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """The facts behind it, JSON builtins only."""
    fix: Fix | None = None
    """A proven edit, or None."""
