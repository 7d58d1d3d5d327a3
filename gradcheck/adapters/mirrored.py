"""Gradients handed back in the form in which the parameters were handed over: a list of dicts, of pairs, of arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.adapters import names as by_name
from gradcheck.adapters.taking import Taken, is_real

Steps = tuple[str | int, ...]
MOST = 64
"""Arrays of one argument, beyond which it is data rather than parameters."""


def mirrored(holder: str, result: Any, inputs: Mapping[str, Any], taken: Sequence[str]) -> Taken | None:
    """Statements that bind each gradient in `result`, which goes by the name `holder`; None where no argument is nested
    as it is. The arrays' paths go through the arguments: {"W_0": "net[0]['W']"}."""
    whole = _alike(result, inputs)
    several = enumerate(result) if whole is None and isinstance(result, (tuple, list)) else ()
    parts = (
        [(holder, whole)] if whole is not None else [(f"{holder}[{i}]", _alike(part, inputs)) for i, part in several]
    )
    lines: list[str] = []
    gradients: dict[str, str] = {}
    paths: dict[str, str] = {}
    for source, argument in parts:
        for steps in _tree(inputs[argument]) or () if argument is not None else ():
            of = by_name.free(_name(str(argument), steps), [*taken, *paths])
            name = by_name.free(f"d{of}", [*taken, *gradients])
            at = "".join(f"[{step!r}]" for step in steps)
            gradients[name], paths[of] = of, f"{argument}{at}"
            lines.append(f"{name} = {source}{at}")
    return Taken(tuple(lines), gradients, paths) if gradients else None


def _alike(result: Any, inputs: Mapping[str, Any]) -> str | None:
    """The argument that is nested as the result is, with the same shapes."""
    tree = _tree(result)
    fits = [n for n, v in inputs.items() if tree is not None and _is_nested(v) and _tree(v) == tree]
    return fits[0] if fits else None


def _is_nested(value: Any) -> bool:
    """Whether it holds arrays otherwise than under names of their own."""
    within = value.values() if isinstance(value, dict) else ()
    return isinstance(value, (list, tuple)) or any(isinstance(v, (dict, list, tuple)) for v in within)


def _tree(value: Any) -> dict[Steps, tuple[int, ...]] | None:
    """The shape of each array, by the way to it; None where there is anything else, or only numbers."""
    found = dict(_leaves(value))
    arrays = any(isinstance(leaf, np.ndarray) for leaf in found.values())
    real = arrays and len(found) <= MOST and all(is_real(leaf) for leaf in found.values())
    return {steps: np.shape(leaf) for steps, leaf in found.items()} if real else None


def _leaves(value: Any, above: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    if isinstance(value, dict):
        for key, held in value.items():
            yield from _leaves(held, (*above, key))
    elif isinstance(value, (list, tuple)):
        for i, held in enumerate(value):
            yield from _leaves(held, (*above, i))
    else:
        yield above, value


def _name(argument: str, steps: Steps) -> str:
    """W_0 for net[0]["W"], weights_1 for weights[1]."""
    own = next((s for s in reversed(steps) if isinstance(s, str) and s.isidentifier()), argument)
    return "_".join([own, *(str(s) for s in steps if isinstance(s, int))])
