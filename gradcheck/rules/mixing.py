"""Samples that influence one another by mistake: a sum that lacks its axis, a reshape that puts rows together anew."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import numpy as np

from gradcheck.capture.program import Variable
from gradcheck.capture.record import Value
from gradcheck.capture.rewrite import Site
from gradcheck.conventions import DATA
from gradcheck.rules.evidence import Array, Run, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_run
from gradcheck.source import line_of

PROBES = 2
"""Samples that are moved, one at a time."""
FEWEST = 3
"""Samples of a batch in which one can be told from the others."""
_TOTALS = frozenset({"sum", "norm", "prod"})
"""What is taken of each sample; a mean, a deviation or a maximum of the whole batch is a statistic, and meant."""
_MEANT = frozenset("mean average median std var max amax min amin dot matmul einsum tensordot cumsum".split())
"""What puts samples together on purpose: statistics, and products, by which rows attend to one another."""
_LAYOUTS = frozenset({"reshape", "resize", "ravel", "flatten", "swapaxes", "transpose"})


@of_run(rank=80)
def samples_mixed(run: Run) -> Iterator[Finding]:
    """GC702, a warning: a line of the forward has of each sample what others go into, without a statistic's name."""
    program = run.program
    before = program.forward_values
    passed = [v.site.number for v in before]
    suspects = {v.key: what for v in before if passed.count(v.site.number) == 1 and (what := _suspected(v.site))}
    inputs = [v for v in program.variables.values() if suspects and _is_batch(v, run.sizes.get("m"))]
    for x in inputs[:1]:
        found = [_first_mixed(run, x, before, sample) for sample in range(PROBES)]
        value = found[0]
        if value is not None and value.key in suspects and all(v is value for v in found):
            yield _finding(value, x, suspects[value.key])


def _is_batch(v: Variable, m: int | None) -> bool:
    is_data = v.last in DATA and v.array.ndim > 1 and v.array.dtype.kind == "f" and m in (None, len(v.array))
    return is_data and len(v.array) >= FEWEST and v.array.shape.count(len(v.array)) == 1


def _first_mixed(run: Run, x: Variable, before: Sequence[Value], sample: int) -> Value | None:
    """The first value with a row a sample of which others move when one sample of the input is moved.

    None if something without such rows moves before it: what is taken of the whole batch has a name of its own then.
    """
    other = np.array(x.array)
    other[sample] += np.random.default_rng(sample).normal(size=other.shape[1:])
    now: dict[object, Array] = {v.key: v.array for v in run.program.forward({x.ref: other}).values}
    for value in before:
        after = now.get(value.key)
        if value.key == x.ref or value.site.kind == "argument" or after is None or np.array_equal(after, value.array):
            continue
        rows = value.array.shape[:1] == x.array.shape[:1] and value.array.shape.count(len(x.array)) == 1
        if not rows or after.shape != value.array.shape:
            return None
        moved = (after != value.array).reshape(len(after), -1).any(axis=1)
        if moved.sum() > 1:
            return value
    return None


def _suspected(site: Site) -> str:
    """What in a line may put samples together by mistake: "sum" without an axis, "reshape"; "" for nothing."""
    first, column, last, end = site.span
    rows = [line_of(site.file, n) for n in range(first, last + 1)]
    rows[-1] = rows[-1].encode()[:end].decode(errors="ignore")
    rows[0] = rows[0].encode()[column:].decode(errors="ignore")
    try:
        tree = ast.parse("(" + "\n".join(rows) + "\n)", mode="eval")
    except SyntaxError:
        return ""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    if any(isinstance(n, ast.MatMult) for n in ast.walk(tree)) or _MEANT & {getattr(c.func, "attr", "") for c in calls}:
        return ""
    return next((what for call in calls if (what := _may_mix(call))), "")


def _may_mix(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    name = call.func.attr
    by_method = not (isinstance(call.func.value, ast.Name) and call.func.value.id in ("np", "numpy"))
    whole = len(call.args) == (0 if by_method and name != "norm" else 1) and not any(
        k.arg == "axis" for k in call.keywords
    )
    return name if name in _LAYOUTS or (name in _TOTALS and whole) else ""


def _finding(value: Value, x: Variable, what: str) -> Finding:
    name = value.name
    if what in _LAYOUTS:
        why = f"The {what} fills rows with entries of several samples: samples stay apart where the first axis stays."
    else:
        why = f"Its {what} runs over the whole batch: with an axis and keepdims=True it is taken of each sample."
    return Finding(
        "GC702",
        "forward",
        "warning",
        f"{name} mixes samples: each has something of the others",
        f"With one sample of {x.name} moved, other rows of {name} move as well, though everything before it keeps"
        f" samples apart. {why} The gradient is right for this network all the same.",
        "mixes samples",
        name,
        **place(value.site),
        evidence={"input": x.name, "by": what},
    )
