"""What a forward draws without a seed is held at what it drew first, so that every run of it is the same."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.program import Program, Trace
from gradcheck.capture.record import Value
from gradcheck.capture.rewrite import Site
from gradcheck.source import line_of

MOST = 16
"""Values that are held; a loop that draws in every turn has more."""
_SIZES = frozenset({"shape", "size", "ndim", "dtype"})
_DRAWS = re.compile(r"\b(rand|random|random_sample|uniform|binomial)\(")
_NAMES = re.compile(r"\b[^\W\d]\w*\b(?!\s*[.(])")
"""Names in a line but for what is called, and what only lends its shape."""


def hold(program: Program) -> tuple[Value, ...]:
    """Hold what a step draws anew each time it is run, value by value, until two runs are the same.

    What comes out of a draw and of something else at once can't be held: then `steady` is False.
    """
    held: list[Value] = []
    while (other := _first_other(program)) is not None:
        if len(held) == MOST or not _is_draw(program, other):
            program.steady = False
            return tuple(held)
        held.append(other)
        program.held[other.key] = other.array
    return tuple(held)


def drawn_units(program: Program) -> Value | None:
    """Units that are on or off by probabilities which the forward has computed, `h = rng.random(p.shape) < p`: no
    derivative goes through them, and what stands for one, as in contrastive divergence, is of no loss of the forward's.
    """
    known: dict[str, NDArray[Any]] = {}
    for value in program.forward_values:
        if value.array.ndim and value.array.size > 1 and np.isin(value.array, (0, 1)).all():
            text = line_of(value.site.file, value.site.line)
            names = (known.get(name) for name in _NAMES.findall(text)) if _DRAWS.search(text) else ()
            if any(p is not None and p.shape == value.array.shape for p in names):
                return value
        elif value.array.dtype.kind == "f" and ((value.array > 0) & (value.array < 1)).all():
            known[value.site.last] = value.array
    return None


def _first_other(program: Program) -> Value | None:
    """The first value of the forward that is never the same, in the first run, in another and in a third."""
    again = program.backward()
    others = [v for v in _other(program.trace, again) if v.key not in program.held]
    if not others:
        return None
    third = program.backward()
    program.loose |= {
        site for (site, one), (_, other) in zip(again.signature, third.signature) if not np.array_equal(one, other)
    }
    now = {(v.key, v.path) for v in _other(again, third)}
    begun = {v.key for v in program.forward_values}
    return next((v for v in others if v.key in begun and (v.key, v.path) in now), None)


def _other(one: Trace, two: Trace) -> list[Value]:
    """What one run computed that another came to otherwise."""
    now = {(v.key, v.path): v.array for v in two.values}
    here = (v for v in one.values if (v.key, v.path) in now and v.site.kind != "argument")
    return [v for v in here if not _same(v.array, now[v.key, v.path])]


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _is_draw(program: Program, value: Value) -> bool:
    """Whether the expression reads no array but for its shape: a draw, and nothing of the network in it."""
    text = _expression(value.site)
    arrays = {v.name for v in program.trace.values if v.array.ndim} | {r.name for r in program.roots.values()}
    return value.plain and text != "" and not (_read(text) & arrays)


def _read(expression: str) -> set[str]:
    """Names of what an expression reads more of than its shape."""
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError:
        return set()
    shapes = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr in _SIZES}
    shapes |= {
        id(a) for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "len" for a in n.args
    }
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in shapes}
    return names | {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and id(n) not in shapes}


def _expression(site: Site) -> str:
    """What is written there."""
    first, start, last, end = site.span
    lines = [line_of(site.file, n).encode() for n in range(first, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    return b"\n".join(lines).decode(errors="replace")
