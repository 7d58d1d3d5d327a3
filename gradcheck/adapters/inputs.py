"""What a function is called with: the names of its arguments, and random numbers in the shapes of a spec."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from gradcheck.errors import UsageError
from gradcheck.shapes import different_sizes, parse_spec
from gradcheck.shapes import resolve as shape_of


def home_of(function: Callable[..., Any]) -> ModuleType | None:
    """The module whose source holds a function; None for a builtin, a ufunc, or what was typed at a prompt."""
    function = inspect.unwrap(function)
    known = isinstance(function, (FunctionType, type)) or inspect.ismethod(function)
    module = inspect.getmodule(function if known else type(function))  # an instance: what its class is made of
    return module if module is not None and getattr(module, "__file__", "").endswith((".py", ".ipynb")) else None


def optional(function: Callable[..., Any]) -> list[str]:
    """Arguments that have a default."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.default is not p.empty]


def required(function: Callable[..., Any]) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind in kinds]


def input_names(forward: Callable[..., Any], args: Sequence[Any] | None) -> list[str]:
    names = required(forward)
    if args is None:
        return names
    return names[: len(args)] if len(names) >= len(args) else [f"x{i}" for i in range(len(args))]


def random_inputs(names: Sequence[str], shapes: str, text: str, seed: int) -> tuple[Any, ...]:
    """Standard normal arrays for `names`, in the shapes of a spec; symbols get sizes that differ from one another.

    Raises UsageError for a name without a shape.
    """
    spec = parse_spec(shapes) if shapes else None
    entries = {e.name: e.shape for e in spec or ()}
    missing = [n for n in names if n not in entries]
    if spec is None or missing:
        raise UsageError(
            f"TARGET {text!r}: nothing says what {', '.join(missing or names)} should be. Give the shapes,"
            f' e.g. --shapes "{" ".join(f"{n}:(m,3)" for n in names)}".'
        )
    sizes = different_sizes(spec)
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal(shape_of(entries[n], sizes)) for n in names)
