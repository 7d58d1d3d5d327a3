"""Two reports of a script that trains with an autograd engine in one: of its step, and of the engine's operations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gradcheck.adapters.engines import METHODS
from gradcheck.compare import Comparison, Verdict
from gradcheck.report import Report
from gradcheck.target import Engine

WRONG = frozenset({Verdict.FAIL, Verdict.INHERITED})


def at_its_call(report: Report, engine: Engine) -> Report:
    """The step's report with the line that calls its backward in place of the driver's."""
    place = {"file": engine.file, "line": engine.line}
    return replace(
        report,
        comparisons=tuple(replace(c, **place) for c in report.comparisons),  # type: ignore[arg-type]
        findings=tuple(replace(f, **place, source=None, span=None) for f in report.findings),  # type: ignore[arg-type]
        where=engine.file,
        forward=(),
    )


def by_operation(step: Report, operations: Report) -> Report:
    """The wrong operations, and the gradients of the step that inherit from them.

    Where no operation is wrong, what the step does beside them is: its own report says so.
    """
    if step.verdict is Verdict.PASS:
        operations = _with_a_backward(operations)
    wrong = tuple(c for c in operations.comparisons if c.verdict in WRONG)
    if not wrong and step.verdict is Verdict.PASS:
        return replace(step, notes=(*step.notes, *_beside(operations)))
    if not wrong:
        kept = [n for n in operations.notes if n.startswith(("not run", "ended", "time"))]
        told = f"each operation of the engine is right by itself: {_names(operations.comparisons)}"
        return replace(step, notes=(*step.notes, told, *kept)) if _is_settled(operations) else step
    causes = (f.tensor for f in operations.findings if f.severity == "error" and f.tensor)
    guilty = next(causes, next((c.name for c in wrong if c.verdict is Verdict.FAIL), wrong[0].name))
    reason = f"inherited from {guilty}"
    inherited = tuple(
        replace(c, verdict=Verdict.INHERITED, reason=reason) if c.verdict in WRONG else c for c in step.comparisons
    )
    return replace(
        operations,
        comparisons=(*wrong, *inherited),
        findings=(*operations.findings, *(f for f in step.findings if f.severity != "error")),
        shapes=step.shapes,
        loss=step.loss,
        where=step.where,
        notes=(*step.notes, *operations.notes),
        evaluations=step.evaluations + operations.evaluations,
        seconds=step.seconds + operations.seconds,
    )


def _with_a_backward(operations: Report) -> Report:
    """What the step does not need may not go back at all, as a maximum that is only printed: that is no error."""
    plain = (c for c in operations.comparisons if c.scale and not re.search(r"_(twice|below)_[ab]$", c.name))
    back = {_method(c.name.removeprefix("d")) for c in plain}
    return replace(
        operations,
        comparisons=tuple(c for c in operations.comparisons if _method(c.name.removeprefix("d")) in back),
        findings=tuple(f for f in operations.findings if _method((f.tensor or "").removeprefix("d")) in back),
    )


def _beside(operations: Report) -> list[str]:
    """What is to be said of operations that the step does not go through."""
    right = [c for c in operations.comparisons if c.verdict is Verdict.PASS]
    others = [c for c in operations.comparisons if c.verdict is not Verdict.PASS]
    told = [f"each right by itself, though the step does not go through them: {_methods(right)}"] if right else []
    return [*told, *([f"not seen, and the step does not go through them: {_methods(others)}"] if others else [])]


def wrong_in(operations: Report) -> frozenset[str]:
    """The methods whose operations are wrong; nothing where none is."""
    names = {c.name.removeprefix("d") for c in operations.comparisons if c.verdict in WRONG}
    methods = {name: method for method, name in METHODS.items()}
    found = {name.partition("_")[0] if name.partition("_")[0] in methods else _method(name) for name in names}
    broadcast = {f"{methods[n.partition('_')[0]]} broadcast" for n in names if "_broadcast_" in n}
    return frozenset({methods.get(name, name) for name in found} | broadcast)


def _method(name: str) -> str:
    """log_softmax of log_softmax_twice_a."""
    return re.sub(r"(_twice|_below)?_[ab]$", "", name)


def _methods(comparisons: Sequence[Comparison]) -> str:
    return ", ".join(dict.fromkeys(_method(c.name.removeprefix("d")) for c in comparisons))


def _is_settled(report: Report) -> bool:
    return all(c.verdict is Verdict.PASS for c in report.comparisons)


def _names(comparisons: Sequence[Comparison]) -> str:
    return ", ".join(dict.fromkeys(c.name.removeprefix("d").rpartition("_")[0] for c in comparisons))
