"""Arrays of a type that can't hold what is put into them."""

from __future__ import annotations

from collections.abc import Iterator

from gradcheck.capture.record import Value
from gradcheck.rules.evidence import Run, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_run


@of_run(rank=20)
def truncated(run: Run) -> Iterator[Finding]:
    """GC611: a parameter is an array of whole numbers, and its gradient, which isn't, is put into it in place."""
    program = run.program
    after = program.trace.values[program.first_gradient :]
    told: set[int] = set()
    for gradient in (v for v in after if v.plain and v.array.dtype.kind == "f"):
        for of in (program.variables[b] for b in program.base_of(gradient.name) if b in program.variables):
            if of.array.dtype.kind not in "iu" or of.array.shape != gradient.array.shape or of.identity in told:
                continue
            edit = next((v for v in after if v.identity == of.identity and v.site.kind in ("modify", "augment")), None)
            if edit is not None:
                told.add(of.identity)
                yield _finding(of.name, gradient, edit)


def _finding(name: str, gradient: Value, edit: Value) -> Finding:
    kind = edit.array.dtype.name
    return Finding(
        "GC611",
        "dtype",
        "error",
        f"{name} holds whole numbers: its update is cut off",
        f"{name} is an array of {kind}, and stays one when line {edit.site.line} writes into it: what {gradient.name}"
        " would change is cut to whole numbers, so that steps below 1 are lost. Make it an array of floats, e.g."
        " np.array([1.0, 2.0]).",
        "cut to whole numbers",
        name,
        **place(edit.site),
        evidence={"dtype": kind, "gradient": gradient.name},
    )
