"""Values that are named like the loss's gradient and are an activation's own derivative, as of relu(z, slope=True)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.judged import Judged, is_scaled
from gradcheck.blame.readings import SLACK
from gradcheck.blame.rerun import other_than, rejudged
from gradcheck.capture.program import Program, Ref
from gradcheck.compare import Verdict

Array = NDArray[Any]


def set_aside(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """The gradients without those that no gradient before them goes into, and that would heal nothing if they were what
    their names say: of `dz = np.ones_like(z); dz[z < 0] = 0` it is the next line that is the gradient.
    """
    result = list(judged)
    if len(program.rounds) > 1:
        return result  # one sample's put right heals no sum over all of them
    for i, j in enumerate(judged):
        if j.verdict is Verdict.FAIL and j.gradient.kind == "intermediate" and _stands_alone(program, j, judged[:i]):
            reason = f"no gradient goes into it: a derivative by {j.gradient.of.name}, and not the loss's"
            result[i] = j if _heals(program, j, judged) else replace(j, verdict=Verdict.SKIPPED, reason=reason)
    return result


def _stands_alone(program: Program, judged: Judged, before: Sequence[Judged]) -> bool:
    """Whether it stays as it is when every gradient before it is another, and what a driver hands the backward, and
    all that the forward has made of what it is the gradient of, but for an activation."""
    of = judged.gradient.of
    others: dict[Ref, Array] = {v.key: other_than(v.array) for b in before for v in b.gradient.versions}
    handed = (r for name, r in program.roots.items() if name.startswith("upstream"))
    others |= {r.path: other_than(np.asarray(r.value)) for r in handed}
    if not others:
        return False
    later = (v for v in program.forward_values[max(of.order, 0) :] if v.plain and v.array.dtype.kind == "f")
    others |= {v.key: other_than(v.array) for v in later if v.array.shape != of.array.shape}
    now = {(v.key, v.path): v.array for v in program.backward(others).values}
    own = judged.gradient.versions[-1]
    return np.array_equal(now.get((own.key, own.path), own.array + 1), own.array)


def _heals(program: Program, suspect: Judged, judged: Sequence[Judged]) -> bool:
    """Whether something wrong comes right, up to a factor, if the suspect is what its name says."""
    truth = suspect.truth.array
    if truth is None or truth.shape != suspect.gradient.array.shape:
        return False
    again = rejudged(program, judged, {suspect.gradient.key: truth}, SLACK)
    others = ((p, after) for p, after in zip(judged, again) if after is not None and p is not suspect and not p.right)
    return any(after.right or is_scaled(after) for _, after in others)
