"""Which statements are at fault, and for which gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcheck.blame.judged import Judged
from gradcheck.capture.record import Value
from gradcheck.compare import Verdict
from gradcheck.fix.line import Line, line_of_site


@dataclass(frozen=True, slots=True, eq=False)
class Guilty:
    """A statement at fault and the gradients that it computes wrongly."""

    line: Line
    judged: tuple[Judged, ...]
    at: tuple[Value, ...]
    """Where each is computed."""

    @property
    def names(self) -> frozenset[str]:
        return frozenset(j.gradient.name for j in self.judged)


def guilty_lines(judged: Sequence[Judged], values: Sequence[Value], overlay: Mapping[str, str]) -> Iterator[Guilty]:
    """The lines of the gradients whose own line is at fault."""
    by_line: dict[Line, list[tuple[Judged, Value]]] = {}
    for j in judged:
        at = _where(j, values) if j.verdict is Verdict.FAIL else None
        line = line_of_site(at.site, overlay) if at is not None else None
        if at is not None and line is not None and not j.truth.reason:
            by_line.setdefault(line, []).append((j, at))
    for line, found in by_line.items():
        yield Guilty(line, tuple(j for j, _ in found), tuple(v for _, v in found))


def _where(judged: Judged, values: Sequence[Value]) -> Value | None:
    """The recorded value at the place that is blamed: the gradient may have been handed on from there."""
    value = judged.gradient.value
    here = [v for v in values if v.site.number == value.site.number and v.identity == value.identity]
    return next((v for v in reversed(here) if v.plain), None)
