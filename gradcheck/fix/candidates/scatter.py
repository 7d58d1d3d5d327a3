"""Places that occur several times in an index count each time: np.add.at(dE, ids, d) for dE[ids] += d."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression
from gradcheck.fix.pool import Pool


def added_at(e: Expression, pool: Pool) -> Iterator[Edit]:
    """A sum into places of an array, of which some may be the same, place by place."""
    match e.root:
        case ast.AugAssign(op=ast.Add(), target=ast.Subscript(value=array, slice=index), value=value):
            where = e.value(index)
        case _:
            return
    several = where if isinstance(where, tuple) else (where,)
    if pool.numpy and any(isinstance(one, (np.ndarray, list)) for one in several):
        at = f"({e.source(index)})" if isinstance(index, ast.Tuple) else e.source(index)
        new = f"{pool.numpy}.add.at({e.source(array)}, {at}, {e.source(value)})"
        yield Edit(new, "accumulate", 1.0, e.text, new)
