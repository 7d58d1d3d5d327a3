"""Randomness: a forward that is never the same twice, and what is drawn anew in the backward."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.capture.record import Value
from gradcheck.rules.evidence import Evidence, Run, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient, of_run


@of_run(rank=10)
def differs_again(run: Run) -> Iterator[Finding]:
    """GC711, a warning: the forward, run again from the same state, computes something else."""
    program = run.program
    first = next((v for v in program.trace.values if v.key in program.held), None)
    if first is None and program.steady:
        return
    first = first or _first_other(program.trace.values, program.backward().values)
    if first is None:
        return
    done = f"For this check {first.name} is held at what it was the first time."
    if not program.steady:
        done = "A derivative can't be measured like that."
    yield Finding(
        "GC711",
        "nondeterministic",
        "warning",
        f"{first.name} is another each time the forward is run",
        f"Run again from the same state, the forward comes to another {first.name}: it is drawn from a generator that"
        f" no seed sets and that nothing outside of the step holds. {done} Draw from a generator that is made once,"
        " with a seed, so that a run can be repeated.",
        "not the same twice",
        first.name,
        **place(first.site),
        evidence={"first": first.name, "held": program.steady},
    )


@of_gradient(rank=220, searches=True)
def drawn_anew(evidence: Evidence) -> Finding | None:
    """GC712: with a value as the forward drew it, in place of one of its name that is drawn anew, the line is right."""
    program = evidence.program
    values = program.trace.values
    forward = {v.name: v for v in values[: program.first_gradient] if v.plain and v.array.ndim}
    for value in values[program.first_gradient :]:
        if value.key == evidence.judged.gradient.key:
            return None
        drawn = forward.get(value.name)
        if drawn is None or not value.plain or not _is_redrawn(drawn, value):
            continue
        if evidence.right_with({value.key: drawn.array}):
            return _drawn_anew(evidence, drawn, value)
    return None


def _is_redrawn(drawn: Value, value: Value) -> bool:
    same = drawn.array.shape == value.array.shape and drawn.array.dtype == value.array.dtype
    return same and value.identity != drawn.identity and not np.array_equal(drawn.array, value.array)


def _drawn_anew(evidence: Evidence, drawn: Value, value: Value) -> Finding:
    name = evidence.name
    return Finding(
        "GC712",
        "nondeterministic",
        "error",
        f"{name} uses another {value.name} than the forward",
        f"Line {drawn.site.line} computes {drawn.name} for the forward, and line {value.site.line} computes it anew,"
        f" with other numbers. With {drawn.name} as the forward used it, {name} agrees with the numeric derivative:"
        " keep it and use it again.",
        f"uses another {value.name} than the forward",
        name,
        **place(evidence.site, value.name),
        evidence={"value": value.name, "forward_line": drawn.site.line, "backward_line": value.site.line},
    )


def _first_other(one: tuple[Value, ...], other: tuple[Value, ...]) -> Value | None:
    """The first value that is not the same in two runs."""
    pairs = zip(one, other)
    return next((a for a, b in pairs if a.key != b.key or not np.array_equal(a.array, b.array)), None)
