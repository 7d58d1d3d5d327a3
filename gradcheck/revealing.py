"""Values of parameters and indices at which nothing hides, where the target's own would hide something.

At a bias of zero a term that is proportional to it, a penalty, does not show; at a scale of one a factor that is
missing does not, nor which power of it belongs there; among indices of which none comes twice, an update that takes a
repeated one once does not.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.program import Program
from gradcheck.conventions import DATA
from gradcheck.patch import read

Array = NDArray[Any]
Other = Callable[[Any], Any]
"""From the target's own value to the one that takes its place."""

LITTLE = 0.1
"""How far a parameter is moved, on average."""


def revealing(program: Program) -> dict[str, Other]:
    """What takes the place of parameters at numbers that hide, and of indices without repetition, by name or path."""
    roots = [g.of for g in program.gradients if g.of.order < 0 and g.of.name not in DATA]
    off = {of.name: off_zero if not of.array.any() else off_round for of in roots if _hides(of.array)}
    return {**off, **dict.fromkeys(_without_repetition(program), repeated)}


def told_of(others: Mapping[str, Other]) -> str:
    """What was done with what."""
    off = [name for name, other in others.items() if other is off_zero]
    near = [name for name, other in others.items() if other is off_round]
    again = [name for name, other in others.items() if other is repeated]
    done = [f"{', '.join(off)} moved off zero"] * bool(off) + [f"{', '.join(near)} moved a little"] * bool(near)
    return " and ".join([*done, *[f"an index repeated in {', '.join(again)}"] * bool(again)])


def _hides(array: Array) -> bool:
    """Whether a parameter is 0, 1 or -1 somewhere, or the same number throughout."""
    if array.dtype.kind != "f" or not array.size:
        return False
    return bool((np.isin(array, (0, 1, -1))).any() or (array.size > 1 and (array == array.flat[0]).all()))


def off_zero(value: Any) -> Any:
    """Small random numbers in the place of zeros."""
    drawn = LITTLE * np.random.default_rng(np.size(value)).standard_normal(np.shape(value))
    return drawn.astype(value.dtype) if isinstance(value, np.ndarray) else float(drawn)


def off_round(value: Any) -> Any:
    """The same numbers, moved a little, so that no factor, power or order of them looks like another."""
    return value + off_zero(value)


def repeated(value: Array) -> Array:
    """The same indices, but for the second one, which is the first one again."""
    again = value.copy()
    again[1] = again[0]
    return again


def _without_repetition(program: Program) -> Iterator[str]:
    """Vectors of whole numbers, no two of them the same, in code that adds to what it takes by such a vector."""
    if not any(_adds_by_index(file) for file in program.files):
        return
    for root in program.roots.values():
        value = root.value
        if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu" and len(value) > 2:
            in_order = bool((np.diff(np.sort(value)) == 1).all())  # an order of the samples, or where they begin
            if not in_order and len(np.unique(value)) == len(value):
                yield root.path


def _adds_by_index(file: str) -> bool:
    source = read(file)
    try:
        tree = ast.parse(source.text if source is not None else "")
    except (SyntaxError, ValueError):
        return False
    return any(
        isinstance(node, ast.AugAssign)
        and isinstance(node.target, ast.Subscript)
        and isinstance(node.target.slice, (ast.Name, ast.Attribute))
        for node in ast.walk(tree)
    )
