"""Whether a network sits on a kink: there the next sum in another order may fall on the other side."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.numeric.evaluation import same_side
from gradcheck.properties.subject import Opened

NEAR = 1e-9
"""Relative change of every input and parameter that must not cross a kink."""


def on_kink(opened: Opened) -> bool:
    """True where a change of nearly nothing passes to another smooth piece."""
    program, rng = opened.program, opened.rng(9)
    here = program.loss().signature
    roots: dict[Any, Any] = {
        path: np.asarray(r.value) for path, r in program.roots.items() if np.asarray(r.value).dtype.kind == "f"
    }
    for _ in range(3):
        moved = {p: a * (1 + NEAR * rng.standard_normal(a.shape)) for p, a in roots.items()}
        if not same_side(here, program.loss(moved).signature):
            return True
    return False
