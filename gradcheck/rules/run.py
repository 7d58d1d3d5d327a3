"""Findings about the run as a whole rather than one gradient."""

from __future__ import annotations

import ast
import re
import traceback
from collections.abc import Sequence

from gradcheck.blame import Judged
from gradcheck.capture.program import Program
from gradcheck.errors import Refused
from gradcheck.rules.finding import Finding
from gradcheck.source import frames_of, shown

_SHAPES = frozenset({"transposed", "layout", "shape", "wrong-axis", "missing-reduction", "broadcast"})
"""A gradient of a wrong shape is enough for what is made of it to raise."""


def raised(
    program: Program, findings: Sequence[Finding], judged: Sequence[Judged], *, alone: bool = False
) -> list[Finding]:
    """GC601: the update raised, and no wrong gradient explains it; GC651: a forward and backward `alone` did."""
    error = program.trace.raised
    frames = frames_of(error) if error is not None else []
    if error is None or isinstance(error, (SystemExit, Refused)) or not frames:
        return []
    if alone:
        told = "The gradients that it had computed by then are judged; the others are missing."
        return [_finding("GC651", "shape", "the backward", told, error, frames[-1])]
    # grads of grads['W1'], and p of p['W1']
    known = {re.split(r"[.\[]", n)[0] for j in judged for n in (j.gradient.name, j.gradient.of.name, j.gradient.of.ref)
             if isinstance(n, str)}  # fmt: skip
    used = _names(frames[-1].line or "") & known
    errors = [f for f in findings if f.severity == "error"]
    if not used or used & {f.tensor for f in errors} or any(f.category in _SHAPES for f in errors):
        return []
    told = "The gradients were computed before that, and are judged."
    return [_finding("GC601", "update", "the update", told, error, frames[-1])]


def _finding(
    code: str, category: str, what: str, told: str, error: BaseException, at: traceback.FrameSummary
) -> Finding:
    line = at.line or ""
    return Finding(
        code,
        category,
        "error",
        f"{what} at line {at.lineno} raises {type(error).__name__}",
        f"{type(error).__name__}: {str(error).strip()}. {told}",
        "raises",
        None,
        shown(at.filename),
        at.lineno,
        line,
        (0, len(line)) if line else None,
        {"error": f"{type(error).__name__}: {error}"},
    )


def _names(line: str) -> set[str]:
    try:
        return {n.id for n in ast.walk(ast.parse(line.strip())) if isinstance(n, ast.Name)}
    except SyntaxError:
        return set()
