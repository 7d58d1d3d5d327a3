"""The proof: the whole file with the edits made, checked anew on fresh inputs, nothing that was right made wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck.blame.judge import UNFINISHED
from gradcheck.blame.judged import Judged
from gradcheck.capture.pairing import MOVED
from gradcheck.capture.program import Program, Ref
from gradcheck.compare import Verdict
from gradcheck.driver import Driver
from gradcheck.errors import GradcheckError
from gradcheck.fix.allowance import Allowance
from gradcheck.fix.update import moves_right, rates
from gradcheck.options import Options
from gradcheck.probing import Limits, Probe, nudged, probe
from gradcheck.shapes import Spec
from gradcheck.source import overlaid
from gradcheck.target import Target

ENOUGH = 3
"""Draws on which an edited file must be right."""
LEAST = 2
"""And with how many it may be shown, where others could not be had."""


@dataclass(frozen=True, slots=True)
class Draw:
    """The numbers that a target is run on."""

    sizes: Mapping[str, int]
    seed: int
    dtype: Any = None
    values: Mapping[str, Any] = field(default_factory=dict)
    """Inputs and parameters given instead of those that the setup makes."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check came to."""

    judged: Mapping[str, Judged]
    """Every gradient, by name."""
    rates: Mapping[str, float | None]
    """By how much each parameter moves down its gradient."""
    raised: bool = False
    """Whether the code raised."""

    @property
    def values(self) -> dict[str, np.ndarray[Any, Any]]:
        """The gradients and the rates, by what they are called."""
        found = {name: j.gradient.array for name, j in self.judged.items()}
        moves = {f"the update of {name}": np.asarray(rate) for name, rate in self.rates.items() if rate is not None}
        return {**found, **moves}


@dataclass(slots=True)
class Spent:
    """What a check has cost so far."""

    forwards: int = 0
    """Runs of the forward, alone or with the rest of the step."""


Look = Callable[[Sequence[Judged]], None]
"""Handed what is judged by now; it may end a check by raising."""


class _Hopeless(Exception):
    """Ends the check of an edit that has not put right what it should have."""

    def __init__(self, judged: Sequence[Judged]) -> None:
        self.judged = tuple(judged)


@dataclass(frozen=True, slots=True)
class Trial:
    """How a driver with some texts exchanged is checked."""

    driver: Driver
    """Of the target as it stands."""
    options: Options
    spec: Spec | None
    limits: Limits
    """Of all of it together."""
    spent: Spent = field(default_factory=Spent)
    allowance: Allowance = field(default_factory=Allowance)
    """How long edits may be searched for."""
    loss: str = ""
    """The name of the code's own loss, where that is what is checked: none has to be looked for again."""

    def over(self, program: Program | None = None) -> str:
        """Why nothing more may be run, "" while it may; `program` is one that is still open."""
        running = 0 if program is None else program.evaluations + program.recorded
        return self.limits.reached(self.spent.forwards + running)

    @contextmanager
    def open(self, draw: Draw, driver: Driver | None = None) -> Iterator[Program]:
        """A program of the target, or of another driver, whose runs are counted."""
        driver = driver or self.driver
        with driver.open(draw.sizes, seed=draw.seed, dtype=draw.dtype, values=draw.values) as program:
            try:
                yield program
            finally:
                self.spent.forwards += program.evaluations + program.recorded

    def probed(self, program: Program, seed: int, look: Look = lambda _: None) -> Probe:
        """An open program measured, judged and blamed, within what is left."""
        left = None if self.limits.budget is None else max(0, self.limits.budget - self.spent.forwards)
        limits = replace(self.limits, budget=left)
        options = self.options
        if options.loss == "auto" and self.loss in program.variables:
            options = replace(options, loss=self.loss)
        rng = np.random.default_rng(seed)
        return probe(program, self.driver.target, options, self.spec, rng, limits, look=look)

    def checked(self, driver: Driver, draw: Draw, hopeless: Callable[[Judged], bool] | None = None) -> Checked | None:
        """A check of its own; None where the target can't be run on this draw. It ends early with what is known at the
        first gradient that is `hopeless`.
        """

        def look(judged: Sequence[Judged]) -> None:
            if hopeless is not None and not program.rounds and hopeless(judged[-1]):
                raise _Hopeless(judged)

        try:
            with self.open(draw, driver) as program:
                found = self.probed(program, draw.seed + 1, look)
        except _Hopeless as ended:
            return Checked({j.gradient.name: j for j in ended.judged}, {}, program.trace.raised is not None)
        except GradcheckError:
            return None
        judged = {j.gradient.name: j for j in found.judged}
        trace = found.program.trace
        return Checked(judged, rates(found.program, trace, found.judged), trace.raised is not None)


def fresh(target: Target, judged: Sequence[Judged], first: Draw) -> list[Draw]:
    """Draws unlike the first: other numbers, and where the target can be rebuilt other sizes."""
    seeds = [first.seed + 101 * k for k in range(1, 6)]
    if not target.redrawable:
        moved = [nudged(judged, np.random.default_rng(seed)) for seed in seeds]
        return [Draw(first.sizes, first.seed, first.dtype, {**first.values, **values}) for values in moved if values]
    # where something hides it is on no draw to be seen: what reveals it works on every one
    revealed = {name: other for name, other in first.values.items() if callable(other)}
    if not target.sizes:
        return [Draw(first.sizes, seed, first.dtype, revealed) for seed in seeds]
    batches = [{**first.sizes, "m": m} for m in (2, 1)] if "m" in first.sizes else []
    sizes = [_unlike(first.sizes), first.sizes, *batches, first.sizes]  # what fits by accident falls at other sizes
    return [Draw(size, seed, first.dtype, revealed) for size, seed in zip(sizes, seeds)]


def _unlike(sizes: Mapping[str, int]) -> dict[str, int]:
    """Small sizes, each unlike the others and unlike what it was."""
    found: dict[str, int] = {}
    for name, size in sizes.items():
        found[name] = next(n for n in range(3, 64) if n != size and n not in found.values())
    return found


def told(target: Target, count: int) -> str:
    """What it was proven on, in words."""
    if not target.redrawable:
        return f"{count} shifts of the parameters"
    return f"{count} fresh batches" if target.sizes else f"{count} fresh draws"


Seen = Mapping[int, Mapping[str, np.ndarray[Any, Any]]]
"""What was computed, by the number of the draw and the name of the gradient."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a proof."""

    draws: int
    """On how many draws everything was right."""
    wrong: frozenset[str]
    """Gradients that were not; empty where the proof held."""
    seen: Seen = field(default_factory=dict, compare=False, repr=False)
    """What the edited file computed."""

    @property
    def holds(self) -> bool:
        return not self.wrong and self.draws >= LEAST


def prove(
    trial: Trial, overlay: Mapping[str, str], draws: Sequence[Draw], before: Sequence[Judged], fixed: frozenset[str]
) -> Outcome:
    """Check an edited file on draw after draw; the first that shows something wrong ends it."""
    held = 0
    driver = trial.driver.edited(overlay)
    # what only a wrong gradient's need has shown to be one is not looked for where nothing is wrong
    named = {j.gradient.name for j in before if j.gradient.name in fixed and j.gradient.paired}
    refs = {j.gradient.name: j.gradient.of.ref for j in before}
    seen: dict[int, Mapping[str, np.ndarray[Any, Any]]] = {}
    unfixed = _has_others(before, fixed)
    was = {j.gradient.name for j in before if j.verdict in (Verdict.FAIL, Verdict.INHERITED) and j.gradient.paired}

    def hopeless(judged: Judged) -> bool:
        """Whether a parameter's gradient that was to be put right is wrong by more than a factor."""
        mine = judged.gradient.kind == "parameter" and judged.gradient.name in was and not unfixed
        found = judged.agreement
        return mine and judged.verdict is Verdict.FAIL and found is not None and not found.holds

    for number, draw in enumerate(draws):
        if held == ENOUGH or trial.over():
            break
        with overlaid(overlay):
            checked = trial.checked(driver, draw, hopeless)
        if checked is None:
            continue
        if checked.raised and fixed and not _raises(trial, draw):
            return Outcome(held, fixed)
        seen[number] = checked.values
        after = _by_name(before, checked.judged)
        if any(j.reason == UNFINISHED for j in after.values()) or (checked.raised and not fixed):
            continue
        wrong = set(_wrong(before, after, fixed))
        harmed = {j.gradient.name for j in before if j.right} & wrong
        if wrong == harmed and harmed and _unsound(trial, draw, harmed):
            continue  # what the edit is not about can't be had right on this draw at all
        if wrong:
            return Outcome(held, frozenset(wrong))
        there = {name: _of(after, name, refs.get(name)) for name in fixed}
        held += all(_settled(j) for its in there.values() for j in its) and all(there[name] for name in named)
    return Outcome(held, frozenset(), seen)


def _raises(trial: Trial, draw: Draw) -> bool:
    """Whether the code raises as it stands: an edit may leave that to another line, and bring in none of its own."""
    own = trial.checked(trial.driver, draw)
    return own is not None and own.raised


def _of(after: Mapping[str, Judged], name: str, of: Ref | None) -> list[Judged]:
    """A gradient; where the code raised before it came to the next layer's, all that the line computes by that name;
    where another name has become the first that it bears, what is the gradient of the same."""
    if name in after:
        return [after[name]]
    return [j for j in after.values() if j.gradient.value.site.last == name or j.gradient.of.ref == of]


def _by_name(before: Sequence[Judged], after: Mapping[str, Judged]) -> Mapping[str, Judged]:
    """What was judged, by the names before the edit: where a gradient was had from an update, the edit may name it."""
    of = {j.gradient.of.name: j for j in after.values()}
    unnamed = [j.gradient for j in before if j.gradient.name.endswith(MOVED) and j.gradient.name not in after]
    return {**after, **{g.name: of[g.of.name] for g in unnamed if g.of.name in of}}


def _wrong(before: Sequence[Judged], after: Mapping[str, Judged], fixed: frozenset[str]) -> Iterator[str]:
    """What should be right now and is not."""
    unfixed = _has_others(before, fixed)
    bad = {Verdict.FAIL} if unfixed else {Verdict.FAIL, Verdict.INHERITED}
    for j in before:
        name = j.gradient.name
        guilty = j.verdict is Verdict.FAIL and name not in fixed
        if not guilty and name in after and after[name].verdict in bad:
            yield name
    known = {j.gradient.name for j in before}
    if not unfixed:  # what the code did not come to while it raised is proven with the rest
        yield from (name for name, j in after.items() if name not in known and j.verdict is Verdict.FAIL)


def _has_others(before: Sequence[Judged], fixed: frozenset[str]) -> bool:
    """Whether something else is wrong as well, which an edit leaves as it is."""
    return any(j.verdict is Verdict.FAIL and j.gradient.name not in fixed for j in before)


def _settled(judged: Judged) -> bool:
    return judged.right or judged.verdict is Verdict.SKIPPED


def _unsound(trial: Trial, draw: Draw, names: set[str]) -> bool:
    """Whether the file as it stands has these wrong on this draw as well."""
    checked = trial.checked(trial.driver, draw)
    return checked is None or all(name in checked.judged and not checked.judged[name].right for name in names)


def prove_updates(trial: Trial, overlay: Mapping[str, str], draws: Sequence[Draw], wrong: frozenset[str]) -> Outcome:
    """Check a file with edited updates: every gradient right, and every parameter moving as it should."""
    held = 0
    driver = trial.driver.edited(overlay)
    for draw in draws:
        if held == ENOUGH or trial.over():
            break
        before = trial.checked(trial.driver, draw)
        with overlaid(overlay):
            after = trial.checked(driver, draw)
        if before is None or after is None or not all(map(_settled, before.judged.values())):
            continue
        right = all(map(_settled, after.judged.values())) and before.judged.keys() == after.judged.keys()
        if not (right and moves_right(before.rates, after.rates, wrong)):
            return Outcome(held, wrong)
        held += 1
    return Outcome(held, frozenset())
