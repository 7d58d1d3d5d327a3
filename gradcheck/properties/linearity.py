"""A backward pass is linear in the gradient that it is handed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcheck import conventions
from gradcheck.capture.program import Trace
from gradcheck.gradients import Gradient
from gradcheck.properties.drawing import Array, written
from gradcheck.properties.outcome import HELD, Outcome, difference, missing, nothing, place
from gradcheck.properties.subject import Opened, recomputed

A, B = 2.0, -3.0


def backward_is_linear(opened: Opened) -> Outcome:
    """With u, v and 2 u − 3 v in place of the first gradient, what follows is f(u), f(v) and 2 f(u) − 3 f(v).

    What doesn't depend on it, a penalty's own gradient, is f(0) and is taken out.
    """
    for ref, name, array, below in _upstream(opened):
        found = _linear(opened, ref, name, array, below)
        if not found.missing:
            return found
    return missing("no gradient is computed from another one")


def _linear(opened: Opened, ref: Any, name: str, array: Array, below: Sequence[Gradient]) -> Outcome:
    program, rng = opened.program, opened.rng(4)
    typical = float(np.sqrt(np.mean(array**2))) if array.size else 0.0
    size = typical if np.isfinite(typical) and typical > 0 else 1.0
    u, v = (np.round(rng.uniform(-1, 1, array.shape), 2) * size for _ in range(2))
    traces = [program.backward({ref: x}) for x in (u, v, A * u + B * v, 0 * u)]
    found = [(g, [x for t in traces if (x := recomputed(t, g)) is not None]) for g in below]
    seen = [(g, four) for g, four in found if len(four) == 4 and len({x.shape for x in four}) == 1]
    # what is tiny beside the other gradients is rounding: a bias before batch norm has a gradient of zero
    largest = max((float(np.abs(x[np.isfinite(x)]).max(initial=0.0)) for _, four in seen for x in four), default=0.0)
    for g, (fu, fv, fuv, f0) in seen:
        expected = A * (fu - f0) + B * (fv - f0) + f0
        if difference(fuv, expected, largest, close=opened.close):
            if _is_clipped(opened, traces):
                return nothing("the gradient is clipped")
            handed = f"{name} is u = {written(u)}, v = {written(v)}"
            line = f"{g.name} computed at {place(g.value)} is {written(fuv)} for 2u - 3v, expected {written(expected)}"
            return Outcome(f"{g.name} is not linear in {name}", (handed, line))
    moved = any(difference(fu, fv, largest, close=opened.close) for _, (fu, fv, _, _) in seen)
    return HELD if moved else missing("no gradient is computed from another one")


def _upstream(opened: Opened) -> Iterator[tuple[Any, str, Array, Sequence[Gradient]]]:
    """What the backward is handed: the upstream gradient of a pair, else the first gradients that it computes."""
    program, gradients = opened.program, opened.gradients
    for path, root in program.roots.items():
        owner = next((o for b in conventions.bases(root.name) if (o := program.variable(b)) is not None), None)
        known = owner is not None and owner.order >= 0 and owner.array.shape == np.shape(root.value)
        if known and isinstance(root.value, np.ndarray):
            yield path, root.name, np.array(root.value), gradients
    for i, first in enumerate(gradients[:4]):
        if first.kind == "intermediate":
            yield first.key, first.name, first.array, gradients[i + 1 :]


def _is_clipped(opened: Opened, traces: Sequence[Trace]) -> bool:
    """Whether the runs lie on different sides of a clip, or of a comparison with one norm for the whole tensor."""
    first, *others = (dict(enumerate(t.signature)) for t in traces)
    for other in others:
        for i, (site, pattern) in first.items():
            label, second = other.get(i, (site, pattern))
            moved = label != site or pattern.shape != second.shape or bool((pattern != second).any())
            if moved and (
                "clip" in opened.program.site(site).name or pattern.size == 1 < opened.gradients[0].array.size
            ):
                return True
    return False
