"""Where two evaluations of a function lie on different sides of a kink."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from gradcheck.evaluation import Array, Evaluation, Function, Signature

__all__ = ["Array", "Crossing", "Evaluation", "Function", "Signature", "crossings", "same_side"]


@dataclass(frozen=True, slots=True)
class Crossing:
    """One element of one kink site that lies on different sides in two evaluations."""

    label: Hashable
    """The site, as the signature names it; None where the two signatures list different sites."""
    index: tuple[int, ...] | None
    """The element within the site's pattern; None where the patterns have different shapes."""

    def __str__(self) -> str:
        where = "" if not self.index else f"[{', '.join(map(str, self.index))}]"
        return f"{'control flow' if self.label is None else self.label}{where}"


def same_side(a: Signature, b: Signature) -> bool:
    """Whether no kink lies between two evaluations, as far as their signatures tell."""
    if a is b:
        return True
    if len(a) != len(b):
        return False
    for (label, p), (other, q) in zip(a, b):
        if p is not q and (label != other or p.shape != q.shape or p.tobytes() != q.tobytes()):
            return False  # bytes: ten times as fast as != on a small pattern
    return True


def crossings(a: Signature, b: Signature) -> list[Crossing]:
    """Every element whose side differs between two signatures, in the signatures' order.

    >>> left, right = (("relu", np.array([True, False])),), (("relu", np.array([True, True])),)
    >>> [str(crossing) for crossing in crossings(left, right)]
    ['relu[1]']
    >>> crossings(left, ())                             # other sites passed: the code took another branch
    [Crossing(label=None, index=None)]
    """
    if [label for label, _ in a] != [label for label, _ in b]:
        return [Crossing(None, None)]
    found: list[Crossing] = []
    for (label, p), (_, q) in zip(a, b):
        p, q = np.asarray(p), np.asarray(q)
        if p.shape != q.shape:
            found.append(Crossing(label, None))
        elif p is not q:
            found += [Crossing(label, tuple(map(int, index))) for index in np.argwhere(p != q)]
    return found
