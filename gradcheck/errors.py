"""What gradcheck raises. Each message is one paragraph: what was given, what was expected, where, what to do."""

from __future__ import annotations

from typing import Any


class GradcheckError(Exception):
    """Anything gradcheck refuses or cannot do; `exit_code` is what the command line ends with."""

    exit_code = 2


class UsageError(GradcheckError):
    """The user's request cannot be read: a wrong option, spec, target name, shape or loss (exit 2)."""


class Several(UsageError):
    """A file of functions and classes holds several things to check, each by a TARGET of its own."""

    def __init__(self, targets: tuple[str, ...]) -> None:
        super().__init__(f"there are several things to check: {', '.join(targets)}. Name one of them.")
        self.targets = targets


class TargetError(GradcheckError):
    """The user's own code could not be imported or driven as far as a backward step (exit 2)."""


class NothingToCheck(GradcheckError):
    """No gradient could be observed anywhere, so there is nothing to hold right or wrong (exit 5)."""

    exit_code = 5


class ComplexParameters(NothingToCheck):
    """What has a gradient is complex: no other way to drive the code makes it real."""


class Refused(PermissionError):
    """Raised into user code for what a target must not do while it is checked; no fault of its gradients."""


class RefusedProgram(Refused, FileNotFoundError):
    """The same of another program: code that looks whether there is one goes on without it."""


class WrongGradientError(AssertionError):
    """Raised by `Report.raise_if_wrong`; its text is the report."""

    report: Any = None
    """The Report itself, for whoever shows it at another width."""
