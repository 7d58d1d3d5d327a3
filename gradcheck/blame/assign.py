"""Which lines are at fault, and which only inherit an error, by feeding each line right inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.blame.factors import own_factors
from gradcheck.blame.judge import judge
from gradcheck.blame.judged import Judged, before_reuse, came_right, in_layout, is_scaled, upstream_scale
from gradcheck.blame.readings import of_what_goes_in
from gradcheck.blame.rerun import reached_by, rejudged
from gradcheck.capture.program import Program
from gradcheck.capture.rates import names_in
from gradcheck.capture.record import Key
from gradcheck.compare import Verdict, agreement
from gradcheck.dot import Handed, local_truth

Array = NDArray[Any]


AMPLIFIED = 1e3
"""How many times a line may enlarge the relative error of the numeric truth that it is fed."""


def assign_blame(program: Program, judged: Sequence[Judged], rng: np.random.Generator | None = None) -> list[Judged]:
    """Tell the gradients whose own line is at fault from those that inherit an error.

    One backward run gives every line right inputs: each wrong intermediate is replaced by its numeric truth, in the
    scale that it inherits, at the last version before another line reads it. What is right then had inherited. Where
    the truth is not known entry by entry, a dot test of the line's own step decides.
    """
    rng = rng or np.random.default_rng(0)
    judged = _passed_down(program, _seen_at_other_turns(judged))
    judged = _up_to_reuse(program, _spoiled(program, judged))
    judged = _scaled_at_every_turn(program, _named_otherwise(program, judged))
    judged = result = _misread(program, _reused_behind(program, judged))
    wrong = [j for j in judged if j.verdict is Verdict.FAIL]
    feeding = right_inputs(judged)
    if feeding:
        result = _inherited(program, result, feeding)
    unfed = [j for j in wrong if j.gradient.kind == "intermediate" and j.gradient.name not in feeding]
    if unfed:
        result = _by_own_step(program, result, unfed, rng)
    feeding = right_inputs(result)
    fed = {j.gradient.key: feeding[j.gradient.name] for j in result if j.gradient.name in feeding}
    result = own_factors(program, result, fed)
    confirmed = [_confirmed(program, j, result, rng) for j in result]
    # that a line of a loop is at fault shows at one of its turns
    lines = {j.gradient.value.site.number for j in confirmed if j.verdict is Verdict.FAIL}
    result = [was if was.gradient.value.site.number in lines else now for was, now in zip(result, confirmed)]
    if any(j.verdict is Verdict.INHERITED for j in result) and not any(j.verdict is Verdict.FAIL for j in result):
        return list(judged)  # an error comes from somewhere: where blame finds nobody, each stands as it was judged
    return result


def _passed_down(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """The input's gradient at the end of a chain carries the chain's factor, which the parameters' lines take out."""
    if not any(j.right and j.gradient.kind == "parameter" for j in judged):
        return list(judged)
    result = []
    for j in judged:
        own = in_layout(j.gradient.array, j.truth.shape)[0] if j.gradient.kind == "input" and is_scaled(j) else None
        passed = own is not None and j.scale > 0 and _same_factor(j.scale, upstream_scale(j, judged))
        if own is not None and passed and _is_taken_out(program, j, judged):
            j = replace(j, verdict=Verdict.PASS, agreement=agreement(j.truth, own, None))
        result.append(j)
    return result


def _is_taken_out(program: Program, end: Judged, judged: Sequence[Judged]) -> bool:
    """Whether something that has the same factor leads both there and to a parameter's gradient that hasn't."""
    for j in judged:
        if j.gradient.kind == "intermediate" and j.right and _same_factor(j.scale, end.scale):
            reached = reached_by(program, j, judged)
            others = (p for p in judged if p.gradient.kind == "parameter" and p.right)
            if end.gradient.versions[-1].key in reached and any(p.gradient.versions[-1].key in reached for p in others):
                return True
    return False


def _same_factor(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-6)


def _spoiled(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """A gradient that was right before a later line changed it, and whose former self heals what rests on it, is wrong.

    Where that line has only given the name to another gradient, as a mask in place does, nothing is healed.
    """
    result = list(judged)
    for i, j in enumerate(judged):
        if j.reused_at is None or all(p.verdict is not Verdict.FAIL for p in judged):
            continue
        again = rejudged(program, judged, {j.gradient.key: j.gradient.array})
        others = [(p, after) for p, after in zip(judged, again) if p is not j]
        healed = any(p.verdict is Verdict.FAIL and came_right(after) for p, after in others)
        if healed and all(came_right(after) for p, after in others if p.right):
            result[i] = judge(program, replace(j.gradient, value=j.gradient.versions[-1]), j.truth)
    return result


def _scaled_at_every_turn(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """A line's factor is no convention if it comes once more at each turn, 1/2, 1/4, ..., and what rests on all of its
    turns comes right without it.
    """
    scales: dict[int, set[float]] = {}
    for j in judged:
        if j.right and j.gradient.kind == "intermediate":
            scales.setdefault(j.gradient.value.site.number, set()).add(float(f"{j.scale:.6g}"))
    wrong = {j.gradient.value.site.number for j in judged if j.verdict is Verdict.FAIL}
    lines = {line for line, seen in scales.items() if len(seen) > 1 and line in wrong}
    if not lines:
        return list(judged)
    at_fault = [
        replace(j, verdict=Verdict.FAIL if j.right and j.scale != 1 else j.verdict, convention=1.0)
        if j.gradient.value.site.number in lines and j.gradient.kind == "intermediate"
        else j
        for j in judged
    ]
    before, after = (
        rejudged(program, judged, {j.gradient.key: fed[j.gradient.name] for j in one if j.gradient.name in fed}, 1e-6)
        for one in (judged, at_fault)
        for fed in [right_inputs(one)]
    )
    healed, more = (
        sum(now is not None and now.right for j, now in zip(judged, run) if j.gradient.kind == "parameter")
        for run in (before, after)
    )
    return at_fault if more > healed else list(judged)


def _up_to_reuse(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """The gradients without what a name came to mean after they were right, in the order of the code."""
    kept = [replace(j, gradient=before_reuse(j)) if j.right else j for j in judged]
    if all(j.reused_at is None for j in kept):
        return kept
    order = {v.key: i for i, v in enumerate(program.trace.values)}
    return sorted(kept, key=lambda j: order.get(j.gradient.key, len(order)))


def _reused_behind(program: Program, judged: list[Judged]) -> list[Judged]:
    """The gradients, a wrong one whose name is used again up to where it is right once what is above it is.

    Of `dA = W.T @ dZ`, then `dA = dA * mask`, only the first is A's; where dZ is wrong, neither shows that by itself.
    """
    several = [j for j in judged if j.verdict is Verdict.FAIL and len(j.gradient.versions) > 1]
    feeding = right_inputs(judged) if any(j.gradient.kind == "intermediate" for j in several) else {}
    if len(feeding) < 2:
        return judged
    fed = {j.gradient.key: feeding[j.gradient.name] for j in judged if j.gradient.name in feeding}
    again = rejudged(program, judged, fed, slack_of(judged, feeding))
    result = list(judged)
    for i, (j, after) in enumerate(zip(judged, again)):
        if j.gradient.name not in feeding or not any(j is s for s in several) or came_right(after):
            continue
        earlier = [_at(j, k) for k in range(len(j.gradient.versions) - 1)]
        rest = {key: a for key, a in fed.items() if key != j.gradient.key}
        found = rejudged(program, earlier, rest, slack_of(judged, feeding))
        result[i] = next((e for e, now in zip(earlier, found) if came_right(now)), j)
    return result


def _at(judged: Judged, k: int) -> Judged:
    """The gradient as one of its versions stands."""
    versions = judged.gradient.versions
    gradient = replace(judged.gradient, value=versions[k], versions=versions[: k + 1])
    return replace(judged, gradient=gradient, reused_at=versions[-1])


def right_inputs(judged: Sequence[Judged]) -> dict[str, Array]:
    """What stands in for each wrong intermediate: the truth, by the gradient's name."""
    lines = {j.gradient.value.site.number for j in judged if j.verdict is Verdict.FAIL}
    # where a loop's first state is zero, the truth may be zero at a turn at which the line comes to something
    hidden = (j for j in judged if j.verdict is Verdict.INCONCLUSIVE and j.gradient.value.site.number in lines)
    wrong = [j for j in judged if j.verdict in (Verdict.FAIL, Verdict.INHERITED)]
    wrong += [j for j in hidden if j.truth.vanishes]
    return {j.gradient.name: t for j in wrong if (t := _substitute(j, judged)) is not None}


def slack_of(judged: Sequence[Judged], feeding: Mapping[str, Array]) -> float:
    """What is fed has an error of its own, which each line may enlarge: that much is allowed on top."""
    bars = [j.agreement.bar for j in judged if j.gradient.name in feeding and j.agreement is not None]
    return AMPLIFIED * max(bars, default=1e-9)


def _seen_at_other_turns(judged: Sequence[Judged]) -> list[Judged]:
    """A loop's first state is often zero, and with it a gradient at one turn of the loop: its line shows at others."""

    def is_zero(j: Judged) -> bool:
        return j.agreement is not None and j.agreement.size == 0 and not np.any(j.gradient.array)

    seen = {j.gradient.value.site.number for j in judged if j.verdict in (Verdict.PASS, Verdict.FAIL)}
    return [
        replace(j, verdict=Verdict.SKIPPED, reason="zero at this turn of the loop, and seen at others")
        if j.verdict is Verdict.INCONCLUSIVE and is_zero(j) and _at_a_turn(j) and j.gradient.value.site.number in seen
        else j
        for j in judged
    ]


def _at_a_turn(judged: Judged) -> bool:
    """Whether other turns of the loop speak for this one: of several layers each has parameters of its own."""
    return judged.gradient.kind == "intermediate"


def _named_otherwise(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """An intermediate on which right gradients rest is not wrong: it belongs to something else than its name says.

    Many write dh for the gradient of what goes into h's activation, or for that of all states but the first. At every
    turn of a loop the name says the same.
    """
    suspects = [j for j in judged if j.verdict is Verdict.FAIL and j.gradient.kind == "intermediate" and _is_finite(j)]
    lines = {j.gradient.value.site.number for j in suspects if _harms(program, j, judged)}
    result = list(judged)
    for i, j in enumerate(judged):
        if any(j is s for s in suspects) and j.gradient.value.site.number in lines:
            reason = f"not {j.gradient.of.name}'s own gradient, but what rests on it is right"
            result[i] = of_what_goes_in(program, j) or replace(j, verdict=Verdict.SKIPPED, reason=reason)
    return result


def _misread(program: Program, judged: list[Judged]) -> list[Judged]:
    """The same where something above it is wrong: what rests on it is right once only the others are put right."""
    feeding = right_inputs(judged)
    fed = {j.gradient.key: (j, feeding[j.gradient.name]) for j in judged if j.gradient.name in feeding}
    lines = {j.gradient.value.site.number for j, _ in fed.values() if j.verdict is Verdict.FAIL}
    slack = slack_of(judged, feeding)

    def healed(without: int | None = None) -> set[str]:
        replaced = {key: a for key, (j, a) in fed.items() if j.gradient.value.site.number != without}
        again = rejudged(program, judged, replaced, slack) if replaced else []
        return {j.gradient.name for j, after in zip(judged, again) if j.gradient.key not in fed and came_right(after)}

    whole = healed() if len(lines) > 1 else set()
    for line in lines if len(lines) > 1 else ():
        less = healed(line)
        if whole < less:
            fed = {key: one for key, one in fed.items() if one[0].gradient.value.site.number != line}
            whole = less
    left = {j.gradient.name for j, _ in fed.values()}
    return [
        replace(j, verdict=Verdict.SKIPPED, reason=f"not {j.gradient.of.name}'s own, as what rests on it shows")
        if j.verdict is Verdict.FAIL and j.gradient.name in feeding and j.gradient.name not in left
        else j
        for j in judged
    ]


def _harms(program: Program, suspect: Judged, judged: Sequence[Judged]) -> bool:
    """Whether right gradients of parameters would be wrong if the suspect were what its name says, and none be healed.

    Where the derivative that it would then be is not known in full, doubling shows what rests on it.
    """
    truth = _substitute(suspect, judged) if suspect.agreement is not None else None  # of another shape, it can't be fed
    fed = 2 * suspect.gradient.versions[-1].array if truth is None else truth
    again = rejudged(program, judged, {suspect.gradient.key: fed})
    resting = [(p, after) for p, after in zip(judged, again) if _rests(p, after)]
    harmed = any(p.right and not came_right(after) for p, after in resting)
    return harmed and not any(not p.right and (truth is None or came_right(after)) for p, after in resting)


def _is_finite(judged: Judged) -> bool:
    return bool(np.isfinite(judged.gradient.array).all())


def _rests(judged: Judged, after: Judged | None) -> bool:
    """Whether a parameter's gradient is another one when something above it is."""
    if judged.gradient.kind == "intermediate" or after is None or after.fed is None:
        return False
    return not np.array_equal(after.fed, judged.gradient.array)


def _substitute(judged: Judged, all_judged: Sequence[Judged]) -> Array | None:
    """The truth in the scale and layout that the gradient would have inherited; None where it isn't known in full."""
    truth, found = judged.truth.array, judged.agreement
    if judged.gradient.kind != "intermediate":
        return truth if _is_read(judged, all_judged) and truth is not None and np.isfinite(truth).all() else None
    if truth is None and found is not None and found.holds and judged.layout is None:
        return judged.gradient.versions[-1].array / found.scale  # nothing but a factor of its own is wrong with it
    if truth is None or not np.isfinite(truth).all():
        return None
    scale = upstream_scale(judged, all_judged)
    return (truth * scale).T if judged.layout == "transposed" else truth * scale


def _is_read(judged: Judged, others: Sequence[Judged]) -> bool:
    """Whether a parameter's gradient goes into another one that is wrong: dgamma into a batch norm's dx."""
    name = judged.gradient.value.site.last
    wrong = (o for o in others if o is not judged and o.verdict in (Verdict.FAIL, Verdict.INHERITED))
    return judged.layout is None and any(
        name in names_in(o.gradient.value.site) - {o.gradient.value.site.last} for o in wrong
    )


def _inherited(program: Program, judged: list[Judged], feeding: Mapping[str, Array]) -> list[Judged]:
    replaced: Mapping[Key, Array] = {
        j.gradient.key: feeding[j.gradient.name] for j in judged if j.gradient.name in feeding
    }
    slack = slack_of(judged, feeding)
    replaced, again, kept = _in_the_scale_of_the_rest(program, judged, replaced, slack)
    judged = [replace(j, convention=kept.get(j.gradient.name, j.convention)) for j in judged]
    sources = [j for j in judged if j.verdict is Verdict.FAIL and j.gradient.name in feeding]
    reached = {s.gradient.name: reached_by(program, s, judged) for s in sources}
    result = []
    for before, after in zip(judged, again):
        if before.verdict is Verdict.FAIL and after is None:
            earlier = [s for s in sources if s is not before]
            reason = "the code raised when it was fed right inputs" if earlier else before.reason
            verdict = Verdict.INCONCLUSIVE if earlier else Verdict.FAIL
            result.append(replace(before, verdict=verdict, reason=reason))
        elif before.verdict is Verdict.FAIL and after is not None and after.right and _in_its_scale(before, after):
            # the wrong gradient computed last that this one is made of
            name = next((n for n, keys in reversed(reached.items()) if before.gradient.key in keys), "")
            result.append(replace(before, verdict=Verdict.INHERITED, reason="", inherited_from=name))
        elif before.verdict is Verdict.FAIL and after is not None:
            result.append(replace(before, fed=after.fed, inputs=replaced, slack=slack))
        else:
            result.append(before)
    return result


def _in_its_scale(before: Judged, after: Judged) -> bool:
    """Whether a gradient has no factor beside the one that is known to be the convention."""
    known = before.convention
    return known is None or math.isclose(after.scale, known, rel_tol=1e-6)


def _in_the_scale_of_the_rest(
    program: Program, judged: Sequence[Judged], replaced: Mapping[Key, Array], slack: float
) -> tuple[Mapping[Key, Array], list[Judged | None], Mapping[str, float]]:
    """What is fed, what came of it, and by name the factor that it carries where that is not what is above it shows.

    Where the first gradient of all is the wrong one, nothing above it shows its convention; what rests on it does.
    Where ways of several factors come together, none of them is the convention.
    """
    again = rejudged(program, judged, replaced, slack)
    turned = {j.gradient.key for j in judged if j.layout == "transposed"} & replaced.keys()
    if turned:  # a transposed gradient is the code's own layout, or what is wrong with it
        fed = {key: a.T if key in turned else a for key, a in replaced.items()}
        other = rejudged(program, judged, fed, slack)
        if sum(map(came_right, other)) > sum(map(came_right, again)):
            replaced, again = fed, other
    above = {j.gradient.key: upstream_scale(j, judged) for j in judged if j.gradient.key in replaced}
    ways = [
        {key: factor * s for key, s in above.items()}
        for factor in sorted({1 / j.scale for j in again if j is not None and is_scaled(j)})
    ]
    if len(set(above.values())) > 1:
        ways.append(dict.fromkeys(above, 1.0))
    for scales in ways:
        fed = {key: a * (scales[key] / above[key]) for key, a in replaced.items()}
        other = rejudged(program, judged, fed, slack)
        if sum(map(came_right, other)) > sum(map(came_right, again)):
            return fed, other, {j.gradient.name: scales[j.gradient.key] for j in judged if j.gradient.key in scales}
    return replaced, again, {}


def _by_own_step(
    program: Program, judged: list[Judged], unfed: Sequence[Judged], rng: np.random.Generator
) -> list[Judged]:
    """What rests on wrong gradients that could not be put right, each line tested by what it was handed."""
    reached = {s.gradient.name: reached_by(program, s, judged) for s in unfed}
    result = list(judged)
    for i, j in enumerate(judged):
        sources = [name for name, keys in reached.items() if j.gradient.key in keys and name != j.gradient.name]
        if j.verdict is Verdict.FAIL and sources:
            result[i] = _own_step(program, j, judged, sources[-1], rng)
    return result


def _own_step(
    program: Program, judged: Judged, others: Sequence[Judged], source: str, rng: np.random.Generator
) -> Judged:
    """A wrong gradient inherits if it is what its line should make of the gradients that it was handed."""
    own = in_layout(judged.gradient.array, judged.truth.shape)[0]
    at = next((i for i, j in enumerate(others) if j.gradient.name == judged.gradient.name), len(others))
    truth = None if own is None else local_truth(program, judged.gradient.of, handed_on(others[:at]), rng)
    if own is None:
        return judged
    if truth is None:
        return replace(
            judged, verdict=Verdict.INCONCLUSIVE, reason=f"rests on {source}, and can't be told apart from it"
        )
    scale = 1.0 if judged.gradient.kind == "parameter" else upstream_scale(judged, others)
    found = agreement(truth, own, scale)
    if found.holds:
        return replace(judged, verdict=Verdict.INHERITED, reason="", inherited_from=source)
    return replace(judged, truth=truth, agreement=found)


def _confirmed(program: Program, judged: Judged, others: Sequence[Judged], rng: np.random.Generator) -> Judged:
    """A guilty line fails the dot test of its own step too; where it does not, nobody can tell whose fault it is."""
    found = judged.agreement
    if judged.verdict is not Verdict.FAIL or found is None or judged.layout is not None:
        return judged
    if _own_step(program, judged, others, "", rng).verdict is not Verdict.INHERITED:
        return judged
    reason = "wrong where its line is fed right inputs, but its own step is right: which line is at fault can't be told"
    return replace(judged, verdict=Verdict.INCONCLUSIVE, reason=reason)


def handed_on(judged: Sequence[Judged]) -> list[Handed]:
    """Every intermediate with the gradient that the code hands on, in units of the loss."""
    handed: list[Handed] = []
    for j in judged:
        if j.gradient.kind == "intermediate":
            own = in_layout(j.gradient.versions[-1].array, j.truth.shape)[0]
            scale = j.scale if j.right else upstream_scale(j, judged)
            handed.append((j.gradient.of, None if own is None or not np.isfinite(own).all() else own / scale))
    return handed
