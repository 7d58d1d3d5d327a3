"""What a run left behind, and the values of it that can be replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from gradcheck.capture.record import Key, Value
from gradcheck.capture.rewrite import Site

Array = NDArray[Any]
Ref = Key | str
"""A value that can be replaced: a key of a site, or the path of a root of the state."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A value of the forward that can be perturbed."""

    name: str
    """W1, Z1, x; with more to it where the code has several of that name: layers[0].W, Z[2]."""
    ref: Ref
    """How to replace it."""
    array: Array = field(compare=False)
    """Its value in the first run."""
    site: Site | None
    """Where it is assigned; None for a root (a parameter, an input)."""
    order: int
    """Position in the trace; -1 for a root."""
    last: str = ""
    """Its name without what was added to it."""
    owner: int = 0
    """id() of the instance that it belongs to; 0 for none."""
    identity: int = 0
    """id() of the object itself."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One run: what was recorded, and how it ended."""

    values: tuple[Value, ...]
    """In the order in which they came into being."""
    signature: tuple[tuple[int, Array], ...]
    """The kinks passed: site number and pattern."""
    raised: BaseException | None = None
    """What the user's code raised; evidence, not an error of the run."""
    unfinished: bool = False
    """True when the run was ended early (second step reached, or too many values)."""
    objects: tuple[object, ...] = ()
    """The recorded values themselves, beside `values`, as the run left them: a copy that differs was edited later."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar function of named values of the forward: the loss."""

    expression: str
    """As the reader would write it."""
    variables: Mapping[str, Variable]
    """What it is a function of, by the names that `function` takes."""
    function: Callable[[Mapping[str, Any]], Any]
    """From their values to the scalar."""
