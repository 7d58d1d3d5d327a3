"""Two backward passes on the same parameters and the same batch, gradient by gradient."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradcheck import conventions
from gradcheck.blame.judged import Judged, in_layout
from gradcheck.capture.program import FirstRun, Program
from gradcheck.compare import Comparison, Verdict
from gradcheck.driver import Driver
from gradcheck.errors import UsageError
from gradcheck.options import Options
from gradcheck.pipeline import batch_sizes, environment, loss_shown
from gradcheck.probing import Limits, Probe, probe
from gradcheck.report import DiffReport, DiffRow
from gradcheck.rows import comparison
from gradcheck.shapes import format_shape, parse_spec
from gradcheck.target import Target

Array = NDArray[Any]

ALIKE = 1e-9
"""Two gradients whose largest difference, relative to the larger one's scale, is below this are the same: what two
orders of summation in double precision may differ by, with room for a few thousand terms."""


def run(a: Target, b: Target, options: Options, *, output: FirstRun | None = None) -> DiffReport:
    """Drive `a`, hand its inputs and parameters to `b`, and compare what both compute.

    Raises UsageError where `b` lacks an input or parameter of `a`'s, or has it in another shape.
    """
    start = time.monotonic()
    limits = Limits(None if options.timeout is None else start + 0.9 * options.timeout, options.budget)
    first, values = _driven(a, options, limits, None, output)
    second, _ = _driven(b, options, limits, values, output)
    judged = {j.gradient.name: j for j in second.judged}
    rows = [_row(j, judged.pop(j.gradient.name, None), first, second) for j in first.judged]
    rows += [_row(None, j, first, second) for j in judged.values()]
    return DiffReport(
        a.name,
        b.name,
        tuple(rows),
        loss_shown(first),
        a.inputs.format(**first.sizes),
        (),
        first.program.evaluations + second.program.evaluations,
        time.monotonic() - start,
        options.seed,
        environment(),
    )


def _driven(
    target: Target,
    options: Options,
    limits: Limits,
    values: Mapping[str, Array] | None,
    output: FirstRun | None,
) -> tuple[Probe, dict[str, Array]]:
    spec = parse_spec(target.shapes) if target.shapes else None
    driver = Driver(
        target, base_of=lambda name: conventions.bases(name, {**target.grads, **options.grads}), output=output
    )
    sizes = batch_sizes(target, options.batch)
    if values is not None:
        values = _wanted(driver, target, sizes, options.seed, values)
    with driver.open(sizes, seed=options.seed, values=values) as program:
        held = _named_arrays(program)
        found = probe(program, target, options, spec, np.random.default_rng(options.seed), limits)
    return found, held


def _named_arrays(program: Program) -> dict[str, Array]:
    """Inputs and parameters by name; the first of a name is the driver's own."""
    found: dict[str, Array] = {}
    for root in program.roots.values():
        if isinstance(root.value, np.ndarray):
            found.setdefault(root.name, np.array(root.value))
    return found


def _wanted(
    driver: Driver, target: Target, sizes: Mapping[str, int], seed: int, values: Mapping[str, Array]
) -> dict[str, Array]:
    """The values that `target` has under the same names, in the same shapes."""
    with driver.open(sizes, seed=seed) as program:
        own = _named_arrays(program)
    shared = own.keys() & values.keys()
    if not shared:
        raise UsageError(
            f"diff: {target.name} has none of the inputs and parameters of the other target"
            f" ({', '.join(values) or 'none'}); it has {', '.join(own) or 'none'}."
        )
    for name in sorted(shared):
        if own[name].shape != values[name].shape:
            raise UsageError(
                f"diff: {name} has shape {format_shape(values[name].shape)} in the one and"
                f" {format_shape(own[name].shape)} in {target.name}: they can't be given the same numbers."
            )
    return {name: values[name] for name in shared}


def _row(a: Judged | None, b: Judged | None, first: Probe, second: Probe) -> DiffRow:
    either = a or b
    assert either is not None
    ours = None if a is None else _comparison(a, first)
    theirs = None if b is None else _comparison(b, second)
    row = DiffRow(either.gradient.name, either.gradient.of.name, True, _right(ours, theirs), ours, theirs)
    if a is None or b is None:
        return replace(row, reason=f"only {'b' if a is None else 'a'} computes it")
    return _measured(row, a, b)


def _comparison(judged: Judged, found: Probe) -> Comparison:
    return comparison(judged, (), found.sizes)


def _right(a: Comparison | None, b: Comparison | None) -> Literal["a", "b", "both", "neither"]:
    right = (a is not None and a.verdict is Verdict.PASS, b is not None and b.verdict is Verdict.PASS)
    if all(right):
        return "both"
    return "a" if right[0] else "b" if right[1] else "neither"


def _measured(row: DiffRow, a: Judged, b: Judged) -> DiffRow:
    x, y = a.gradient.array, b.gradient.array
    turned, layout = in_layout(x, y.shape)
    if turned is None:
        return replace(row, reason=f"shapes {format_shape(x.shape)} and {format_shape(y.shape)}")
    x = turned
    with np.errstate(all="ignore"):
        difference = float(np.abs(x - y).max(initial=0.0))
        size = float(max(np.abs(x).max(initial=0.0), np.abs(y).max(initial=0.0)))
        dots = float(np.vdot(x, y)), float(np.linalg.norm(x)), float(np.linalg.norm(y))
    relative = difference / size if size else 0.0
    alike = relative <= ALIKE
    return replace(
        row,
        different=not alike or layout is not None,
        max_difference=difference,
        rel_difference=relative,
        scale=1.0 if alike else dots[0] / dots[2] ** 2 if dots[2] else None,
        cosine=dots[0] / (dots[1] * dots[2]) if dots[1] and dots[2] else None,
        layout=layout,
        reason=f"{layout} in one of them" if layout else "",
    )
