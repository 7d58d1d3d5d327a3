"""Updates that set a parameter to its step, `W = -rate * dW`, where they should move it by that."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.capture.pairing import is_update
from gradcheck.capture.program import Variable
from gradcheck.capture.record import Value
from gradcheck.compare import measure
from gradcheck.gradients import holder_of
from gradcheck.rules.evidence import Array, Run
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_run
from gradcheck.rules.update import finding_of, first_steps, is_multiple

ENTRIES = 2048
"""Of a parameter whose gradient has no name, to be measured."""


@of_run(rank=53)
def replaced(run: Run) -> Iterator[Finding]:
    """GC608: all that is left of a parameter after the step is a multiple of its gradient."""
    for step in first_steps(run):
        own = step.judged.gradient
        if own.rate is None:
            yield from _told(_set_to(run, own.of, own.array), own.of, own.name)
    judged = {j.gradient.of.ref for j in run.judged}
    for of in {v.ref: v for v in run.program.variables.values() if v.order < 0}.values():
        if of.ref not in judged and _is_small(of.array) and _sets(run, of):
            with run.program.along(of) as loss:
                truth = measure(loss, of.array, rng=np.random.default_rng(0), full=True)
            if truth.array is not None and not truth.vanishes:
                yield from _told(_set_to(run, of, truth.array), of, f"the numeric derivative of the loss by {of.name}")


def _is_small(a: Array) -> bool:
    return a.dtype.kind == "f" and 1 < a.size <= ENTRIES


def _sets(run: Run, of: Variable) -> list[Value]:
    """The values to which the backward sets a parameter, as far as names tell."""
    values = run.program.trace.values[run.program.first_gradient :]
    own = (v for v in values if v.plain and v.site.kind == "assign" and is_update(v, of))
    return [v for v in own if holder_of(v.path) in ("", holder_of(str(of.ref))) and v.array.shape == of.array.shape]


def _set_to(run: Run, of: Variable, gradient: Array) -> Value | None:
    """The last of them, if each is a multiple of the gradient, and what it moved the parameter by is none."""
    sets = _sets(run, of)
    steps = all(is_multiple(v.array, gradient) and not is_multiple(v.array - of.array, gradient) for v in sets)
    return sets[-1] if sets and steps else None


def _told(value: Value | None, of: Variable, gradient: str) -> Iterator[Finding]:
    if value is None:
        return
    yield finding_of(
        "GC608",
        "update",
        value,
        f"{of.name} is set to its step",
        f"After the update {of.name} is a multiple of {gradient}, and nothing is left of what it was before. It should"
        " be moved by that.",
        "replaced by its step",
        of.name,
        {"gradient": gradient},
    )
