"""One edit of a guilty expression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from gradcheck.patch import Splice

Kind = Literal[
    "transpose",
    "axis",
    "axis-missing",
    "keepdims",
    "sum-missing",
    "sum-extra",
    "mean",
    "factor-missing",
    "factor-extra",
    "factor-wrong",
    "sign",
    "operand",
    "exchanged",
    "product",
    "derivative-missing",
    "derivative-wrong",
    "derivative-place",
    "derivative-extra",
    "mask-missing",
    "mask-wrong",
    "mask-extra",
    "penalty-missing",
    "penalty-wrong",
    "penalty-extra",
    "term-missing",
    "term-extra",
    "step",
    "time",
    "accumulate",
    "overwrite",
    "literal",
    "order",
    "line-missing",
    "update-missing",
    "dropped",
]
"""What an edit puts right, from which its cause is read."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A guilty expression, edited."""

    text: str
    """The whole new expression."""
    kind: Kind
    """What it puts right."""
    cost: float
    """How much of the line it changes, and how unlikely it is: the cheapest is tried first."""
    old: str = ""
    """What is taken out; "" where something is only put in."""
    new: str = ""
    """What is put in; "" where something is only taken out."""
    operator: str = ""
    """The statement's operator where that is changed: =, += or -=."""
    around: tuple[Splice, ...] = ()
    """Of the file's text, where whole statements are put in or moved and the expression stays as it is."""
    summary: str = ""
    """What is done with them, in a few words, where their text alone does not tell."""
    comes_to: Callable[[], Any] | None = field(default=None, compare=False, repr=False)
    """What the new expression comes to where the line stands, if that is had from what is known already."""
