"""What goes wrong with the numbers, though the formulas may be right."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradcheck.capture.program import Program
from gradcheck.rules.evidence import Run
from gradcheck.rules.finding import Finding
from gradcheck.rules.softmax import Underflow, softmax_underflow
from gradcheck.source import line_of, shown

_MAXIMA = ("max", "amax", "nanmax")


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
