"""What a child process is asked for, what it sends back, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gradcheck.options import Options

if TYPE_CHECKING:
    from gradcheck.mutate.result import MutationReport
    from gradcheck.report import DiffReport, Report

    Result = Report | DiffReport | MutationReport


@dataclass(frozen=True, slots=True)
class Job:
    """One command on one TARGET, or two for a diff."""

    command: Literal["run", "shapes", "diff", "mutate"]
    """As on the command line."""
    targets: tuple[str, ...]
    """TARGET texts."""
    options: Options
    """Its `timeout` is that of the whole job, imports included."""
    folders: tuple[str, ...] = ()
    """Put first in `sys.path`: the current folder."""
    quiet: bool = False
    """Whether what the user's code prints goes nowhere."""

    @property
    def name(self) -> str:
        """How messages call it."""
        return " and ".join(self.targets)


@dataclass(frozen=True, slots=True)
class Message:
    """Sent by the child; the last of its kind counts."""

    kind: Literal["seen", "partial", "report", "several", "error", "internal"]
    """A backward step was seen; what is known so far; the answer; there are several answers to be had; what can't be
    done, and why; a fault of gradcheck."""
    report: Result | None = None
    """With partial and report."""
    text: str = ""
    """With error: the paragraph; with internal: the traceback."""
    exit_code: int = 0
    """With error."""
    targets: tuple[str, ...] = ()
    """With several: what to check instead, each by itself."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended."""

    seconds: float
    """How long it ran."""
    timed_out: bool = False
    """Killed because time was up."""
    status: int = 0
    """Its exit code, or minus the signal that ended it."""
    place: str = ""
    """Where the user's code was when it was killed or crashed: "net.py:12, in train"."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: a report, or why there is none."""

    job: Job
    """What was asked for."""
    exit_code: int
    """0, 1, 2, 5 or 101."""
    report: Result | None = None
    """None where there is an error."""
    error: str = ""
    """For standard error."""
    several: tuple[str, ...] = ()
    """TARGETs to be checked in this one's place, those of a file of functions; or beside it, where it has a report."""
    part: bool = False
    """Whether it is one of these, and was not checked though others of them were."""
