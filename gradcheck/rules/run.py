"""Findings about the run as a whole rather than one gradient."""

from __future__ import annotations

import ast
import re
import traceback
from collections.abc import Sequence

from gradcheck.blame.judged import Judged
from gradcheck.capture.program import Program
from gradcheck.capture.rates import statement_at
from gradcheck.errors import Refused
from gradcheck.rules.evidence import names_in
from gradcheck.rules.finding import Finding
from gradcheck.source import frames_of, shown, told

_SHAPES = frozenset({"transposed", "layout", "shape", "wrong-axis", "missing-reduction", "broadcast"})
"""A gradient of a wrong shape is enough for what is made of it to raise."""


def raised(
    program: Program, findings: Sequence[Finding], judged: Sequence[Judged], *, alone: bool = False
) -> list[Finding]:
    """GC601: the update raised, and no wrong gradient explains it; GC651: a line of the backward did.

    Of a forward and backward `alone` every line is one of theirs.
    """
    error = program.trace.raised
    frames = frames_of(error) if error is not None else []
    if error is None or isinstance(error, (SystemExit, Refused)) or not frames:
        return []
    missing = "The gradients that it had computed by then are judged; the others are missing."
    if alone:
        return [_finding("GC651", "shape", "the backward", missing, error, frames[-1])]
    used = _used(frames[-1], judged)
    errors = [f for f in findings if f.severity == "error"]
    computes = _computes_gradient(program, frames[-1])
    told_of = used & {_holder(f.tensor) for f in errors if f.tensor} or any(f.category in _SHAPES for f in errors)
    if not (used or computes) or told_of:
        return []
    if computes:
        return [_finding("GC651", "shape", "the backward", missing, error, frames[-1])]
    kept = "The gradients were computed before that, and are judged."
    return [_finding("GC601", "update", "the update", kept, error, frames[-1])]


def ended(program: Program, judged: Sequence[Judged], *, alone: bool = False) -> str:
    """A note on what the code raised in a line that has nothing to do with its gradients; "" where it did not."""
    error = program.trace.raised
    frames = frames_of(error) if error is not None else []
    if error is None or isinstance(error, (SystemExit, Refused)) or not frames or alone:
        return ""
    if _used(frames[-1], judged) or _computes_gradient(program, frames[-1]):
        return ""
    return f"the code ended with {told(error)}; the gradients that it had computed by then were checked"


def _used(at: traceback.FrameSummary, judged: Sequence[Judged]) -> set[str]:
    """The gradients, and what they belong to, that a line names."""
    names = (n for j in judged for n in (j.gradient.name, j.gradient.of.name, j.gradient.of.ref) if isinstance(n, str))
    return names_in(at.line or "") & {_holder(name) for name in names}


def _computes_gradient(program: Program, at: traceback.FrameSummary) -> bool:
    """Whether what the line assigns to is named as a gradient."""
    statement = statement_at(at.filename, at.lineno or 0)
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    leaves = (leaf for t in targets if t is not None for leaf in (t.elts if isinstance(t, ast.Tuple) else [t]))
    return any(program.base_of(ast.unparse(leaf)) for leaf in leaves)


def _holder(name: str) -> str:
    """grads of grads['W1'] and dW of dW[2]: what a line names that uses it."""
    return re.split(r"[.\[]", name)[0]


def _finding(
    code: str, category: str, what: str, kept: str, error: BaseException, at: traceback.FrameSummary
) -> Finding:
    line = at.line or ""
    return Finding(
        code,
        category,
        "error",
        f"{what} at line {at.lineno} raises {type(error).__name__}",
        f"{type(error).__name__}: {str(error).strip()}. {kept}",
        "raises",
        None,
        shown(at.filename),
        at.lineno,
        line,
        (0, len(line)) if line else None,
        {"error": f"{type(error).__name__}: {error}"},
    )
