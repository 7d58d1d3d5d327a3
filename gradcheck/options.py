"""What a user can ask for, in one immutable value that is passed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradcheck.errors import UsageError

METHODS = ("auto", "central", "richardson", "complex")


@dataclass(frozen=True, slots=True)
class Options:
    """Every option of a check, named as on the command line and in pyproject.toml."""

    loss: str = "auto"
    """Scalar loss: an expression over the code's own names, or auto."""
    params: tuple[str, ...] = ()
    """What to check; empty for everything that has a gradient."""
    grads: Mapping[str, str] = field(default_factory=dict)
    """Gradient names that no convention covers: {"update_W": "W"}."""
    call: str | None = None
    """How to drive the target."""
    shapes: str | None = None
    """Shape conventions."""
    batch: int | None = None
    """Number of samples, for a target that can be rebuilt at other sizes."""
    seed: int = 0
    """Of inputs and random directions."""
    method: str = "auto"
    """How numeric derivatives are had."""
    full: bool = False
    """Every tensor entry by entry, however large."""
    budget: int | None = None
    """Most forward evaluations; None for no limit."""
    properties: bool = True
    """Whether the Hypothesis properties are run."""
    fixes: bool = True
    """Whether a line at fault is searched for an edit that puts it right."""
    timeout: float | None = None
    """Seconds for the whole run; None for no limit."""
    allow_inconclusive: bool = False
    """Whether an inconclusive tensor may end in exit 0."""

    @property
    def says_what(self) -> bool:
        """Whether it names anything of the code."""
        return bool(self.loss != "auto" or self.params or self.grads or self.call)

    def __post_init__(self) -> None:
        if self.batch is not None and self.batch < 1:
            raise UsageError(f"--batch {self.batch}: expected a number of samples, 1 or more.")
        if self.budget is not None and self.budget < 1:
            raise UsageError(f"--budget {self.budget}: expected a number of forward evaluations, 1 or more.")
        if self.timeout is not None and not self.timeout > 0:
            raise UsageError(f"--timeout {self.timeout}: expected a number of seconds above 0.")
        if self.seed < 0:
            raise UsageError(f"--seed {self.seed}: expected a whole number, 0 or more.")
        if self.method not in METHODS:
            raise UsageError(f"--method {self.method}: expected one of {', '.join(METHODS)}.")
        unpaired = [f"{g}={p}" for g, p in self.grads.items() if self.params and p not in self.params]
        if unpaired:
            raise UsageError(
                f"--grad {unpaired[0]} and --params {','.join(self.params)} contradict each other: the gradient's"
                " value is not among the parameters to be checked."
            )
