"""One mutant: is it a bug at all, and what does the check say of it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.capture.program import Program
from gradcheck.compare import Verdict
from gradcheck.driver import Driver
from gradcheck.errors import GradcheckError
from gradcheck.mutate.behaviour import Behaviour, behaviour, same
from gradcheck.mutate.plant import Mutant
from gradcheck.mutate.result import Outcome
from gradcheck.options import Options
from gradcheck.pipeline import bases_of, batch_sizes, run
from gradcheck.report import Report
from gradcheck.rules.finding import Finding
from gradcheck.source import overlaid, shown
from gradcheck.target import Target

FRESH = 2
"""Probes with other numbers and another batch on which a mutant must agree as well before it is no bug."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A right backward pass, and what is remembered of it from mutant to mutant."""

    target: Target
    options: Options
    warned: frozenset[tuple[str, str | None]] = frozenset()
    """Code and tensor of what the check warns of in the right one."""
    memory: dict[Any, Any] = field(default_factory=dict)
    """Numeric derivatives: the forward is the same in all mutants."""
    right: dict[int, Behaviour | None] = field(default_factory=dict)
    """What the right one comes to, by probe."""

    def driver(self, overlay: Mapping[str, str] | None = None) -> Driver:
        """A driver of the target, with an edit on trial."""
        base_of = bases_of(self.target, self.options)
        return Driver(self.target, base_of=base_of, overlay=overlay, memory=self.memory)

    @contextmanager
    def probe(self, driver: Driver, number: int) -> Iterator[Program]:
        """The program on the check's own numbers (0), or on others."""
        sizes = batch_sizes(self.target, self.options.batch)
        if number == 0 or self.target.redrawable:
            if number and "m" in sizes:
                sizes["m"] += number
            with driver.open(sizes, seed=self.options.seed + number) as program:
                yield program
            return
        with driver.open(seed=self.options.seed) as program:
            rng = np.random.default_rng(number)
            held = {p: np.asarray(program.roots[p].value) for p in self._parameters(program)}
        moved = {p: a + 0.1 * (np.std(a) or 1.0) * rng.standard_normal(a.shape) for p, a in held.items()}
        with driver.open(seed=self.options.seed, values=moved) as program:
            yield program

    def _parameters(self, program: Program) -> set[str]:
        return {g.of.ref for g in program.gradients if isinstance(g.of.ref, str)}

    def otherwise(self, driver: Driver) -> Behaviour | None:
        """What a driver's step comes to where that is not what the right one does; None if it is on every probe."""
        for number in range(1 + FRESH):
            right = self._right(number)
            if right is not None:
                with self.probe(driver, number) as program:
                    found = behaviour(program)
                if not same(right, found):
                    return found
        return None

    def _right(self, number: int) -> Behaviour | None:
        """None for a probe that the target can't be set up for."""
        if number not in self.right:
            try:
                with self.probe(self.driver(), number) as program:
                    self.right[number] = behaviour(program)
            except GradcheckError:
                self.right[number] = None
        return self.right[number]


def outcome(subject: Subject, mutant: Mutant) -> Outcome:
    """What the check says of a mutant."""
    with overlaid(mutant.overlay):
        driver = subject.driver(mutant.overlay)
        differs = subject.otherwise(driver)
        if differs is None:
            return Outcome(mutant, "equivalent")
        if differs.raised_at is not None and _holds(mutant, *differs.raised_at):
            return Outcome(mutant, "raised")
        try:
            report = run(subject.target, subject.options, driver=driver, other_batches=False)
        except GradcheckError as error:
            return Outcome(mutant, "checked", f"{type(error).__name__}: {error}")
    return _judged(subject, mutant, report)


def _holds(mutant: Mutant, file: str, line: int) -> bool:
    return file == mutant.file and line in mutant.lines


def _judged(subject: Subject, mutant: Mutant, report: Report) -> Outcome:
    warned = [f for f in report.findings if f.severity == "warning" and (f.code, f.tensor) not in subject.warned]
    findings = [f for f in report.findings if f.severity == "error"] or [f for f in warned if _is_of(f, mutant)]
    own = [_is_of(f, mutant) for f in findings]
    own += [_stands(mutant, c.file, c.line) for c in report.comparisons if c.verdict is Verdict.FAIL]
    caught = report.verdict is Verdict.FAIL or bool(findings)
    fixed = [f for f in findings if f.fix is not None and f.fix.verified]
    return Outcome(
        mutant,
        "checked",
        str(report.verdict),
        caught=caught,
        blamed=caught and bool(own) and all(own),
        named=caught and _is_named(mutant, findings),
        offered=bool(fixed),
        repaired=bool(fixed) and subject.otherwise(subject.driver({p.file: p.new for p in report.patches})) is None,
        said=tuple(f"{f.code} line {f.line}: {f.headline}" for f in findings),
    )


def _is_named(mutant: Mutant, findings: list[Finding]) -> bool:
    """Some finding calls it by its name, and no other names another cause; facts without a cause do no harm."""
    found = {f.category for f in findings}
    return bool(found & set(mutant.categories)) and found <= {*mutant.categories, "unexplained", "shape"}


def _is_of(finding: Finding, mutant: Mutant) -> bool:
    """Whether a finding is of the edited line; of an update that is gone, whether it is of its parameter."""
    gone = mutant.new == "pass" and mutant.updates != ""
    return finding.tensor == mutant.updates if gone else _stands(mutant, finding.file, finding.line)


def _stands(mutant: Mutant, file: str | None, line: int | None) -> bool:
    return file == shown(mutant.file) and line in mutant.lines
