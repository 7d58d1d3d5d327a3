"""What goes wrong with the numbers, though the formulas may be right."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from gradcheck.capture.program import Program
from gradcheck.compare import Verdict
from gradcheck.rules.evidence import Array, Run, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_run
from gradcheck.rules.softmax import Underflow, softmax_underflow
from gradcheck.source import line_of, shown

_MAXIMA = ("max", "amax", "nanmax")


@of_run(rank=100)
def softmax_axis(run: Run) -> Iterator[Finding]:
    """GC401, a warning: a softmax takes the maximum of the whole matrix off, so that a row far below it underflows."""
    program = run.program
    found = softmax_underflow(program)
    if found is None or not found.whole_matrix:
        return
    low, high = (f"[{', '.join(f'{z:g}' for z in row)}]" for row in found.rows)
    where = " and ".join(("the first", "the second")[i] for i in found.non_finite)
    file, line, span = _maximum(program, found)
    text = line_of(file, line)
    yield Finding(
        "GC401",
        "softmax-axis",
        "warning",
        f"the softmax {found.softmax} subtracts the maximum of the whole matrix: rows {low} and {high} give 0/0 in"
        f" {where}",
        f"The maximum of each row would keep every row finite. As it is, rows {low} and {high} of {found.logits} in one"
        f" batch give 0/0 in {where}, though each row alone is finite.",
        "can underflow",
        found.softmax,
        shown(file) if file else found.file,
        line or found.line,
        text or None,
        span if span is not None else ((0, len(text)) if text else None),
        {"rows": [list(row) for row in found.rows], "non_finite": list(found.non_finite)},
    )


@of_run(rank=110)
def softmax_overflow(run: Run) -> Iterator[Finding]:
    """GC502, a warning: a softmax takes no maximum off, so that one large logit is infinite."""
    found = softmax_underflow(run.program)
    if found is None or found.whole_matrix or found.alone_finite[1]:
        return
    value = next(v for v in run.program.trace.values if v.name == found.softmax and v.site.line == found.line)
    row = f"[{', '.join(f'{z:g}' for z in found.rows[1])}]"
    yield Finding(
        "GC502",
        "non-finite",
        "warning",
        f"the softmax {found.softmax} overflows: the row {row} is not finite",
        f"exp overflows beyond 709, and {found.softmax} is infinity over infinity from there on: the row {row} of"
        f" {found.logits} gives NaN. Take the maximum of each row off {found.logits} first; the softmax is the same.",
        "can overflow",
        found.softmax,
        **place(value.site),
        evidence={"row": list(found.rows[1])},
    )


@of_run(rank=120)
def log_of_zero(run: Run) -> Iterator[Finding]:
    """GC503, a warning: where a probability comes to 0 or 1, the code's own loss is NaN."""
    program = run.program
    loss = next((v for v in run.chosen.scalar.variables.values() if v.array.size == 1), None)
    if run.chosen.inferred or loss is None or loss.site is None or not np.isfinite(program.base_value):
        return
    forward = [v for v in program.trace.values[: max(loss.order, 0)] if v.plain and _are_probabilities(v.array)]
    for value in reversed(forward[-6:]):
        if np.isnan(np.real(program.loss({value.key: _certain(value.array)}).value)):
            yield Finding(
                "GC503",
                "non-finite",
                "warning",
                f"{loss.name} is NaN as soon as {value.name} is 0 or 1 somewhere",
                f"With the probabilities {value.name} at 0 and 1, as rounding makes them once the logits are large,"
                " the loss comes to 0 times the logarithm of 0, which is NaN, where it should count 0. Keep the"
                " probabilities away from 0 in the logarithm, or compute it from the logits.",
                "log of zero",
                loss.name,
                **place(loss.site),
                evidence={"probabilities": value.name},
            )
            return


@of_run(rank=130)
def on_a_kink(run: Run) -> Iterator[Finding]:
    """GC721, a warning: a gradient can't be told, since the forward sits on a kink."""
    found = [j for j in run.judged if j.verdict is Verdict.INCONCLUSIVE and "kink" in j.reason]
    if not found:
        return
    first = found[-1]
    names = ", ".join(j.gradient.name for j in found)
    yield Finding(
        "GC721",
        "kink",
        "warning",
        f"{first.gradient.of.name} sits on a kink",
        f"The loss has two slopes where {first.gradient.of.name} stands, one on each side, and no derivative to hold"
        f" {names} against: {first.reason}. Zeros are the usual reason: zero inputs or biases that a ReLU is right on"
        " the edge of. Numbers a little off them tell.",
        "on a kink",
        first.gradient.name,
        **place(first.gradient.value.site),
        evidence={"gradients": [j.gradient.name for j in found]},
    )


def _are_probabilities(array: Array) -> bool:
    inside = array.ndim > 0 and array.size > 1 and array.dtype.kind == "f"
    return bool(inside and (array > 0).all() and (array < 1).all())


def _certain(p: Array) -> Array:
    """What a network that is sure of its answers comes to: 1 for the largest of each row that sums to one, else 0."""
    if p.ndim == 2 and np.allclose(p.sum(axis=1), 1):
        return np.asarray((p == p.max(axis=1, keepdims=True)).astype(float))
    return np.rint(p)


def _maximum(program: Program, found: Underflow) -> tuple[str, int, tuple[int, int] | None]:
    """The call that takes the maximum: the last without an axis before the probabilities are there."""
    made = next(v.site for v in program.trace.values if v.name == found.softmax and shown(v.site.file) == found.file)
    kinks = [program.sites[number] for number, _ in program.trace.signature]
    whole = [s for s in kinks if s.kind == "kink" and _is_whole(s.name)]
    if not whole:
        return made.file, found.line, None
    site = whole[-1]
    text = line_of(site.file, site.span[0])
    at = text.find(site.name)
    return site.file, site.span[0], (at, at + len(site.name)) if at >= 0 else None


def _is_whole(call: str) -> bool:
    """Whether the call is a maximum over everything: np.max(Z), Z.max()."""
    try:
        node = ast.parse(call, mode="eval").body
    except SyntaxError:
        return False
    if not isinstance(node, ast.Call) or any(k.arg == "axis" for k in node.keywords):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    module = isinstance(owner, ast.Name) and owner.id in ("np", "numpy")
    return name in _MAXIMA and len(node.args) == (1 if module or owner is None else 0)
