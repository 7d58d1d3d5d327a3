"""Gradients that are off by something small that is meant: shown by running the code without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gradcheck.blame.judged import Judged
from gradcheck.compare import Agreement, Verdict, agreement
from gradcheck.fix.proof import Draw, Trial
from gradcheck.patch import read
from gradcheck.probing import Probe, unsettled
from gradcheck.rules.finding import Finding

SMALL = 1e-4
"""Relative error of a gradient up to which something small may be the whole of it."""


@dataclass(frozen=True, slots=True)
class Excuse:
    """Something small in a code that may be all that is wrong with its gradients."""

    without: Callable[[str], str]
    """A file's text as it would be without it, with every place where it was; the same text where it has none."""
    told: Callable[[Sequence[Judged]], list[Finding]]
    """The warnings that say so, of what was wrong by nothing else."""

    def is_in(self, file: str, overlay: Mapping[str, str]) -> bool:
        """Whether a file's text has it."""
        source = read(file)
        text = overlay.get(file) or (source.text if source is not None else "")
        return self.without(text) != text


def excused(
    excuse: Excuse, trial: Trial, found: Probe, first: Draw, findings: Sequence[Finding]
) -> tuple[Probe, list[Finding]]:
    """What was found, with the gradients right that are wrong by nothing but that, and the findings without them.

    The whole code runs without it, on the numbers at hand and on others: if they are right then, to the numeric error,
    it was all that was wrong with them. If there is no time left for that, they are inconclusive.
    """
    wrong = [j for j in found.judged if not j.right and off_a_little(j)]
    there = wrong and any(excuse.is_in(file, trial.driver.overlay) for file in found.program.files)
    scales, known = _without(trial, excuse, first) if there else ({}, frozenset())
    meant = {j.gradient.name: off for j in wrong if (off := off_a_little(j, scales.get(j.gradient.name, 0)))}
    if there and not meant and trial.over():
        unseen = {j.gradient.name for j in wrong}
        judged = tuple(unsettled(j) if j.gradient.name in unseen else j for j in found.judged)
        return replace(found, judged=judged), [f for f in findings if f.tensor not in unseen]
    if not meant:
        return found, list(findings)
    # what goes by no gradient's name was taken for one only because it would explain what is meant
    left = [j for j in found.judged if j.gradient.name in known]
    judged = tuple(_within(j, meant[j.gradient.name]) if j.gradient.name in meant else j for j in left)
    told = excuse.told([was for j, was in zip(judged, left) if j is not was])
    others = [f for f in findings if f.tensor not in meant and (f.tensor is None or f.tensor in known)]
    return replace(found, judged=judged), [*told, *others]


def _without(trial: Trial, excuse: Excuse, first: Draw) -> tuple[dict[str, float], frozenset[str]]:
    """The gradients that are right without it, on two draws, with the factors that they carry; and all there are."""
    driver = trial.driver.less(excuse.without)
    runs: list[Mapping[str, Judged]] = []
    for draw in (first, replace(first, seed=first.seed + 1)):
        checked = None if trial.over() else trial.checked(driver, draw)
        runs.append(checked.judged if checked is not None else {})
    one, other = runs
    right = {name: j.scale for name, j in one.items() if j.right and name in other and other[name].right}
    return right, frozenset(one)


def off_a_little(judged: Judged, scale: float | None = None) -> Agreement | None:
    """How a gradient agrees up to that factor, or to any; of a parameter up to none. None if it is off by more."""
    array = judged.gradient.array
    if judged.agreement is None or judged.verdict is Verdict.SKIPPED or array.shape != judged.truth.shape or scale == 0:
        return None
    exact = judged.gradient.kind == "parameter"
    found = judged.agreement if exact else agreement(judged.truth, array, scale)
    return found if found.rel_error < SMALL else None


def _within(judged: Judged, found: Agreement) -> Judged:
    bar = found.bar + found.rel_error
    seen = replace(found, bar=bar, resolution=max(found.resolution, 10 * bar))
    return replace(judged, verdict=Verdict.PASS, reason="", inherited_from="", agreement=seen)
