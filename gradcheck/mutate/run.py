"""All mutants of one target, within a time limit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

from gradcheck.capture.program import FirstRun
from gradcheck.compare import Verdict
from gradcheck.errors import UsageError
from gradcheck.mutate.plant import Mutant, mutants
from gradcheck.mutate.result import MutationReport, Outcome
from gradcheck.mutate.trial import Subject, outcome
from gradcheck.options import Options
from gradcheck.pipeline import bases_of, environment, run
from gradcheck.probing import observed
from gradcheck.report import Report
from gradcheck.script.ready import on_first_step
from gradcheck.shapes import parse_spec
from gradcheck.target import Target

PAUSE = 0.5
"""Seconds between two reports of what is known so far."""


@on_first_step
def mutate(
    target: Target,
    options: Options,
    *,
    output: FirstRun | None = None,
    progress: Callable[[MutationReport], None] = lambda _: None,
    most: int | None = None,
) -> MutationReport:
    """Plant every known bug in a right backward pass, one at a time, and check each copy as `run` does.

    `most` bugs are tried, drawn by the seed where there are more.
    The Hypothesis properties are left out. Raises UsageError for a backward pass that is wrong as it stands.
    """
    start = time.monotonic()
    until = None if options.timeout is None else start + 0.9 * options.timeout
    options = replace(options, properties=False, timeout=None)
    right = run(target, options, output=output)
    if right.verdict is Verdict.FAIL:
        raise UsageError(
            f"gradcheck mutate plants bugs in a right backward pass, and {target.name} has some of its own: see"
            f" gradcheck run {target.name}."
        )
    warned = frozenset((f.code, f.tensor) for f in right.findings if f.severity == "warning")
    subject = Subject(target, options, warned)
    waiting = planted(subject)
    done: dict[int, Outcome] = {}
    report, told = _begun(right, len(waiting)), start
    order = random.Random(options.seed).sample(range(len(waiting)), len(waiting))  # a fair sample if time runs out
    for i in order[:most]:
        if until is not None and time.monotonic() > until:
            note = f"time limit reached: {report.untried} of {len(waiting)} bugs were not tried; see --timeout"
            return replace(report, notes=(*report.notes, note))
        done[i] = outcome(subject, waiting[i])
        report = replace(
            report,
            outcomes=tuple(done[k] for k in sorted(done)),
            untried=len(waiting) - len(done),
            seconds=time.monotonic() - start,
        )
        if time.monotonic() > told + PAUSE:
            progress(report)
            told = time.monotonic()
    return report


def planted(subject: Subject) -> list[Mutant]:
    """The mutants of a target, in the order in which their lines are run."""
    target, options = subject.target, subject.options
    spec = parse_spec(target.shapes) if target.shapes else None
    with subject.probe(subject.driver(), 0) as program:
        return mutants(program, observed(program, target, options, spec), bases_of(target, options))


def _begun(right: Report, count: int) -> MutationReport:
    notes = [] if right.verdict is Verdict.PASS else ["as it stands, not all of it can be seen: see gradcheck run"]
    return MutationReport(
        right.target,
        (),
        count,
        right.where,
        right.inputs,
        tuple(notes),
        seed=right.seed,
        environment=environment(),
    )
