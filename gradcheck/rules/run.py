"""Findings about the run as a whole rather than one gradient."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from gradcheck.blame import Judged
from gradcheck.capture.program import Program
from gradcheck.errors import Refused
from gradcheck.rules.finding import Finding
from gradcheck.source import frames_of, shown


def raised(program: Program, findings: Sequence[Finding], judged: Sequence[Judged]) -> list[Finding]:
    """GC601: the update raised, and no wrong gradient explains it."""
    error = program.trace.raised
    frames = frames_of(error) if error is not None else []
    if error is None or isinstance(error, (SystemExit, Refused)) or not frames:
        return []
    at = frames[-1]
    line = at.line or ""
    gradients = {j.gradient.name for j in judged}
    used = _names(line) & (gradients | {j.gradient.of.name for j in judged})
    wrong = {f.tensor for f in findings if f.severity == "error"}
    if not used or used & wrong:
        return []
    return [
        Finding(
            "GC601",
            "update",
            "error",
            f"the update at line {at.lineno} raises {type(error).__name__}",
            f"{type(error).__name__}: {str(error).strip()}. The gradients were computed before that, and are judged.",
            "raises",
            None,
            shown(at.filename),
            at.lineno,
            line,
            (0, len(line)) if line else None,
            {"error": f"{type(error).__name__}: {error}"},
        )
    ]


def _names(line: str) -> set[str]:
    try:
        return {n.id for n in ast.walk(ast.parse(line.strip())) if isinstance(n, ast.Name)}
    except SyntaxError:
        return set()
