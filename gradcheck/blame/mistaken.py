"""Gradients that are not of what their names say: `da, db` of what a and b are encoded as.

What the step does not move while it moves other things is data, and nothing flows on from the gradient of data. Where a
parameter's gradient rests on a value that is called `da` and is not the gradient of the data a, or has not even its
size, it is a's by chance: many call the prediction's gradient dy, beside labels y.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.blame.judged import Judged
from gradcheck.blame.rerun import reached_by
from gradcheck.capture.program import Program
from gradcheck.compare import Verdict
from gradcheck.gradients import updated


def without_mistaken(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """The gradients but for those. Whose they are is sought where something is wrong, as for any without a name."""
    other = [j for j in judged if _is_anothers(j) and j.gradient.paired != "--grad"]
    if not other:
        return list(judged)
    moved = {j.gradient.of.ref for j in judged if updated(program, program.trace, j.gradient) is not None}
    mine = {j.gradient.key for j in judged if j.gradient.of.ref in moved}
    mistaken = [j for j in other if j.gradient.of.ref not in moved and mine & reached_by(program, j, judged)]
    return [j for j in judged if j not in mistaken]


def _is_anothers(judged: Judged) -> bool:
    of, own = judged.gradient.of, judged.gradient.array
    unlike = own.size not in (1, of.array.size) or judged.verdict is Verdict.FAIL
    return of.order < 0 and of.array.ndim > 0 and unlike
