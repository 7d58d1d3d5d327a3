"""Constant factors: which line brings one in, and whether a later line takes it out again."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from numpy.typing import NDArray

from gradcheck.blame.judged import Judged, came_right, is_scaled
from gradcheck.blame.rerun import in_run, reached_by
from gradcheck.capture.otherwise import Compute, Scope
from gradcheck.capture.program import Program, Ref
from gradcheck.capture.record import Key
from gradcheck.compare import Verdict

Array = NDArray[Any]


def own_factors(program: Program, judged: list[Judged], right: Mapping[Key, Array]) -> list[Judged]:
    """A factor that an intermediate's line brings in by itself is that line's fault if taking it out heals others.

    It shows in the parameters, or where a later line adds what has the factor to what does not. What a loop computes on
    one line, turn by turn, is taken out together. What is wrong otherwise is fed what is `right`.
    """
    passing = [j for j in judged if j.gradient.kind == "intermediate" and j.right and j.agreement is not None]
    wrong = {j.gradient.name for j in judged if j.verdict is Verdict.FAIL}
    result = list(judged)
    if not wrong or all(_is_one(j.scale) for j in passing):
        return result
    chain = _Chain(program, passing, judged)
    lines = list(dict.fromkeys(j.gradient.value.site.number for j in passing))
    while wrong and (found := _best(program, result, wrong, right, chain, lines)) is not None:
        # the line without whose factor most comes right: one above it would have to be wrong for the rest as well
        line, turns, guilty, pairs = found
        lines.remove(line)
        healed = _healed(pairs, wrong)
        carried = {p.gradient.name for p, after in pairs if _carries(p, after)}
        resting = {j.gradient.name for j in result if j.inherited_from in healed}
        first = next(iter(turns))
        result = [_settled(j, guilty, healed | carried | resting, first) for j in result]
        wrong -= healed
    return result


_Pairs = list[tuple[Judged, Judged | None]]
"""Each gradient, and what it is without a factor."""


def _best(
    program: Program,
    judged: list[Judged],
    wrong: Collection[str],
    right: Mapping[Key, Array],
    chain: _Chain,
    lines: Sequence[int],
) -> tuple[int, Mapping[str, float], Mapping[str, float], _Pairs] | None:
    """The line and the factors of it whose absence heals most and harms nothing.

    Of equals the one that has just these factors of its own, else the first.
    """
    best, most = None, (0, False)
    for line in lines:
        turns = chain.bringing_in(line)
        if not turns or not all(j.right for j in judged if j.gradient.name in turns):
            continue
        for guilty, fed, computes in chain.hypotheses(turns, {j.scale for j in judged if is_scaled(j)}):
            rest = {key: a for key, a in right.items() if key not in fed}
            trace = program.backward(cast(Mapping[Ref, Array], {**rest, **fed}), computes)
            again = in_run(program, judged, trace, chain.slack(turns))
            pairs = [(p, after) for p, after in zip(judged, again) if p.gradient.value.site.number != line]
            healed = _healed(pairs, wrong)
            ends = [(p, after) for p, after in pairs if p.gradient.kind != "intermediate"]
            # what rests on a healed one is right with it, or something beside it is harmed that it rests on as well
            harmed = any((p.right or p.inherited_from in healed) and not came_right(after) for p, after in ends)
            how_good = len(healed), all(_is_one(guilty[n] / turns[n]) for n in turns)
            if healed and how_good > most and not harmed:
                best, most = (line, turns, guilty, pairs), how_good
    return best


def _healed(pairs: _Pairs, wrong: Collection[str]) -> set[str]:
    return {p.gradient.name for p, after in pairs if p.gradient.name in wrong and came_right(after)}


_Hypothesis = tuple[Mapping[str, float], dict[Key, Array], Mapping[int, Compute]]


class _Chain:
    """The factors that intermediates carry, and which of them each line brings in by itself."""

    def __init__(self, program: Program, passing: Sequence[Judged], judged: Sequence[Judged]) -> None:
        first = {j.gradient.name: j for j in reversed(passing)}  # several may go by one name
        passing = [j for j in passing if first[j.gradient.name] is j]
        self._by_name = {j.gradient.name: j for j in passing}
        self._above: dict[str, str] = {}
        for j in passing:
            reached = reached_by(program, j, judged)
            for later in passing[passing.index(j) + 1 :]:
                if later.gradient.key in reached:
                    self._above[later.gradient.name] = j.gradient.name

    def slack(self, turns: Collection[str]) -> float:
        """A factor is known no better than the check could see."""
        return max(j.agreement.resolution for n in turns if (j := self._by_name[n]).agreement is not None)

    def own(self, name: str) -> float:
        """The factor that it has and the nearest above it has not."""
        above = self._above.get(name)
        return self._by_name[name].scale / (1.0 if above is None else self._by_name[above].scale)

    def bringing_in(self, line: int) -> dict[str, float]:
        """Those that a line computes with a factor of its own, and the factor."""
        here = [n for n, j in self._by_name.items() if j.gradient.value.site.number == line]
        return {n: self.own(n) for n in here if not _is_one(self.own(n))}

    def hypotheses(self, turns: Mapping[str, float], shown: Collection[float]) -> Iterator[_Hypothesis]:
        """Factors at fault, and what would be without them: all that a line brings in, or what others show of it.

        At other turns of a loop, whose gradients are not judged, one sample's after another's, the line does the same.
        """
        yield turns, self._without(turns), {}
        for factor in sorted({*shown, *turns.values()}):
            fed = {self._by_name[n].gradient.key: self._by_name[n].gradient.array / factor for n in turns}
            yield dict.fromkeys(turns, factor), fed, {}
            line = self._by_name[next(iter(turns))].gradient.versions[-1].site.number
            yield dict.fromkeys(turns, factor), {}, {line: functools.partial(_divided, factor)}

    def _without(self, turns: Mapping[str, float]) -> dict[Key, Array]:
        """What they would be if none of them brought its own factor in."""
        left: dict[str, float] = {}
        for name in self._by_name:
            above = self._above.get(name)
            left[name] = (1.0 if above is None else left[above]) * (1.0 if name in turns else self.own(name))
        return {j.gradient.key: j.gradient.array * (left[n] / j.scale) for n in turns for j in (self._by_name[n],)}


def _divided(factor: float, _: Scope, value: Any, __: Any) -> Any:
    return value / factor


def _is_one(factor: float) -> bool:
    return math.isclose(factor, 1, rel_tol=1e-6)


def _settled(judged: Judged, guilty: Mapping[str, float], inherited: Collection[str], first: str) -> Judged:
    name = judged.gradient.name
    if name in guilty and judged.agreement is not None:
        found = replace(judged.agreement, scale=guilty[name])
        return replace(judged, verdict=Verdict.FAIL, agreement=found, convention=judged.scale / guilty[name])
    if name in inherited:
        return replace(judged, verdict=Verdict.INHERITED, inherited_from=first, reason="")
    return judged


def _carries(judged: Judged, after: Judged | None) -> bool:
    """An intermediate that only passes a factor on loses it when the factor is taken out above."""
    passes = judged.right and judged.gradient.kind == "intermediate" and after is not None and after.right
    return passes and after is not None and not math.isclose(judged.scale, after.scale, rel_tol=1e-6)
