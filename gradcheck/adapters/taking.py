"""What a backward returns, taken apart: which of it is the gradient of which array, as statements of the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.adapters import names as by_name


@dataclass(frozen=True, slots=True)
class Taken:
    """A result taken apart."""

    lines: tuple[str, ...]
    """["dx, dw = b(dout, cache)"], or ["grads = b(dout, cache)", "dW1 = grads['dW1']"]."""
    gradients: Mapping[str, str]
    """Gradient to the array it belongs to."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """How arrays are reached that an object holds: {"W": "layer.W"}."""
    before: tuple[str, ...] = ()
    """Statements before the forward."""


def is_real(value: Any) -> bool:
    """An array of real numbers, or one of them."""
    return isinstance(value, (float, np.floating)) or (isinstance(value, np.ndarray) and value.dtype.kind == "f")


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of a number or an array of them; None for anything else."""
    return np.shape(value) if isinstance(value, (int, np.number)) or is_real(value) else None


def leaves_of(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The arrays that a gradient can be taken of, and how each is reached: {"x": "x", "W1": "parameters['W1']"}."""
    found = {}
    for name, value in inputs.items():
        if is_real(value):
            found[name] = name
        elif isinstance(value, dict):
            found.update({str(k): f"{name}[{k!r}]" for k, v in value.items() if is_real(v) and str(k).isidentifier()})
    return found


def taken_apart(
    call: str, result: Any, own: Sequence[str | None], leaves: Mapping[str, Any], taken: Sequence[str]
) -> Taken | None:
    """Statements that bind each gradient in `result` to a name of its own; None where nothing in it is one.

    `own` are the names that the function itself gives the parts of what it returns, `leaves` the arrays that a gradient
    can belong to, `taken` names that are not free.
    """
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        entries = {f".{field}": (field, value) for field, value in zip(result._fields, result)}
        return _by_key(call, entries, leaves, taken)
    if isinstance(result, dict):
        return _by_key(call, {f"[{k!r}]": (str(k), v) for k, v in result.items()}, leaves, taken)
    parts = list(result) if isinstance(result, (tuple, list)) else [result]
    return _by_place(call, parts, own, leaves, taken, several=isinstance(result, (tuple, list)))


def _by_key(
    call: str, entries: Mapping[str, tuple[str, Any]], leaves: Mapping[str, Any], taken: Sequence[str]
) -> Taken | None:
    holder = by_name.free("grads", taken)
    lines = [f"{holder} = {call}"]
    gradients: dict[str, str] = {}
    for at, (key, value) in entries.items():
        of = by_name.belongs(key, list(leaves)) or (key if key in leaves else None)
        if of is not None and is_real(value):
            name = by_name.free(f"d{of}", [*taken, *gradients])
            gradients[name] = of
            lines.append(f"{name} = {holder}{at}")
    return Taken(tuple(lines), gradients) if gradients else None


def _by_place(
    call: str,
    parts: Sequence[Any],
    own: Sequence[str | None],
    leaves: Mapping[str, Any],
    taken: Sequence[str],
    *,
    several: bool,
) -> Taken | None:
    owners = _owners(parts, own, leaves)
    if not any(owners):
        return None
    names: list[str] = []
    gradients: dict[str, str] = {}
    for i, (of, called) in enumerate(zip(owners, own)):
        wished = called if of and called and by_name.belongs(called, [of]) else f"d{of}" if of else f"rest{i}"
        name = by_name.free(wished, [*taken, *names])
        names.append(name)
        if of:
            gradients[name] = of
    comma = "," if several and len(names) == 1 else ""
    return Taken((f"{', '.join(names)}{comma} = {call}",), gradients)


def _alike(leaf: Any, part: Any) -> bool:
    return bool(np.shape(leaf) == np.shape(part))


def _owners(parts: Sequence[Any], own: Sequence[str | None], leaves: Mapping[str, Any]) -> list[str | None]:
    """What each part is the gradient of: by its name, else by its place, else by its shape."""
    real = [is_real(p) or isinstance(p, (int, np.integer)) for p in parts]
    named = [by_name.belongs(n, list(leaves)) if n and ok else None for n, ok in zip(own, real)]
    named = [n if named.count(n) == 1 else None for n in named]
    left = [leaf for leaf in leaves if leaf not in named]
    open_ = [i for i, (n, ok) in enumerate(zip(named, real)) if n is None and ok]
    if len(open_) == len(left) or len(parts) == 1:
        by_place = dict(zip(open_, left))
        by_shape = {i: fit[0] for i in open_ if len(fit := [n for n in left if _alike(leaves[n], parts[i])]) == 1}
        fits = all(_alike(leaves[leaf], parts[i]) for i, leaf in by_place.items())
        # in another order than they were handed over: the shapes tell, where they tell it of every one
        told = not fits and len(set(by_shape.values())) == len(open_)
        for i, leaf in (by_shape if told else by_place).items():
            named[i] = leaf
        return named
    for i in open_:
        fit = [leaf for leaf in left if np.shape(leaves[leaf]) == np.shape(parts[i])]
        if len(fit) == 1:
            named[i] = fit[0]
            left.remove(fit[0])
    return named
