"""Gradients that are off by the round-off of the float32 that the code itself computes in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gradcheck.blame.judged import Judged
from gradcheck.compare import Verdict
from gradcheck.fix.proof import Draw, Trial
from gradcheck.patch import read
from gradcheck.probing import Probe
from gradcheck.rules.evidence import place
from gradcheck.rules.finding import Finding
from gradcheck.source import overlaid

ROUNDED = 1e-4
"""Relative error up to which round-off of float32 (6e-8 each, a thousand of them) may be the whole of it."""
_SINGLE = re.compile(r"(?<![\w])(?:float32|single|f4)(?![\w])")


def rounded_off(trial: Trial, found: Probe, first: Draw, findings: Sequence[Finding]) -> tuple[Probe, list[Finding]]:
    """What was found, with the gradients right that are wrong by nothing but round-off, and the findings without them.

    The whole code runs with float64 in the place of float32, on the numbers at hand and on others: if they are right
    then, to the numeric error, float32 was all that was wrong with them.
    """
    wrong = [j for j in found.judged if not j.right and j.verdict is not Verdict.SKIPPED and _is_small(j)]
    overlay = dict(_doubled(found.program.files, trial.driver.overlay)) if wrong else {}
    if not overlay or not _right_with(trial, overlay, first, {j.gradient.name for j in wrong}):
        return found, list(findings)
    judged = tuple(_within_round_off(j) if any(j is w for w in wrong) else j for j in found.judged)
    told = [_finding(j) for j in wrong if j.verdict is Verdict.FAIL]
    others = [f for f in findings if all(f.tensor != j.gradient.name for j in wrong)]
    return replace(found, judged=judged), [*told, *others]


def _right_with(trial: Trial, overlay: Mapping[str, str], first: Draw, names: set[str]) -> bool:
    driver = trial.driver.edited(overlay)
    for draw in (first, replace(first, seed=first.seed + 1)):
        with overlaid(overlay):
            checked = None if trial.over() else trial.checked(driver, draw)
        if checked is None or not all(n in checked.judged and checked.judged[n].right for n in names):
            return False
    return True


def _is_small(judged: Judged) -> bool:
    return judged.agreement is not None and judged.agreement.rel_error < ROUNDED and judged.layout is None


def _doubled(files: Iterable[str], overlay: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The texts of those files that name float32, with float64 instead."""
    for file in files:
        source = read(file)
        text = overlay.get(file) or (source.text if source is not None else "")
        if _SINGLE.search(text):
            yield file, _SINGLE.sub(lambda found: "f8" if found.group() == "f4" else "float64", text)


def _within_round_off(judged: Judged) -> Judged:
    found = judged.agreement
    assert found is not None
    bar = found.bar + found.rel_error
    agreement = replace(found, bar=bar, resolution=max(found.resolution, 10 * bar))
    return replace(judged, verdict=Verdict.PASS, reason="", inherited_from="", agreement=agreement)


def _finding(judged: Judged) -> Finding:
    """GC612, a warning, of a line that was at fault."""
    name, found = judged.gradient.name, judged.agreement
    assert found is not None
    return Finding(
        "GC612",
        "dtype",
        "warning",
        f"{name} is rounded to float32 on its way",
        f"{name} is off by {found.rel_error:.1g} of its scale. That is the round-off of the float32 that the code"
        f" computes in: with float64 in its place {name} agrees with the numeric derivative. It is no bug; that part of"
        " the code can only be checked to about this error.",
        "rounded to float32",
        name,
        **place(judged.gradient.value.site),
        evidence={"rel_error": found.rel_error},
    )
