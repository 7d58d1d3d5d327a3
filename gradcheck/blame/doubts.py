"""What looked wrong and may not be called that: names that mean something else, losses that are only assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck.blame.judged import Judged, in_layout
from gradcheck.blame.rerun import reached_by
from gradcheck.blame.turns import is_left_over
from gradcheck.capture.program import Program
from gradcheck.capture.steps import says_little
from gradcheck.compare import Verdict, agreement
from gradcheck.draws import drawn_units
from gradcheck.loss.choose import Chosen
from gradcheck.loss.falling import may_be_raised

ALIKE = 1e-3
"""How far the entries of an update may differ that all go by the rate: Adam's epsilon shows in small gradients."""
UNLIKE = 1e-5
"""How far off all gradients are, relative to their scale, where an inferred loss is none of theirs: further than for a
floor in a logarithm."""
HIDDEN = "its gradient can't be had from that"
ASSUMED = "the loss is only assumed; --loss EXPR settles it"


def doubted(program: Program, chosen: Chosen, judged: Sequence[Judged]) -> list[Judged]:
    """The gradients of a run, those that only seem to be wrong inconclusive or left out, with the reason."""
    judged = [_unless_misread(j, judged) for j in judged]
    judged = _unless_raised(program, chosen, judged)
    judged = _unless_harmless(program, judged)
    judged = [_unless_seen_behind(program, j, judged) for j in judged]
    sure = chosen.sure and not _is_by_chance(chosen, judged)
    drawn = drawn_units(program) if chosen.evidence else None
    if drawn is not None:
        reason = (
            f"{drawn.name} is drawn (line {drawn.site.line}), which has no derivative; --loss EXPR says what is meant"
        )
        judged = [_unless_wrong(j, reason) for j in judged]
    return [_unless_hidden(j if sure else _unless_wrong(j, ASSUMED)) for j in judged]


def _unless_raised(program: Program, chosen: Chosen, judged: Sequence[Judged]) -> list[Judged]:
    """Where all parameters go up J, and nothing says that it is to be made small, it is to be made large."""
    moved = [j for j in judged if j.gradient.rate is not None]
    up = all(j.agreement is not None and j.agreement.holds and np.isclose(j.scale, -1, rtol=1e-6) for j in moved)
    if not moved or not up or not may_be_raised(program, chosen.scalar):
        return list(judged)
    reason = f"up {chosen.scalar.expression}, which nothing says is to be made small"
    return [_turned(j, reason) if j in moved else j for j in judged]


def _turned(judged: Judged, reason: str) -> Judged:
    own = in_layout(-judged.gradient.array, judged.truth.shape)[0]
    found = judged.agreement if own is None else agreement(judged.truth, own, None)
    return replace(judged, verdict=Verdict.PASS, agreement=found, reason=reason)


def _unless_seen_behind(program: Program, judged: Judged, others: Sequence[Judged]) -> Judged:
    """An intermediate that can't be told for kinks, ties in a max-pool, is seen in what rests on it."""
    if not _is_unseen(judged):
        return judged
    keys = reached_by(program, judged, others)
    resting = [o for o in others if o.gradient.key in keys and not _is_unseen(o)]
    if not all(o.right for o in resting) or not any(o.gradient.kind == "parameter" for o in resting):
        return judged
    return replace(judged, verdict=Verdict.SKIPPED, reason="on a kink, but what rests on it is right")


def _is_unseen(judged: Judged) -> bool:
    on_a_kink = judged.verdict is Verdict.INCONCLUSIVE and "kink" in judged.reason
    return on_a_kink and judged.gradient.kind == "intermediate"


def _unless_misread(judged: Judged, others: Sequence[Judged]) -> Judged:
    """A name that says little, delta or x_bar, read in a way that nothing else supports: it may mean something else."""
    gradient = judged.gradient
    if judged.verdict is not Verdict.FAIL or gradient.kind != "intermediate" or not says_little(gradient.name):
        return judged
    line = gradient.value.site.number
    turns = {o.gradient.name for o in others if o.gradient.value.site.number == line}
    if any(o.inherited_from in turns for o in others):
        return judged
    reason = f"is it the gradient of {gradient.of.name}? --grad {gradient.name}=NAME says of what"
    return replace(judged, verdict=Verdict.INCONCLUSIVE, reason=reason)


def _unless_harmless(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """Intermediates are not wrong where every parameter's gradient is right: a name that a loop carries on stands in
    the end for what a step before the first would get, and what right ones rest on is no other value's gradient."""
    unlike = [j for j in judged if _is_unlike(j)]
    parameters = [j for j in judged if j.gradient.kind == "parameter" and not _is_unlike(j)]
    if not parameters or not all(j.right for j in parameters) or not program.steady:
        return list(judged)
    reason = "right in what rests on it: by then it is something else than its name says"
    keys = {j.gradient.key for j in parameters}
    # a state that is handed on looks like a parameter; the gradient of one goes into no other's
    misread = {id(j) for j in unlike if keys & reached_by(program, j, judged)}
    if any(j.gradient.kind == "parameter" and id(j) not in misread for j in unlike):
        return list(judged)

    def is_none(j: Judged) -> bool:
        return id(j) in misread or is_left_over(program, j, judged)

    return [replace(j, verdict=Verdict.SKIPPED, reason=reason) if is_none(j) else j for j in judged]


def _is_unlike(judged: Judged) -> bool:
    """Whether it is wrong by more than a factor: with that, no gradient that rests on it would be right."""
    found = judged.agreement
    return judged.verdict is Verdict.FAIL and found is not None and not found.holds


def _unless_hidden(judged: Judged) -> Judged:
    """An update that goes as far in every entry, as Adam's first and a sign's do, says nothing of its gradient."""
    gradient = judged.gradient
    sizes = np.abs(gradient.array).ravel()
    sizes = sizes[sizes != 0]  # what no sample of the batch reaches does not move
    if judged.right or gradient.rate is None or sizes.size < 3 or not np.isfinite(sizes).all():
        return judged
    if np.ptp(sizes) > ALIKE * sizes.max() or _is_spread(judged):
        return judged
    far = f"{abs(gradient.rate.value) * sizes.max():.3g}"
    reason = f"every entry moves by {far}, as at Adam's first step: {HIDDEN}"
    return replace(judged, verdict=Verdict.INCONCLUSIVE, reason=reason)


def _is_spread(judged: Judged) -> bool:
    """Whether one number, which is what all entries of the right gradient come to, is in every entry: db = dz.sum()."""
    own, truth = judged.gradient.array, judged.truth.array
    if truth is None or own.shape != truth.shape:
        return False
    return any(np.allclose(own, whole, rtol=1e-6, atol=0) for whole in (truth.sum(), truth.mean()))


def _is_by_chance(chosen: Chosen, judged: Sequence[Judged]) -> bool:
    """Whether the loss that was inferred is no gradient's after all, looked at closely: (x + h)^2 in a numeric
    derivative of the user's own has a look of many."""
    off = [j.agreement.rel_error for j in judged if j.verdict is Verdict.FAIL and j.agreement is not None]
    return chosen.inferred and chosen.candidate is not None and 0 < len(judged) == len(off) and min(off) > UNLIKE


def _unless_wrong(judged: Judged, reason: str) -> Judged:
    """What is wrong for a loss that no gradient confirms, or beside units that are drawn, may be right for the one
    that was meant."""
    if judged.verdict not in (Verdict.FAIL, Verdict.INHERITED):
        return judged
    return replace(judged, verdict=Verdict.INCONCLUSIVE, reason=reason)
