"""Gradients computed from a parameter that has been updated already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradcheck.capture.pairing import is_update
from gradcheck.capture.program import Variable
from gradcheck.capture.record import Value
from gradcheck.rules.evidence import Evidence, place
from gradcheck.rules.finding import Finding


def stale_weights(evidence: Evidence) -> Finding | None:
    """GC361: with a parameter as it was before its update, the line computes the right gradient."""
    updates = list(_updates_before(evidence))
    if not updates or not evidence.right_with({v.key: of.array for v, of in updates}):
        return None
    alone = [(v, of) for v, of in updates if len(updates) == 1 or evidence.right_with({v.key: of.array})]
    update, of = (alone or updates)[-1]
    name, line = evidence.name, update.site.line
    others = "" if alone else f" So do {', '.join(o.name for _, o in updates[:-1])}, which it uses too."
    return Finding(
        "GC361",
        "stale-weights",
        "error",
        f"{name} is computed from {of.name} after its update",
        f"Line {line} updates {of.name}, and then {name} is computed from the new one. From {of.name} as the forward"
        f" used it, {name} agrees with the numeric derivative.{others} Compute every gradient before the first update.",
        f"uses {of.name} after its update",
        name,
        **place(evidence.site, of.last),
        evidence={"parameter": of.name, "update_line": line},
    )


def _updates_before(evidence: Evidence) -> Iterator[tuple[Value, Variable]]:
    parameters = [j.gradient.of for j in evidence.others if j.gradient.kind == "parameter"]
    key = evidence.judged.gradient.key
    values = evidence.program.trace.values
    before = next((i for i, v in enumerate(values) if v.key == key), len(values))
    return updates(values[:before], parameters)


def updates(values: Sequence[Value], parameters: Sequence[Variable]) -> Iterator[tuple[Value, Variable]]:
    """The values that are another one of a parameter than the forward used, each with what it was."""
    for i, value in enumerate(values):
        for of in parameters:
            same = i > of.order and value.array.shape == of.array.shape
            if same and is_update(value, of) and not np.array_equal(value.array, of.array):
                yield value, of
