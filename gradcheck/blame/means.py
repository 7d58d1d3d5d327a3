"""Gradients of parameters that are means over the samples, where nothing says what the upstream gradient is that of.

`dW = x.T @ dout / m` is right where `dout` is handed over as each sample's own loss has it, `p - y`, and the mean is
taken here. A layer by itself, whose upstream gradient is drawn, does not tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import replace

from gradcheck.blame.judged import Judged, is_scaled, upstream_scale
from gradcheck.compare import Verdict, agreement

FEWEST = 2
"""Parameters that must agree on it: one alone may lack a sum."""


def averaged(judged: Sequence[Judged], sizes: Set[int]) -> tuple[list[Judged], str]:
    """The gradients, those of parameters right if all are means over one of these sizes; and what to say of it.

    Parameters are what is handed in and has no axis for the samples.
    """
    for count in sorted(sizes - {1}):
        given = [j for j in judged if j.gradient.kind != "intermediate"]
        own = [j for j in given if count not in j.gradient.of.array.shape]
        others = all(j.right or j.verdict is Verdict.SKIPPED for j in judged if j not in own)
        if others and len(own) >= FEWEST and all(_count(j) == count for j in own):
            names = ", ".join(j.gradient.name for j in own)
            said = (
                f"{names} are means over the {count} samples, which is right where backward is handed what each"
                f" sample's own loss has; if it is handed that of their mean, they are {count} times too small"
            )
            return [_fitted(j, f"a mean over {count}") if j in own else j for j in judged], said
    return list(judged), ""


def carried(judged: Sequence[Judged]) -> list[Judged]:
    """An input's gradient that carries the factor of those before it, dA0 = W1.T @ dZ1 times m, as they do by
    convention: nothing is moved by it."""
    return [_fitted(j) if _only_carries(j, judged) else j for j in judged]


def _only_carries(judged: Judged, others: Sequence[Judged]) -> bool:
    gradient, above = judged.gradient, upstream_scale(judged, others)
    if not is_scaled(judged) or gradient.kind == "intermediate" or judged.layout is not None or above == 1:
        return False
    # data has an axis for the samples, whatever it is called
    data = gradient.kind == "input" or round(above) in gradient.of.array.shape
    return data and math.isclose(judged.scale, above, rel_tol=1e-6)


def _fitted(judged: Judged, reason: str = "") -> Judged:
    """Right up to its factor, with the error that is left then."""
    fitted = agreement(judged.truth, judged.gradient.array, scale=None, slack=judged.gradient.rounding)
    return replace(judged, verdict=Verdict.PASS, reason=reason, agreement=fitted)


def _count(judged: Judged) -> int:
    """The number by which a gradient is divided that is wrong by nothing else; 0 for any other."""
    found = judged.agreement
    if judged.verdict is not Verdict.FAIL or judged.layout is not None or found is None or not found.holds:
        return 0
    number = round(1 / found.scale) if found.scale > 0 else 0
    return number if number and math.isclose(found.scale * number, 1, rel_tol=1e-6) else 0
