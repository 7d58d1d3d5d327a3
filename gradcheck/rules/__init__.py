"""From evidence to causes: a rule is a function of it, and the first that fires on every probe names the cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from gradcheck.codes import CODES as CODES
from gradcheck.compare import Verdict
from gradcheck.rules import (
    accumulation,
    dtype,
    factor,
    fallback,
    forward,
    layout,
    mismatch,
    mixing,
    numerics,
    paths,
    penalty,
    randomness,
    reduction,
    reset,
    sides,
    stale,
    start,
    update,
)
from gradcheck.rules.evidence import Evidence, Run
from gradcheck.rules.finding import Finding

Rule = Callable[[Evidence], Finding | None]
RunRule = Callable[[Run], Iterable[Finding]]

RULES: tuple[Rule, ...] = (
    fallback.not_finite,
    layout.transposed,
    reduction.wrong_axis,
    reduction.over_everything,
    reduction.missing_sum,
    accumulation.repeated_index,
    forward.repeated_bias,
    factor.constant,
    update.other_shape,
    fallback.wrong_shape,
)
"""Of one wrong gradient; likeliest and most specific first."""
SEARCHES: tuple[Rule, ...] = (
    stale.stale_weights,
    randomness.drawn_anew,
    forward.softmax_over_others,
    mismatch.another_loss,
    paths.missing_path,
    penalty.of_no_loss,
)
"""Of one wrong gradient, too; these run the code again, and are asked where none of the others fires."""
RUN_RULES: tuple[RunRule, ...] = (
    randomness.differs_again,
    dtype.truncated,
    update.uphill,
    update.wrong_parameter,
    update.another_value,
    update.never_moves,
    reset.never_reset,
    mixing.samples_mixed,
    sides.other_sides_length,
    numerics.softmax_axis,
    numerics.softmax_overflow,
    numerics.log_of_zero,
    numerics.on_a_kink,
    start.alike,
    start.far_off,
    start.saturated,
    start.asleep,
    start.raw_inputs,
    start.too_long_a_step,
)
"""Of a run as a whole, whether or not a gradient is wrong."""


TURNS = 2
"""Turns of a loop at which a line's cause is searched for in vain before the others are left alone."""


def causes(probe: Sequence[Evidence]) -> list[list[Finding]]:
    """Of every gradient of a probe whose program is open: what may be its cause, likeliest first; often nothing."""
    in_vain: Counter[int] = Counter()
    return [_causes(e, in_vain) if e.judged.verdict is Verdict.FAIL else _warnings(e) for e in probe]


def _causes(evidence: Evidence, in_vain: Counter[int]) -> list[Finding]:
    found = [f for rule in RULES if (f := rule(evidence)) is not None]
    line = evidence.site.number
    if not found and in_vain[line] < TURNS:
        found = list(islice((f for rule in SEARCHES if (f := rule(evidence)) is not None), 1))
        in_vain[line] += not found
    return [*found, fallback.unexplained(evidence)]


def _warnings(evidence: Evidence) -> list[Finding]:
    warning = layout.put_right(evidence)
    return [] if warning is None else [warning]


def settled(first: Sequence[list[Finding]], again: Sequence[list[Finding]] | None) -> list[Finding]:
    """The likeliest cause of each gradient that is wrong at the first probe and holds `again` at the second one."""
    found = []
    for i, possible in enumerate(first):
        held = possible if again is None else [f for f in possible if f.code in {g.code for g in again[i]}]
        found += held[:1] or possible[-1:]
    return found


def noticed(run: Run, known: Sequence[Finding] = ()) -> list[Finding]:
    """What the rules of whole runs say of a probe whose program is open, but for what is `known` already."""
    told = {(f.code, f.tensor, f.line) for f in known}
    return [f for rule in RUN_RULES for f in rule(run) if (f.code, f.tensor, f.line) not in told]
