"""Images whose two sides are mixed up: as many columns as there are rows, where only the columns should tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.capture.program import Program, Ref, Variable
from gradcheck.capture.record import Value
from gradcheck.conventions import DATA
from gradcheck.rules.evidence import Array, Run, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_run

TRIED = 3
"""Arrays that may be images."""
LARGEST = 200_000
"""Entries of the batches that are tried; of larger images it is not looked at."""
_SIDES = {3: ((1, 2),), 4: ((2, 3), (1, 2))}
"""Which axes of an array may be an image's rows and columns, by how many axes there are."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """What is computed in a grid whose extent along one side comes from the other."""

    value: Value
    axis: int
    """Of the value, whose length goes by the wrong side."""
    lengths: tuple[int, int]
    """Of that axis, for two images that differ in the other side alone."""


@of_run(rank=90)
def other_sides_length(run: Run) -> Iterator[Finding]:
    """GC703, a warning: of images that aren't square, the windows along one side are counted from the other side."""
    program = run.program
    for x in _inputs(run)[:TRIED]:
        for rows, columns in _SIDES[x.array.ndim]:
            if x.array.shape[rows] == x.array.shape[columns]:
                continue  # square images may well be all that is meant
            wide, high = _mixed(program, x, rows, columns), _mixed(program, x, columns, rows)
            if (wide is None) != (high is None):  # what is cut to the shorter side is cut on both sides
                found = wide or high
                assert found is not None
                yield _finding(found, x, "columns" if wide else "rows", "rows" if wide else "columns")
                return


def _inputs(run: Run) -> list[Variable]:
    """What the step is given that may be images."""
    program = run.program
    parameters = {j.gradient.of.ref for j in run.judged if j.gradient.kind == "parameter"}
    roots = [Variable(r.name, path, np.asarray(r.value), None, -1, r.name) for path, r in program.roots.items()]
    given = [v for v in program.variables.values() if v.order < 0 or v.last in DATA or _is_argument(v)]
    found = {v.ref: v for v in (*roots, *given) if v.array.ndim in _SIDES and v.array.dtype.kind == "f"}
    return [v for ref, v in found.items() if ref not in parameters]


def _is_argument(v: Variable) -> bool:
    return v.site is not None and v.site.kind == "argument"


def _mixed(program: Program, x: Variable, short: int, long: int) -> Mixed | None:
    """The first value that has a grid over both sides, whose extent along the long one goes by the short one alone."""
    s = max(x.array.shape[short], x.array.shape[long])
    base = _images(x, {short: s, long: 3 * s})
    if base.size > LARGEST:
        return None
    now = _run(program, x.ref, base)
    other_short = _run(program, x.ref, _images(x, {short: 2 * s, long: 3 * s}))
    other_long = _run(program, x.ref, _images(x, {short: s, long: 4 * s}))
    moved: dict[int, dict[object, Array]] = {}
    for key, value in now.items():
        if key not in other_short or key not in other_long or value.key == x.ref:
            continue
        a, b, c = (found[key].array.shape for found in (now, other_short, other_long))
        if not len(a) == len(b) == len(c) or len(a) < 2 or a != c:
            continue
        longer = [axis for axis in range(len(a)) if a[axis] != b[axis]]
        for side in (short, long) if len(longer) == 2 else ():
            if side not in moved:
                moved[side] = {k: v.array for k, v in _run(program, x.ref, _with_line_moved(base, side)).items()}
        if len(longer) == 2:
            own = {axis: _is_local(value.array, moved[long].get(key), axis) for axis in longer}
            other = {axis: _is_local(value.array, moved[short].get(key), axis) for axis in longer}
            along = next((axis for axis in longer if own[axis]), None)
            across = next((axis for axis in longer if axis != along), None)
            if along is not None and across is not None and other[across] and not (own[across] or other[along]):
                value = next(v for v in now.values() if v.identity == value.identity)  # where it is made
                return Mixed(value, along, (a[along], b[along]))
    return None


def _images(x: Variable, sides: dict[int, int]) -> Array:
    shape = [sides.get(axis, n) for axis, n in enumerate(x.array.shape)]
    return np.random.default_rng(0).normal(size=shape)


def _with_line_moved(images: Array, side: int) -> Array:
    """The images with another first row, or first column."""
    other = np.array(images)
    np.moveaxis(other, side, 0)[0] += 1.0
    return other


def _run(program: Program, ref: Ref, images: Array) -> dict[object, Value]:
    """What is computed of other images as far as the forward gets: what follows may need those of its own size.

    By line and how often that had come to something: of what a loop fills entry by entry only the last is kept.
    """
    seen: Counter[int] = Counter()
    found: dict[object, Value] = {}
    for v in program.forward({ref: images}).values:
        if v.site.kind != "argument":
            found[v.site.number, seen[v.site.number]] = v
            seen[v.site.number] += 1
    return found


def _is_local(before: Array, after: Array | None, axis: int) -> bool:
    """Whether some places along an axis move and others don't."""
    if after is None or after.shape != before.shape:
        return False
    moved = (before != after).any(axis=tuple(k for k in range(before.ndim) if k != axis))
    return bool(moved.any() and not moved.all())


def _finding(found: Mixed, x: Variable, own: str, other: str) -> Finding:
    name, (few, many) = found.value.name, found.lengths
    return Finding(
        "GC703",
        "forward",
        "warning",
        f"{name} counts its {own} from the {other} of {x.name}",
        f"{x.name} isn't square. With twice as many {other} and no {own} more, {name} has {many} {own} instead of"
        f" {few}; with more {own} it has as many as before. What lies beyond is never read, or nothing is there to"
        " read. The gradient is right for this network all the same.",
        f"counts {own} from the {other}",
        name,
        **place(found.value.site),
        evidence={"input": x.name, "axis": found.axis, "lengths": [few, many]},
    )
