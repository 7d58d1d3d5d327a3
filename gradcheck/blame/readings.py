"""Names of two readings, where a line above is wrong: dz for z itself, or for what goes into z's activation.

Of `z = sigmoid(x @ W)` many call dz what flows back through the sigmoid as well. Where all is right, the numbers tell
which of the two is meant. Where something above is wrong neither agrees, and what rests on dz tells: fed with the one
that is meant, the gradients of W come right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gradcheck.blame.judge import judge
from gradcheck.blame.judged import Array, Judged
from gradcheck.blame.rerun import rejudged
from gradcheck.blame.versions import before_activation
from gradcheck.capture.program import Program
from gradcheck.capture.record import Key
from gradcheck.compare import Truth, Verdict

SLACK = 1e-6
"""How far what a line makes of a numeric derivative may be off, relative to the tensor's scale."""


def reread(program: Program, judged: Sequence[Judged]) -> list[Judged]:
    """The gradients, those of the other reading that more of what rests on them supports judged by that."""
    wrong = [j for j in judged if j.verdict is Verdict.FAIL and j.gradient.kind == "intermediate"]
    others = {j.gradient.name: inside for j in wrong if (inside := before_activation(j.gradient.of, j.truth))}
    if not others:
        return list(judged)
    fed = {j.gradient.key: a for j in wrong if (a := j.truth.array) is not None and a.shape == j.gradient.array.shape}
    meant: dict[str, Truth] = {}  # by the gradient's name
    best = _healed(program, judged, fed)
    for line in dict.fromkeys(j.gradient.value.site.number for j in wrong if j.gradient.name in others):
        here = [j for j in wrong if j.gradient.name in others and j.gradient.value.site.number == line]
        for k in range(min(len(others[j.gradient.name]) for j in here)):
            within = {j.gradient.name: others[j.gradient.name][k] for j in here}
            tried = {**fed, **{j.gradient.key: a for j in here if (a := within[j.gradient.name].array) is not None}}
            healed = _healed(program, judged, tried)
            if healed > best:
                best, fed, meant = healed, tried, {**meant, **within}
    for j in (j for j in wrong if j.gradient.name in others and j.gradient.name not in meant):
        computed = _from_right_inputs(program, judged, j, fed)
        if computed is not None and not computed.right:
            read = next((t for t in others[j.gradient.name] if _is(program, computed, t)), None)
            meant |= {j.gradient.name: read} if read is not None else {}
    result = [_read_as(program, j, meant[j.gradient.name]) if j.gradient.name in meant else j for j in judged]
    if program.trace.raised is None:
        return result
    # of what a loop adds up nothing is complete then: what agrees with one of the readings is meant so
    return [of_what_goes_in(program, j) or j if j.verdict is Verdict.FAIL else j for j in result]


def of_what_goes_in(program: Program, judged: Judged) -> Judged | None:
    """A gradient that is wrong for an activation and right for what goes into it; None for any other."""
    readings = (_read_as(program, judged, truth) for truth in before_activation(judged.gradient.of, judged.truth))
    return next((read for read in readings if read.right), None)


def _from_right_inputs(
    program: Program, judged: Sequence[Judged], one: Judged, fed: Mapping[Key, Array]
) -> Judged | None:
    """The gradient as its line computes it where all others are right."""
    rest = {key: a for key, a in fed.items() if key != one.gradient.key}
    return next(a for j, a in zip(judged, rejudged(program, judged, rest, SLACK)) if j is one) if rest else None


def _is(program: Program, computed: Judged, truth: Truth) -> bool:
    return computed.fed is not None and judge(program, computed.gradient, truth, computed.fed, slack=SLACK).right


def _healed(program: Program, judged: Sequence[Judged], fed: Mapping[Key, Array]) -> int:
    """How many wrong gradients of parameters come right, up to a factor."""
    again = rejudged(program, judged, fed, SLACK)
    pairs = [(j, after.agreement) for j, after in zip(judged, again) if after is not None]
    return sum(j.gradient.kind == "parameter" and not j.right and a is not None and a.holds for j, a in pairs)


def _read_as(program: Program, judged: Judged, truth: Truth) -> Judged:
    found = judge(program, judged.gradient, truth)
    return replace(found, reason=found.reason or f"of what goes into {judged.gradient.of.name}" * found.right)


def two_readings(judged: Sequence[Judged]) -> tuple[str, ...]:
    """What to say of names that are wrong in both readings, unless the user has said which is meant."""
    wrong = (j for j in judged if j.verdict is Verdict.FAIL and j.gradient.kind == "intermediate")
    open_ = [j.gradient for j in wrong if j.gradient.paired != "--grad" and before_activation(j.gradient.of, j.truth)]
    return tuple(
        f"{g.name} is read as the gradient of {g.of.name}; as that of what goes into {g.of.name} (line"
        f" {g.of.site.line if g.of.site is not None else '?'}) it is wrong as well. If it is {g.of.name}'s,"
        f" --grad {g.name}={g.of.name} says so; if not, give what goes in a name of its own"
        for g in open_
    )
