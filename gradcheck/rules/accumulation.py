"""Sums over places of which several are the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.rules.evidence import Array, Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient


@of_gradient(rank=60)
def repeated_index(evidence: Evidence) -> Finding | None:
    """GC372: `a[index] += g` counts an index that occurs twice once; np.add.at counts it twice, and is right."""
    a, shape = evidence.analytic, evidence.judged.truth.shape
    if a.shape != shape or not a.ndim:
        return None
    for name, index in _indices(evidence, shape[0]):
        for upstream, g in evidence.earlier():
            if g.shape != index.shape + shape[1:]:
                continue
            summed, once = np.zeros(shape), np.zeros(shape)
            np.add.at(summed, index, g)
            once[index] += g
            found = evidence.fit(summed)
            if found is not None and found.holds and np.allclose(a, once / found.scale, rtol=1e-9, atol=0):
                return _finding(evidence, name, upstream, index)
    return None


def _indices(evidence: Evidence, size: int) -> Iterator[tuple[str, Array]]:
    """Whole numbers of the forward that may be places along an axis of this size, one of them twice."""
    for name, v in evidence.program.variables.items():
        whole = v.array.ndim > 0 and v.array.dtype.kind in "iu" and v.array.size
        if whole and v.array.min() >= 0 and v.array.max() < size and len(np.unique(v.array)) < v.array.size:
            yield name, v.array


def _finding(evidence: Evidence, index: str, upstream: str, places: Array) -> Finding:
    name = evidence.name
    twice = int(np.unique(places, return_counts=True)[1].argmax())
    found = int(np.unique(places)[twice])
    return Finding(
        "GC372",
        "accumulation",
        "error",
        f"{name} counts places that occur several times in {index} once",
        f"{index} names some places several times, {found} for one, and `+=` with such an index adds to each of them"
        f" once: the last one wins. np.add.at({name}, {index}, {upstream}) adds every time, and agrees with the"
        " numeric derivative.",
        "repeated places count once",
        name,
        **place(evidence.site),
        evidence={"index": index, "upstream": upstream},
    )
