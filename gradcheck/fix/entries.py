"""A line that is missing where a gradient is made in place: `dscores[range(N), y] -= 1`, `dscores /= N`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gradcheck.blame.judged import Judged
from gradcheck.capture.otherwise import Scope
from gradcheck.capture.program import Program
from gradcheck.fix.blocks import behind
from gradcheck.fix.candidates.factor import numbers
from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression
from gradcheck.fix.guilty import Guilty
from gradcheck.fix.line import Line, line_of_site
from gradcheck.fix.pool import pool

LINES = 3
"""Lines of one gradient behind which one may be missing, the last first."""


@dataclass(slots=True)
class _Seen:
    """What can be read where a line stands."""

    scope: Scope | None = None

    def __call__(self, scope: Scope, value: Any, _: Any) -> Any:
        self.scope = self.scope or dict(scope)
        return value


def edited_in_place(program: Program, guilty: Guilty, overlay: Mapping[str, str]) -> Iterator[Edit]:
    """Such lines behind those that make the gradient: less one at the labels' places, over the number of samples."""
    judged = guilty.judged[0]
    if len(guilty.judged) != 1 or judged.gradient.kind != "intermediate":
        return
    made = {v.site.number: v for v in reversed(judged.gradient.versions) if v.plain}
    lines = [line for v in made.values() if (line := line_of_site(v.site, overlay)) is not None]
    several = len(lines) > 1
    for line in lines[:LINES]:
        name = line.site.name
        if not name.isidentifier() or line.site.function != guilty.line.site.function:
            continue
        new = [f"{name}[{index}] -= 1" for index in line.entries]
        new += _over(program, line, name, judged) if several else []
        for text in new:
            yield Edit(guilty.line.text, "line-missing", 1.5, new=text, around=(behind(line.places[0], text),))


def _over(program: Program, line: Line, name: str, judged: Judged) -> list[str]:
    """Divided by the number that it is too large by."""
    if judged.agreement is None or not judged.agreement.holds or not judged.scale > 1:
        return []
    seen = _Seen()
    program.backward(computes={line.site.number: seen})
    if seen.scope is None:
        return []
    e, there = Expression(name, seen.scope), pool(seen.scope, line.source.text, line.turns)
    fits = [(cost, text) for n, text, cost in numbers(e, there) if math.isclose(n, judged.scale, rel_tol=1e-6)]
    return [f"{name} /= {text}" for _, text in sorted(fits)[:1]]
