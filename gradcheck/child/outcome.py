"""From what a child sent and how it ended to the exit code and what the user is told."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gradcheck.child.job import Ending, Job, Message, Outcome
from gradcheck.errors import NothingToCheck

if TYPE_CHECKING:
    from gradcheck.child.job import Result

NOTHING = NothingToCheck.exit_code
INTERNAL = 101
"""Exit code of a fault of gradcheck's own."""


def outcome(job: Job, messages: Sequence[Message], ending: Ending) -> Outcome:
    """The answer if it came, else what was known before the child was ended, else why nothing is."""
    if not messages:
        return Outcome(job, 2, error=_ended(job, ending))
    last = next((m for m in reversed(messages) if m.kind != "seen"), None)
    if last is None:
        return Outcome(job, NOTHING, error=_unmeasured(job, ending))
    if last.kind == "several":
        return Outcome(job, 0, several=last.targets)
    if last.kind == "error":
        return Outcome(job, last.exit_code, error=last.text)
    if last.kind == "internal":
        return Outcome(job, INTERNAL, error=last.text)
    assert last.report is not None
    if last.kind == "partial":
        return _of_report(job, _unfinished(last.report, ending))
    return _of_report(job, last.report)


def too_late(job: Job, others: Iterable[Outcome]) -> Outcome:
    """Of a job that was never begun, since those before it took the time of the whole run."""
    code = 1 if any(one.report is not None for one in others) else NOTHING
    return Outcome(
        job,
        code,
        error=f"{job.name} was not begun: the time limit of the whole run was reached before. Give it more time with"
        " --timeout, or check it by itself.",
    )


def _of_report(job: Job, report: Result) -> Outcome:
    from gradcheck.compare import Verdict
    from gradcheck.render.wording import settle
    from gradcheck.report import Report

    if not isinstance(report, Report):
        return Outcome(job, report.exit_code, report)
    report = settle(report)
    beside = () if job.options.says_what else report.beside
    seen = bool(report.comparisons) and all(c.verdict in (Verdict.PASS, Verdict.SKIPPED) for c in report.comparisons)
    if beside and seen and report.verdict is Verdict.INCONCLUSIVE:
        report = replace(report, verdict=Verdict.PASS)  # what it does not speak of is checked by itself
    code = report.exit_code
    if report.comparisons and all(c.verdict is Verdict.INCONCLUSIVE and c.reason == TIME for c in report.comparisons):
        code = NOTHING
    elif report.verdict is Verdict.INCONCLUSIVE and job.options.allow_inconclusive:
        code = 0
    return Outcome(job, code, report, several=beside)


TIME = "time limit reached"
"""Why a gradient was not measured at all."""


def _unfinished(report: Result, ending: Ending) -> Result:
    from gradcheck.compare import Verdict
    from gradcheck.report import Report

    if not isinstance(report, Report):
        return report
    verdict = Verdict.INCONCLUSIVE if report.verdict is Verdict.PASS else report.verdict
    return replace(report, verdict=verdict, notes=(*report.notes, _cut_short(ending)))


def _cut_short(ending: Ending) -> str:
    at = f" at {ending.place}" if ending.place else ""
    if ending.timed_out:
        return f"ended after {round(ending.seconds, 1):g} s{at}; what is missing is inconclusive"
    return f"the code ended the process{at} ({_how(ending.status)}); what is missing is inconclusive"


def _ended(job: Job, ending: Ending) -> str:
    at = f" It was at {ending.place}." if ending.place else ""
    if ending.timed_out:
        return (
            f"{job.name} ran for {_limit(job)} s without reaching a backward step.{at} It may loop for ever or wait for"
            " something. Give it more time with --timeout, or say with --call how to make a single step."
        )
    if ending.status < 0:
        memory = " The system may have run out of memory." if -ending.status == getattr(signal, "SIGKILL", 0) else ""
        return f"{job.name} crashed before it came to a backward step: {_how(ending.status)}.{at}{memory}"
    return (
        f"{job.name} ended the process before it came to a backward step: {_how(ending.status)}, as os._exit does.{at}"
    )


def _limit(job: Job) -> str:
    """In seconds."""
    return f"{round(job.options.timeout or 0, 1):g}"


def _unmeasured(job: Job, ending: Ending) -> str:
    at = f" It was at {ending.place}." if ending.place else ""
    if ending.timed_out:
        return (
            f"{job.name}: a backward step was seen, but none of its gradients could be measured in"
            f" {_limit(job)} s.{at} Give it more time with --timeout, or fewer numbers, e.g. with --call."
        )
    return f"{job.name} crashed after the first backward step, when it was run again: {_how(ending.status)}.{at}"


def _how(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
