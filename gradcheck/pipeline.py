"""A check from target to report: the only place that knows every stage."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import __version__, conventions
from gradcheck.adapters.engines import target_of_engine
from gradcheck.blame.judged import Judged, in_layout, upstream_scale
from gradcheck.blame.readings import two_readings
from gradcheck.capture.program import BaseOf, FirstRun, Program
from gradcheck.capture.rewrite import Site
from gradcheck.cells import place
from gradcheck.compare import Verdict
from gradcheck.driver import Driver
from gradcheck.errors import GradcheckError, UsageError
from gradcheck.fix.cause import relocated, unraised, with_fixes
from gradcheck.fix.excused import excused
from gradcheck.fix.guards import GUARDS
from gradcheck.fix.line import no_check_within
from gradcheck.fix.moving import repair_updates
from gradcheck.fix.precision import ROUND_OFF
from gradcheck.fix.proof import Draw, Spent, Trial
from gradcheck.fix.raising import repair_raising
from gradcheck.fix.repair import Repair, repair
from gradcheck.fix.smallest import with_smallest
from gradcheck.gradients import Gradient, updated
from gradcheck.loss.choose import as_written, multiplied
from gradcheck.operations import at_its_call, by_operation, wrong_in
from gradcheck.options import Options
from gradcheck.probing import (
    Limits,
    Probe,
    flow,
    kinks_seen,
    nudged,
    observed,
    prepare,
    probe,
    rounds_within,
    single_precision,
    unmeasured,
    unsettled,
)
from gradcheck.report import Loss, PropertyResult, Report
from gradcheck.revealing import revealing, told_of
from gradcheck.rows import ShapeProbe, applied, comparison, shape_probe, shape_rows
from gradcheck.rules import causes, noticed, settled
from gradcheck.rules.evidence import Evidence, Run
from gradcheck.rules.finding import Finding
from gradcheck.rules.run import ended, raised
from gradcheck.script.ready import on_first_step
from gradcheck.shapes import Spec, parse_spec
from gradcheck.source import shown
from gradcheck.target import Engine, Target
from gradcheck.unpaired import Unpaired, complex_note, unpaired

TO_MEASURE = 0.9
"""Share of the time limit that is for measuring; the rest is for the report."""
REDRAWS = 3
"""How often a probe that could not see is drawn anew."""
DEAR = 5_000
"""Evaluations of a probe after which none is drawn anew for the rest, where something is known to be wrong."""
EXAMPLES = 25
"""Networks drawn for the properties."""
LONG_RUN = 300
"""Values that a step computes, above which it is cut to a few turns once something in it is wrong."""
PAUSE = 0.25
"""Seconds between two reports of what is known so far, while gradients are measured."""
Progress = Callable[[Report], None]


@on_first_step
def run(
    target: Target,
    options: Options,
    *,
    output: FirstRun | None = None,
    progress: Progress | None = None,
    driver: Driver | None = None,
    other_batches: bool = True,
) -> Report:
    """Check one target. `progress` is handed what is known so far, should time run out.

    `driver` is one with an edit on trial, where it is not the file as it stands that is to be checked; without
    `other_batches` shapes are looked at as they are in the check itself.
    """
    no_check_within()
    driver = driver or Driver(target, base_of=bases_of(target, options), output=output, memory={})
    if target.engine is not None:
        return _of_engine(target, target.engine, driver, options, progress)
    start = time.monotonic()
    try:
        return _checked(driver, options, progress, other_batches=other_batches, shorten=not driver.overlay)
    except _WrongOverTime as wrong:
        shorter = _over_a_few_turns(target, _from_now(options, start), progress, wrong, other_batches=other_batches)
    return shorter or _checked(driver, _from_now(options, start), progress, other_batches=other_batches)


def _from_now(options: Options, start: float) -> Options:
    """The options for what is left of the time that began at `start`."""
    if options.timeout is None:
        return options
    return replace(options, timeout=max(options.timeout - (time.monotonic() - start), 1e-3))


class _WrongOverTime(Exception):
    """Gradients of a long run over time are wrong: which lines are at fault is found out over a few turns."""

    def __init__(self, judged: Sequence[Judged], program: Program) -> None:
        self.names = {j.gradient.name: j.verdict is Verdict.FAIL for j in judged}
        """Whether each is wrong, up to the first that is."""
        self.turns = Counter(v.key.site for v in program.trace.values if v.plain)
        """How often the lines are passed, by site."""


def _over_a_few_turns(
    target: Target, options: Options, progress: Progress | None, wrong: _WrongOverTime, *, other_batches: bool
) -> Report | None:
    """The report of the same step over a few turns of its sequence; None where other gradients are wrong there."""
    cut = target.shorter(set(wrong.turns.values())) if target.shorter is not None else None
    if cut is None:
        return None
    with cut as told:
        driver = Driver(target, base_of=bases_of(target, options), memory={})
        try:
            report = _checked(driver, options, progress, other_batches=other_batches)
        except GradcheckError:
            return None
    here = {c.name: c.verdict in (Verdict.FAIL, Verdict.INHERITED) for c in report.comparisons}
    if any(here.get(name) is not is_wrong for name, is_wrong in wrong.names.items()):
        return None
    return replace(report, notes=(*report.notes, f"what is wrong was looked into with {told}: it is wrong in both"))


def _of_engine(target: Target, engine: Engine, driver: Driver, options: Options, progress: Progress | None) -> Report:
    """The step of a script that trains with an engine; where it is wrong, by the engine's operations, and where it is
    right, the operations that it does not go through."""
    start = time.monotonic()
    tell: Progress = progress or (lambda _: None)
    # nothing of the user's is seen that could be edited: what is to be repaired is an operation
    unfixed = replace(options, fixes=False)
    step = _checked(driver, unfixed, lambda so_far: tell(at_its_call(so_far, engine)), other_batches=False)
    step = at_its_call(step, engine)
    if step.verdict is Verdict.INCONCLUSIVE:
        return step
    right = step.verdict is Verdict.PASS

    def within(used: frozenset[str] | None, *, fixes: bool) -> Report:
        inner = replace(_from_now(options, start), fixes=fixes, properties=options.properties and not right)
        operations = target_of_engine(target.name, engine.module, engine.kind, used, but=engine.used)
        operations = replace(operations, script=target.script, folder=target.folder)
        single = Driver(operations, base_of=bases_of(operations, inner), memory={})
        return _checked(single, inner, lambda so_far: tell(by_operation(step, so_far)), other_batches=False)

    try:
        operations = within(None if right else engine.used, fixes=False)
    except UsageError as error:
        if right:
            return step
        return replace(step, notes=(*step.notes, f"its operations were not checked by themselves: {error}"))
    wrong = wrong_in(operations) if options.fixes else frozenset()
    # by themselves, where an edit is cheaper to try
    return by_operation(step, within(wrong, fixes=True) if wrong else operations)


def _checked(
    driver: Driver, options: Options, progress: Progress | None, *, other_batches: bool, shorten: bool = False
) -> Report:
    target, start, plain = driver.target, time.monotonic(), driver
    limits = Limits(None if options.timeout is None else start + TO_MEASURE * options.timeout, options.budget)
    spec = parse_spec(target.shapes) if target.shapes else None
    sizes = batch_sizes(target, options.batch)
    seeds: list[int] = [options.seed]
    notes: list[str] = [*target.notes]
    dtype: Any = None
    moved: dict[str, Any] = {}
    seen: list[Finding] = []
    blind: list[str] = []
    told = 0.0
    spent = Spent()

    def wrong_over_time(judged: Sequence[Judged]) -> None:
        wrong = any(j.verdict is Verdict.FAIL for j in judged)
        if wrong and shorten and target.shorter is not None and len(program.trace.values) > LONG_RUN:
            raise _WrongOverTime(judged, program)

    def tell(found: Probe) -> None:
        nonlocal told
        if progress is not None and time.monotonic() > told + PAUSE:
            unblamed = "which of the wrong lines are at fault and which inherit was not settled"
            so_far = replace(found, judged=tuple(map(unsettled, found.judged)))
            progress(_report(target, options, so_far, [*notes, unblamed], (), start, found.program))
            told = time.monotonic()

    while True:
        with driver.open(sizes, seed=seeds[-1], dtype=dtype, values=moved) as program:
            if dtype is None and single_precision(program):
                dtype = np.float64
                notes.append("float32 inputs and parameters were cast, so that the check is in float64")
                continue
            if driver is plain and rounds_within(program) and (double := _in_double(driver, program)) is not None:
                driver = double
                notes.append("what the code casts to float32 was computed in float64, so that the check is")
                continue
            found = probe(
                program,
                target,
                options,
                spec,
                np.random.default_rng(seeds[-1]),
                limits,
                so_far=tell,
                look=wrong_over_time,
            )
            causes_here = causes(_evidence(found))
            seen += noticed(Run(program, found.judged, found.sizes, found.chosen), seen)
            shapes = [shape_probe(program, [j.gradient for j in found.judged], sizes.get("m"), _put_right(found))]
            hidden = revealing(program)
        spent.forwards += program.evaluations
        before, blind = blind, [j.gradient.name for j in found.judged if j.verdict is Verdict.INCONCLUSIVE]
        known = program.evaluations > DEAR and any(j.verdict is Verdict.FAIL for j in found.judged)
        if not blind or blind == before or known or len(seeds) > REDRAWS or limits.reached(program.evaluations):
            break
        if target.redrawable:
            notes.append(f"seed {seeds[-1]} could not show {', '.join(blind)}: drawn anew with seed {seeds[-1] + 1}")
        elif moved or not (moved := nudged(found.judged, np.random.default_rng(options.seed))):
            break
        else:
            names = ", ".join(moved)
            notes.append(f"{', '.join(blind)} could not be seen where the code stands: {names} were moved a little")
        seeds.append(seeds[-1] + 1 if target.redrawable else seeds[-1])
    draw = Draw(sizes, seeds[-1], dtype, moved)
    trial = Trial(driver, options, spec, limits, spent, loss=as_written(found.chosen))
    other = replace(draw, values={**moved, **hidden})
    if hidden and not _is_wrong(found) and (shown := _wrong_there(trial, found, other)) is not None:
        (found, causes_here), draw = shown, other
        program = found.program
        notes.append(f"it shows only where nothing hides it: {told_of(hidden)}")
    notes += filter(None, [multiplied(found.chosen), found.means])
    notes += filter(None, (kinks_seen(found.judged), ended(found.program, found.judged, alone=target.traced)))
    left_over = Unpaired() if options.params else unpaired(found.program, traced=target.traced)
    notes += filter(None, [left_over.note, complex_note(found.program)])
    held = applied(spec, found.flow.values, shapes[0], told=bool(options.shapes) and not target.traced)
    findings = settled(causes_here, _causes_again(trial, found, draw))
    rounded, findings = excused(ROUND_OFF, trial, found, draw, findings)
    guarded, findings = excused(GUARDS, trial, rounded, draw, findings)
    if progress is not None:
        report = _report(target, options, guarded, notes, shape_rows(held, shapes), start, program, findings)
        late = "time limit reached: what follows the gradients was left out"
        progress(replace(report, notes=(*report.notes, late)))
    wrong = any(j.verdict is Verdict.FAIL for j in guarded.judged)
    if wrong and guarded is not rounded:
        return _checked_unguarded(trial, findings, progress, other_batches=other_batches)
    rounded = guarded
    repaired, found = _repaired(trial, found if wrong else rounded, draw, seen), rounded
    if trial.over() and not repaired.patches and options.fixes:
        notes += [f"{trial.over()}: the search for fixes was cut short"] * any(f.severity == "error" for f in findings)
    findings, found = with_fixes(findings, repaired), replace(found, judged=relocated(found.judged, repaired))
    findings += unraised(repaired)
    notes += [*trial.allowance.told(findings), *_undecided(findings)]
    unexplained = {f.tensor for f in findings if f.code == "GC901"}
    notes += two_readings([j for j in found.judged if j.gradient.name in unexplained])
    ended_by = raised(found.program, findings, found.judged, alone=target.traced)
    # where it may be meant for what does not raise, that it raises is no error
    findings += [replace(f, severity="warning") for f in ended_by] if target.asks else ended_by
    findings += with_fixes(seen, repaired)
    if other_batches:
        findings = with_smallest(trial, findings, draw)
        shapes += _other_batches(driver, target, options, spec, sizes, limits, _folded(found))
    properties = _properties(driver, options, limits)
    report = _report(target, options, found, notes, shape_rows(held, shapes), start, program, findings, properties)
    if program.next is not None:
        report = _with_the_next(report, target, program.next)
    asks = "" if options.loss != "auto" and "--loss" in target.asks else target.asks
    if (left_over.handed_back or asks) and report.verdict is Verdict.PASS:
        report = replace(report, verdict=Verdict.INCONCLUSIVE)
    return replace(report, patches=repaired.patches, evaluations=trial.spent.forwards)


def _with_the_next(report: Report, target: Target, site: Site) -> Report:
    """The report, and what it does not speak of: a step of other parameters that begins when these have moved.

    As long as that is not checked beside it, nothing is known to be right.
    """
    own = target.script is not None and Path(site.file) == target.script.resolve() and site.function.isidentifier()
    other = f"{target.name}:{site.function}" if own and ":" not in target.name else ""
    by = f"gradcheck run {other}" if other else "a function of your own that runs it, as TARGET,"
    note = f"another step begins before {place(shown(site.file), site.line)}, once these have moved: {by} checks that"
    unseen = Verdict.INCONCLUSIVE if report.verdict is Verdict.PASS else report.verdict
    return replace(report, verdict=unseen, notes=(*report.notes, note), beside=(other,) if other else ())


def _in_double(driver: Driver, program: Program) -> Driver | None:
    """The driver with float64 in the place of float32; None where the code does not say it."""
    return driver.less(ROUND_OFF.without) if any(ROUND_OFF.is_in(f, driver.overlay) for f in program.files) else None


def _checked_unguarded(
    trial: Trial, findings: Sequence[Finding], progress: Progress | None, *, other_batches: bool
) -> Report:
    """The check of the code without its guards: beside their effect nothing else that is wrong can be proven."""
    until, budget = trial.limits.until, trial.limits.budget
    options = replace(
        trial.options,
        timeout=None if until is None else max((until - time.monotonic()) / TO_MEASURE, 1e-3),
        budget=None if budget is None else max(budget - trial.spent.forwards, 0),
    )
    report = _checked(trial.driver.less(GUARDS.without), options, progress, other_batches=other_batches)
    told = tuple(f for f in findings if f.code == "GC613")
    return replace(
        report,
        findings=(*report.findings, *told),
        notes=(*report.notes, "checked without the small numbers that guard its divisions"),
        evaluations=report.evaluations + trial.spent.forwards,
    )


@on_first_step
def run_shapes(target: Target, options: Options, *, output: FirstRun | None = None) -> Report:
    """Only the table of shapes: every value against its convention, at several batch sizes."""
    start = time.monotonic()
    spec = parse_spec(target.shapes) if target.shapes else None
    driver = Driver(target, base_of=bases_of(target, options), output=output)
    sizes = batch_sizes(target, options.batch)
    rng = np.random.default_rng(options.seed)
    with driver.open(sizes, seed=options.seed) as program:
        gradients, chosen = prepare(program, target, options, spec, rng)
        found = Probe(program, chosen, tuple(unmeasured(g) for g in gradients), sizes, flow(program, gradients, chosen))
        shapes = [shape_probe(program, gradients, sizes.get("m"), _turned(program, gradients))]
    shapes += _other_batches(driver, target, options, spec, sizes, Limits())
    held = applied(spec, found.flow.values, shapes[0], told=bool(options.shapes) and not target.traced)
    rows = shape_rows(held, shapes)
    report = replace(_report(target, options, found, (), rows, start, program), comparisons=())
    wrong = any(row.verdict is Verdict.FAIL for row in rows)
    return replace(report, verdict=Verdict.FAIL if wrong else Verdict.PASS)


@on_first_step
def gradient_names(target: Target, options: Options) -> tuple[str, ...]:
    """The gradients that a check would report, in its order: one run of the code, nothing measured.

    Raises as `run` does for a target that can't be driven or computes no gradient.
    """
    spec = parse_spec(target.shapes) if target.shapes else None
    driver = Driver(target, base_of=bases_of(target, options))
    with driver.open(batch_sizes(target, options.batch), seed=options.seed) as program:
        return tuple(g.name for g in observed(program, target, options, spec))


def bases_of(target: Target, options: Options) -> BaseOf:
    """The conventions by which names are gradients', and what the user says of them."""
    told = {**target.grads, **options.grads}
    return lambda name: conventions.bases(name, told)


def batch_sizes(target: Target, batch: int | None) -> dict[str, int]:
    """The target's sizes, with another batch where one is asked for."""
    if batch is None:
        return dict(target.sizes)
    if "m" not in target.sizes:
        raise UsageError(f"--batch {batch}: {target.name} can't be rebuilt at another size; it declares no size m.")
    return {**target.sizes, "m": batch}


def _causes_again(trial: Trial, found: Probe, draw: Draw) -> list[list[Finding]] | None:
    """Where something is wrong, its possible causes on a second probe with other numbers; None where there is none."""
    wrong = any(j.verdict is Verdict.FAIL for j in found.judged)
    if not wrong or not trial.driver.target.redrawable or trial.over():
        return None
    with trial.open(Draw(draw.sizes, draw.seed + 1, draw.dtype)) as program:
        again = trial.probed(program, draw.seed + 1)
        same = [j.gradient.name for j in again.judged] == [j.gradient.name for j in found.judged]
        return causes(_evidence(again)) if same else None


def _is_wrong(found: Probe) -> bool:
    return any(j.verdict in (Verdict.FAIL, Verdict.INHERITED) for j in found.judged)


def _wrong_there(trial: Trial, found: Probe, draw: Draw) -> tuple[Probe, list[list[Finding]]] | None:
    """The same gradients on other values, if any of them is wrong there, and what may be their causes."""
    if trial.over():
        return None
    try:
        with trial.open(draw) as program:
            again = trial.probed(program, draw.seed)
            # what is wrong has more looked at: values whose gradients no name tells
            same = {j.gradient.name for j in found.judged} <= {j.gradient.name for j in again.judged}
            wrong = same and program.trace.raised is None and _is_wrong(again)
            return (again, causes(_evidence(again))) if wrong else None
    except GradcheckError:
        return None


def _repaired(trial: Trial, found: Probe, draw: Draw, seen: Sequence[Finding]) -> Repair:
    """What the guilty lines should say, as far as it can be proven."""
    if not trial.options.fixes or trial.over():
        return Repair()
    moved_wrongly = frozenset(f.tensor for f in seen if f.category == "update" and f.severity == "error" and f.tensor)
    unmoved = frozenset(f.tensor for f in seen if f.code == "GC604" and f.tensor)
    wrong = any(j.verdict in (Verdict.FAIL, Verdict.INHERITED) for j in found.judged)
    if (moved_wrongly or unmoved) and not wrong:
        return repair_updates(trial, found, moved_wrongly, unmoved, draw)
    if found.program.trace.raised is not None and not any(j.verdict is Verdict.FAIL for j in found.judged):
        return repair_raising(trial, found, draw)
    return repair(trial, found, draw)


def _undecided(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        if finding.fix is not None and not finding.fix.decided:
            both = "two edits are proven that are not the same"
            yield f"--fix leaves line {finding.fix.line} as it is: {both}; {finding.fix.alternatives[0].apart}"


def _evidence(found: Probe) -> list[Evidence]:
    return [
        Evidence(j, found.judged, found.program, found.sizes, inherited_scale(j, found.judged)) for j in found.judged
    ]


def inherited_scale(judged: Judged, others: Sequence[Judged]) -> float:
    """The conventional factor of the intermediates above a wrong one; 1 for a parameter, which may carry none."""
    if judged.gradient.kind == "parameter":
        return 1.0
    return upstream_scale(judged, others)


def _put_right(found: Probe) -> frozenset[str]:
    right = (j for j in found.judged if j.put_right is not None or (j.right and j.layout is not None))
    return frozenset(j.gradient.name for j in right) | _folded(found)


def _folded(found: Probe) -> frozenset[str]:
    """Gradients that are right in another shape, and those that may belong to something else than their names say."""

    def is_folded(j: Judged) -> bool:
        unconfirmed = j.gradient.kind == "intermediate" and not found.chosen.sure
        return (j.right or unconfirmed or j.verdict is Verdict.SKIPPED) and j.gradient.array.shape != j.truth.shape

    return frozenset(j.gradient.name for j in found.judged if is_folded(j))


def _turned(program: Program, gradients: Sequence[Gradient]) -> frozenset[str]:
    """Gradients in another layout with which an update went through all the same."""
    turned = (g for g in gradients if in_layout(g.array, g.of.array.shape)[1] is not None)
    seen = ((g.name, g.of.array.shape, updated(program, program.trace, g)) for g in turned)
    return frozenset(name for name, shape, u in seen if u is not None and u[0].array.shape == shape)


def _other_batches(
    driver: Driver,
    target: Target,
    options: Options,
    spec: Spec | None,
    sizes: dict[str, int],
    limits: Limits,
    folded: frozenset[str] = frozenset(),
) -> list[ShapeProbe]:
    """Shapes at batch sizes 1 and 2, and at each size that equals another dimension and so may hide a wrong axis."""
    if "m" not in sizes:
        return []
    probes = []
    for m in sorted({1, 2, *(n for n in sizes.values() if n <= 64)} - {sizes["m"]}):
        with driver.open({**sizes, "m": m}, seed=options.seed) as program:
            try:
                gradients = observed(program, target, options, spec)
            except GradcheckError:
                continue
            probes.append(shape_probe(program, gradients, m, _turned(program, gradients) | folded))
        if limits.reached(program.evaluations):
            break
    return probes


def _properties(driver: Driver, options: Options, limits: Limits) -> tuple[PropertyResult, ...]:
    if not options.properties:
        return ()
    left = None if limits.until is None else limits.until - time.monotonic()
    if left is not None and left <= 0:
        return ()
    from gradcheck.properties import run_properties  # Hypothesis, a tenth of a second to import, only where it is used

    return run_properties(driver, options=options, seed=options.seed, examples=EXAMPLES, deadline_seconds=left)


def _report(
    target: Target,
    options: Options,
    found: Probe,
    notes: Sequence[str],
    shapes: Sequence[Any],
    start: float,
    program: Program,
    findings: Sequence[Finding] = (),
    properties: Sequence[PropertyResult] = (),
) -> Report:
    rows = tuple(comparison(j, findings, found.sizes) for j in found.judged)
    first = found.judged[0].gradient.value.site
    return Report(
        target.name,
        _verdict([r.verdict for r in rows], findings, shapes, properties),
        rows,
        tuple(sorted(findings, key=lambda f: f.severity != "error")),
        tuple(shapes),
        tuple(properties),
        loss_shown(found),
        f"{shown(first.file)}, {first.function}" if first.function else shown(first.file),
        target.inputs.format(**found.sizes),
        found.flow.values,
        tuple(notes),
        program.evaluations,
        time.monotonic() - start,
        options.seed,
        environment(),
        feeds=found.flow.feeds,
    )


def loss_shown(found: Probe) -> Loss:
    """The loss as the report shows it."""
    chosen = found.chosen
    return Loss(chosen.scalar.expression, chosen.inferred, found.program.base_value, chosen.evidence)


def _verdict(
    verdicts: Sequence[Verdict],
    findings: Sequence[Finding],
    shapes: Sequence[Any],
    properties: Sequence[PropertyResult],
) -> Verdict:
    wrong = {Verdict.FAIL, Verdict.INHERITED} & {*verdicts, *(s.verdict for s in shapes)}
    failed = any(p.verdict is Verdict.FAIL and p.severity == "error" for p in properties)
    if wrong or failed or any(f.severity == "error" for f in findings):
        return Verdict.FAIL
    blind = Verdict.INCONCLUSIVE in verdicts or not any(v is Verdict.PASS for v in verdicts)
    return Verdict.INCONCLUSIVE if blind else Verdict.PASS


def environment() -> dict[str, str]:
    """Versions that a result may depend on."""
    return {
        "gradcheck": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }
