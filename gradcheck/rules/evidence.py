"""What a rule sees of one wrong gradient, and the questions that it may ask."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judged import Judged
from gradcheck.blame.rerun import rejudged
from gradcheck.capture.program import Program
from gradcheck.capture.record import Key
from gradcheck.capture.rewrite import Site
from gradcheck.compare import BLUNT, Agreement, agreement
from gradcheck.loss.choose import Chosen
from gradcheck.source import characters, frames_of, line_of, shown

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One judged gradient of one probe, with everything else that the probe recorded."""

    judged: Judged
    """The gradient in question."""
    others: Sequence[Judged]
    """All gradients of the probe, this one included, in the order in which they are computed."""
    program: Program
    """The probe."""
    sizes: Mapping[str, int]
    """Sizes by symbol, for naming factors."""
    inherited_scale: float = 1.0
    """The factor that the gradient carries by convention, from upstream."""

    @property
    def analytic(self) -> Array:
        """What the line computes from right inputs, the inherited factor taken out."""
        fed = self.judged.fed
        return (self.judged.gradient.array if fed is None else fed) / self.inherited_scale

    @property
    def name(self) -> str:
        return self.judged.gradient.name

    @property
    def of(self) -> str:
        return self.judged.gradient.of.name

    @property
    def site(self) -> Site:
        return self.judged.gradient.value.site

    def explains(self, candidate: Array) -> bool:
        """Whether `candidate`, in place of the gradient, agrees with the numeric derivative."""
        found = self.fit(candidate, scale=1.0)
        return found is not None and found.holds

    def fit(self, candidate: Array, scale: float | None = None) -> Agreement | None:
        """How `candidate` agrees up to a factor; None for a wrong shape or a truth that could not be seen."""
        candidate = np.asarray(candidate)
        if candidate.shape != self.judged.truth.shape or not np.isfinite(candidate).all() or self.judged.truth.reason:
            return None
        found = agreement(self.judged.truth, candidate, scale)
        return found if found.resolution < BLUNT else None

    def earlier(self) -> Iterator[tuple[str, Array]]:
        """Gradients of the code that were computed before this one, latest first."""
        before = [j.gradient for j in self.others]
        names = [g.name for g in before]
        for gradient in reversed(before[: names.index(self.name)]):
            yield gradient.name, gradient.array

    def right_with(self, replaced: Mapping[Key, Array]) -> bool:
        """Whether the line computes what it should once these values are others, its inputs being right."""
        (again,) = rejudged(self.program, [self.judged], {**self.judged.inputs, **replaced}, self.judged.slack)
        return again is not None and again.right and self._is_as_inherited(again)

    def _is_as_inherited(self, again: Judged) -> bool:
        if again.agreement is None or self.judged.gradient.kind == "parameter":
            return True
        return math.isclose(again.agreement.scale, self.inherited_scale, rel_tol=1e-6)

    def used(self) -> list[str]:
        """The lines of the forward that read the value, by its name: net.py:31."""
        of = self.judged.gradient.of
        last = max(v.order for v in self.program.scalar.variables.values())
        forward = self.program.trace.values[: last + 1]
        own = {re.split(r"[.\[]", n)[0] for n in (of.last, *(v.name for v in forward if v.identity == of.identity))}
        sites = {(v.site.file, v.site.line): v.site for v in forward if v.site.kind not in ("argument", "loop")}
        read = (s for s in sites.values() if own & _read(line_of(s.file, s.line)) and s != of.site)
        return [f"{shown(s.file)}:{s.line}" for s in read]

    def raised_here(self) -> str:
        """What the update raised where it uses this gradient, with its place; "" if it did not."""
        error = self.program.trace.raised
        frames = frames_of(error) if error is not None else []
        if not frames or self.name not in names_in(frames[-1].line or ""):
            return ""
        return f"line {frames[-1].lineno} raises {type(error).__name__}: {str(error).strip()}"


@dataclass(frozen=True, slots=True)
class Run:
    """A whole probe, while its program can still be run."""

    program: Program
    """The probe."""
    judged: Sequence[Judged]
    """Every gradient, in the order in which they are computed."""
    sizes: Mapping[str, int]
    """Sizes by symbol."""
    chosen: Chosen
    """The loss, and why this one."""


def place(site: Site, inside: str = "") -> dict[str, Any]:
    """File, line, source and marked span of a finding: the site's expression, or `inside` within its first line."""
    line, start, end_line, end = site.span
    text = line_of(site.file, line)
    columns = characters(text, start), characters(text, end) if end_line == line else len(text)
    found = re.compile(rf"(?<!\w){re.escape(inside)}(?!\w)").search(text, columns[0]) if inside else None
    span = found.span() if found else columns
    return {"file": shown(site.file), "line": line, "source": text, "span": span if text else None}


def keyword_text(site: Site, function: str, keyword: str) -> str:
    """`axis=1` as the author wrote it inside a call of `function` on the site's line; "" where there is none."""
    text = line_of(site.file, site.span[0]).strip()
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == function:
            for given in node.keywords:
                if given.arg == keyword:
                    return ast.get_source_segment(text, given) or ""
    return ""


def _read(line: str) -> set[str]:
    """The names that a line reads, last names of attributes included."""
    try:
        nodes = list(ast.walk(ast.parse(line.strip())))
    except SyntaxError:
        return set()
    read = [n for n in nodes if isinstance(getattr(n, "ctx", None), ast.Load)]
    return {n.id if isinstance(n, ast.Name) else getattr(n, "attr", "") for n in read}


def names_in(line: str) -> set[str]:
    """The names in a line; none where it is no statement by itself."""
    try:
        return {n.id for n in ast.walk(ast.parse(line.strip())) if isinstance(n, ast.Name)}
    except SyntaxError:
        return set()
