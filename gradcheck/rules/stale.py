"""Gradients computed from a parameter that has been updated already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradcheck.blame.judged import Judged
from gradcheck.capture.pairing import is_update
from gradcheck.capture.program import Variable
from gradcheck.capture.record import Value
from gradcheck.rules.evidence import Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient


@of_gradient(rank=210, searches=True)
def stale_weights(evidence: Evidence) -> Finding | None:
    """GC361: with a parameter as it was before its update, the line computes the right gradient."""
    key = evidence.judged.gradient.key
    values = evidence.program.trace.values
    before = next((i for i, v in enumerate(values) if v.key == key), len(values))
    needed = list(updates(values[:before], evidence.others))
    if not needed or not _right_without(evidence, needed):
        return None
    for one in list(needed):
        rest = [other for other in needed if other is not one]
        if rest and _right_without(evidence, rest):
            needed = rest
    update, of = needed[-1]
    name, line = evidence.name, update.site.line
    others = ", ".join(dict.fromkeys(o.name for _, o in needed[:-1]))
    others = f" The same goes for {others}." if others else ""
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


def _right_without(evidence: Evidence, made: Sequence[tuple[Value, Variable]]) -> bool:
    return evidence.right_with({v.key: of.array for v, of in made})


def updates(values: Sequence[Value], judged: Sequence[Judged]) -> Iterator[tuple[Value, Variable]]:
    """The values that are another one of a parameter than the forward used, each with what it was."""
    parameters = [j.gradient.of for j in judged if j.gradient.kind == "parameter"]
    # what a gradient is had from goes by the gradient's name, and is an update all the same
    moved = {j.gradient.key: j.gradient.of for j in judged if j.gradient.rate is not None}
    for i, value in enumerate(values):
        if value.key in moved:
            yield value, moved[value.key]
            continue
        for of in parameters:
            same = i > of.order and value.array.shape == of.array.shape
            if same and is_update(value, of) and not np.array_equal(value.array, of.array):
                yield value, of
