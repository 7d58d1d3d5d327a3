"""The one immutable result of a run: renderers read it, the library returns it, the exit code is its."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gradcheck.compare import Comparison, Verdict
from gradcheck.errors import WrongGradientError
from gradcheck.patch import Patch
from gradcheck.rules.finding import Finding


@dataclass(frozen=True, slots=True)
class Loss:
    """The scalar that every numeric derivative is taken of."""

    expression: str
    """As the reader would write it, e.g. "mean softmax cross-entropy of A2 and y"."""
    inferred: bool
    """False when the code computes it or the user gave it."""
    value: float | None
    """At the probe."""
    evidence: str = ""
    """Why this one: "dZ2 is its gradient times m = 13"."""


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """One intermediate's shape against its convention."""

    name: str
    """The value's name."""
    expected: str
    """The convention, e.g. "(m, 10)"; "" where none is known."""
    actual: tuple[int, ...]
    """Its shape at the probe."""
    verdict: Verdict
    """pass, fail, or skipped where no convention is known."""
    reason: str = ""
    """Which symbol was bound where, and at which batch size it went wrong."""
    file: str = ""
    """Where it is assigned."""
    line: int | None = None
    """1-based."""


@dataclass(frozen=True, slots=True)
class PropertyResult:
    """One property that should hold of every network, tried on drawn ones."""

    name: str
    """e.g. "permuting samples changes nothing"."""
    verdict: Verdict
    """pass, fail, inconclusive, or skipped with the reason."""
    severity: str = "error"
    """"warning" for numerical ones (extreme logits, dtype)."""
    examples: int = 0
    """Networks tried."""
    reason: str = ""
    """Why it was skipped, or what went wrong in one sentence."""
    counterexample: str | None = None
    """The smallest network that shows it, written out to be worked by hand."""
    reproduce: str | None = None
    """A line that shows it again."""

    def __str__(self) -> str:
        told = f"{self.name}: {self.verdict}" + (f", {self.reason}" if self.reason else "")
        return told if self.counterexample is None else f"{told}\n{self.counterexample}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked, how sharply, and what came of it."""

    target: str
    """As the user named it."""
    verdict: Verdict
    """pass, fail or inconclusive."""
    comparisons: tuple[Comparison, ...]
    """One a gradient, in the order in which the code computes them."""
    findings: tuple[Finding, ...] = ()
    """Causes, errors before warnings."""
    shapes: tuple[ShapeRow, ...] = ()
    """Every intermediate's shape."""
    properties: tuple[PropertyResult, ...] = ()
    """Hypothesis properties."""
    loss: Loss | None = None
    """None where only shapes were asked for."""
    where: str = ""
    """File and function: "reference_net/original.py, train"."""
    inputs: str = ""
    """What it was driven with: "13 digits of MNIST"."""
    forward: tuple[str, ...] = ()
    """Names of the forward's values in order, for the flow: ("x", "Z1", "A1", "Z2", "A2")."""
    notes: tuple[str, ...] = ()
    """What the reader should know and need not act on: what was assumed, cut, redrawn."""
    evaluations: int = 0
    """Forward evaluations in all, with those of the second probe of a cause and of the search for fixes."""
    seconds: float = 0.0
    """Wall clock."""
    seed: int = 0
    """Seed of inputs and directions."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Versions: python, numpy, gradcheck, platform."""
    feeds: Mapping[str, str] = field(default_factory=dict)
    """Parameter -> the forward's value that it enters first, for the flow; guessed where empty."""
    patches: tuple[Patch, ...] = ()
    """Every proven fix, in one patch a file."""
    beside: tuple[str, ...] = ()
    """TARGETs of other steps of the same script, which this says nothing of: of the other network of two."""

    @property
    def exit_code(self) -> int:
        """0 right, 1 something is wrong or could not be seen."""
        return 0 if self.verdict is Verdict.PASS else 1

    def raise_if_wrong(self, *, allow_inconclusive: bool = False) -> Report:
        """Raise `WrongGradientError` with the text report unless everything passed; return self otherwise."""
        __tracebackhide__ = True  # pytest shows the caller's line, not this one
        allowed = {Verdict.PASS, Verdict.INCONCLUSIVE} if allow_inconclusive else {Verdict.PASS}
        if self.verdict not in allowed:
            error = WrongGradientError(str(self))
            error.report = self
            raise error
        return self

    def __str__(self) -> str:
        from gradcheck.render.text import render_text  # above this layer: only for str(report)

        return render_text(self)


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One gradient of two backward passes over the same numbers."""

    name: str
    """The gradient's name, e.g. dW2."""
    of: str
    """What it is the gradient of, e.g. W2."""
    different: bool
    """True where the two disagree in value, shape or layout."""
    right: Literal["a", "b", "both", "neither"]
    """Which of them agrees with the numeric derivative."""
    a: Comparison | None
    """a's gradient against the numeric derivative; None where a does not compute it."""
    b: Comparison | None
    """b's."""
    max_difference: float | None = None
    """Largest |a - b|; None where the shapes do not allow it."""
    rel_difference: float | None = None
    """The same over the tensor's scale."""
    scale: float | None = None
    """The factor a / b, 1 where there is none."""
    cosine: float | None = None
    """Cosine between the two."""
    layout: str | None = None
    """None, or "transposed": the axis permutation by which the two differ."""
    layer: str = ""
    """The layer it belongs to: "2", "layers[1]"; guessed from the name where empty."""
    reason: str = ""
    """A few words: "sums over another axis"."""


@dataclass(frozen=True, slots=True)
class DiffReport:
    """Two backward passes over the same numbers, layer by layer."""

    a: str
    """The first target, as the user named it."""
    b: str
    """The second."""
    rows: tuple[DiffRow, ...]
    """One a gradient, in the order in which a computes them."""
    loss: Loss | None = None
    """The one that both are held against."""
    inputs: str = ""
    """What both were driven with."""
    notes: tuple[str, ...] = ()
    """What could not be paired, assumed or cut."""
    evaluations: int = 0
    """Forward evaluations in all."""
    seconds: float = 0.0
    """Wall clock."""
    seed: int = 0
    """Seed of inputs and directions."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Versions: python, numpy, gradcheck, platform."""

    @property
    def same(self) -> bool:
        """True where no gradient differs."""
        return not any(row.different for row in self.rows)

    @property
    def exit_code(self) -> int:
        """0 the same, 1 different."""
        return 0 if self.same else 1

    def __str__(self) -> str:
        from gradcheck.render.diff import render_diff  # above this layer: only for str(report)

        return render_diff(self)
