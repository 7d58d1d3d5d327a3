"""Samples that are gone through one by one: a line that is wrong is so for each of them, and is put right for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.blame.assign import assign_blame
from gradcheck.blame.judge import judge
from gradcheck.blame.judged import Judged, upstream_scale
from gradcheck.blame.readings import reread
from gradcheck.capture.program import Program, Variable
from gradcheck.compare import Truth, Verdict

Others = Mapping[str, Sequence[Judged]]
"""By the name of a wrong intermediate of the first sample, what its line computes for the others."""


def assign_over_rounds(
    program: Program,
    judged: Sequence[Judged],
    truth_of: Callable[[Variable], Truth],
    known: Others,
    rng: np.random.Generator,
) -> list[Judged]:
    """`assign_blame`, with the gradients of the samples behind the first beside those of the first, which are shown."""
    others = {**others_over_rounds(program, [j for j in judged if j.gradient.name not in known], truth_of), **known}
    beside = [(other, name) for name, its in others.items() for other in its]
    names = {other.gradient.name: name for other, name in beside}
    result = assign_blame(program, [*judged, *(other for other, _ in beside)], rng)
    own = (j for j in result if j.gradient.name not in names)
    return [replace(j, inherited_from=names.get(j.inherited_from, j.inherited_from)) for j in own]


def reread_over_rounds(program: Program, judged: Sequence[Judged], others: Others) -> tuple[list[Judged], Others]:
    """`reread`, of every sample alike: what a line adds up comes right only where it is fed right of all of them."""
    beside = [other for its in others.values() for other in its]
    result = reread(program, [*judged, *beside])
    after = {other.gradient.name: other for other in result[len(judged) :]}
    return result[: len(judged)], {name: [after[o.gradient.name] for o in its] for name, its in others.items()}


def others_over_rounds(program: Program, judged: Sequence[Judged], truth_of: Callable[[Variable], Truth]) -> Others:
    """What the lines of wrong intermediates compute for the other samples."""
    found: dict[object, tuple[Judged, str]] = dict(_others(program, judged, truth_of))
    names = dict.fromkeys(name for _, name in found.values())
    return {name: [other for other, its in found.values() if its == name] for name in names}


def _others(
    program: Program, judged: Sequence[Judged], truth_of: Callable[[Variable], Truth]
) -> Iterator[tuple[object, tuple[Judged, str]]]:
    """Of each wrong intermediate of the first sample what the same line computes for another, and the first's name."""
    wrong = [j for j in judged if j.verdict is Verdict.FAIL and j.gradient.kind == "intermediate"]
    for j in wrong if len(program.rounds) > 1 else ():
        passings = [v for v in program.trace.values if v.site.number == j.gradient.key.site and v.plain]
        each = len(passings) // len(program.rounds)
        for k, values in enumerate(program.rounds[1:], 1):
            value = next((v for v in passings if v.key.occurrence == j.gradient.key.occurrence + k * each), None)
            of = values.get(j.gradient.of.last)
            if value is not None and of is not None and each:
                name = f"{j.gradient.name} (sample {k})"
                named = replace(j.gradient, name=name, of=of, value=value, versions=(value,))
                other = judge(program, named, truth_of(of))
                yield value.key, (replace(other, convention=upstream_scale(j, judged)), j.gradient.name)
