"""Edits that add what flows back on a path that was left out, as the chain rule has it."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.fix.allowance import Share
from gradcheck.fix.candidates.chain import Style, contributions, normalising
from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression, level
from gradcheck.fix.pool import Operand, Pool
from gradcheck.fix.wanted import Wanted

_GRADIENT = re.compile(r"(?i)^(d_?|grad|g_|delta)|grad")
Array = np.ndarray[Any, Any]
_COUNTS = (1.0, 2.0, 0.5)
PAIRED = 200
"""Contributions of which two at a time are tried, the shortest first."""


def is_gradient(operand: Operand) -> bool:
    """Whether its last name reads like a gradient's."""
    name = re.sub(r"(\[[^]]*\])+$", "", operand.text).rpartition(".")[2]
    return bool(_GRADIENT.match(name)) and operand.array.dtype.kind == "f" and operand.array.ndim > 0


@dataclass(frozen=True, slots=True)
class Lacking:
    """A line that may lack a path, and what that may be made of."""

    e: Expression
    pool: Pool
    now: Array
    """What the line computes."""
    wanted: Wanted
    own: str
    """What it assigns to."""
    parts: tuple[str, ...]
    """What its function computes of names alone, as it is written."""
    style: Style
    share: Share
    """What the search of the line may take."""


def _written(line: Lacking) -> list[Operand]:
    """What the function has besides names: h - mu, in parentheses."""
    there = ((text, line.e.read(text)) for text in line.parts)
    return [Operand(f"({text})", a) for text, a in there if a is not None and a.ndim and a.dtype.kind == "f"]


def _parted(pool: Pool, own: str) -> tuple[list[Operand], list[Operand]]:
    """Gradients, and what they may be multiplied with; what the line itself assigns to is neither."""
    there = [o for o in pool.operands if o.text != own]
    gradients = [o for o in there if is_gradient(o)]
    return gradients, [o for o in there if not is_gradient(o) and o.array.dtype.kind in "fb"]


def added(line: Lacking) -> Iterator[Edit]:
    """The expression and one contribution, with the factor that makes it right."""
    shape, e = line.wanted.truth.shape, line.e
    now = _spread(line.now, shape)
    if now is None:
        return
    gradients, others = _parted(line.pool, line.own)
    others += _written(line)
    text = e.text if level(e.root) >= 8 else f"({e.text})"
    terms = (term for d in gradients for term in contributions(d, others, shape, line.style))
    for term in line.share.within(terms):
        array = _spread(term.array, shape)
        c = (array is not None and line.wanted.coefficient(now, array)) or 0.0
        for scaled, cost in times(term.text, abs(c), line.pool):
            new = f"{'+' if c > 0 else '-'} {scaled}"
            yield Edit(f"{text} {new}", "term-missing", cost + 2.2, "", new)


def two_added(line: Lacking) -> Iterator[Edit]:
    """The expression and two contributions, where one alone makes nothing right."""
    shape, e = line.wanted.truth.shape, line.e
    now = _spread(line.now, shape)
    if now is None:
        return
    gradients, others = _parted(line.pool, line.own)
    others += _written(line)
    terms = (term for d in gradients for term in contributions(d, others, shape, line.style))
    there = {t.text: t for t in line.share.within(terms) if t.text not in e.text}
    shortest = sorted(there.values(), key=lambda t: len(t.text))[:PAIRED]
    arrays = [(t.text, a) for t in shortest if (a := _spread(t.array, shape)) is not None and np.isfinite(a).all()]
    text = e.text if level(e.root) >= 8 else f"({e.text})"
    for i, j, c, d in line.wanted.pairs(now, [a for _, a in arrays]):
        for one, cost in times(arrays[i][0], abs(c), line.pool):
            for other, more in times(arrays[j][0], abs(d), line.pool):
                new = f"{'+' if c > 0 else '-'} {one} {'+' if d > 0 else '-'} {other}"
                yield Edit(f"{text} {new}", "term-missing", cost + more + 3.4, "", new)


def _spread(array: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        return None if array is None else np.broadcast_to(array.astype(float), shape)
    except ValueError:
        return None


def times(text: str, c: float, pool: Pool) -> Iterator[tuple[str, float]]:
    """A term with a factor in the code's own numbers: x, 2 * x, x / m, 2 * x / m."""
    for k in _COUNTS:
        many = text if k == 1 else f"{k:g} * {text}"
        if math.isclose(c, k, rel_tol=1e-6):
            yield many, 0.3 * (k != 1)
        for count in pool.numbers:
            value = float(count.array)
            if value > 1 and math.isclose(c, k / value, rel_tol=1e-6):
                yield f"{many} / {count.text}", 0.4 + 0.3 * (k != 1)


def normalised(line: Lacking) -> Iterator[Edit]:
    """A part of the expression less what a normalisation takes from it."""
    e, now = line.e, line.now
    root = e.array(e.root)
    if root is None or root.shape != now.shape:
        return
    gradients, others = _parted(line.pool, line.own)
    mine = [d for d in gradients if re.search(rf"(?<!\w){re.escape(d.text)}(?!\w)", e.text)]
    terms = [(d, t) for d in mine for t in (d, *normalising(d, others, line.style))]
    for node in e.nodes():
        array = e.array(node)
        if array is None or not array.ndim or isinstance(e.parents.get(node), (ast.Subscript, ast.Attribute)):
            continue
        whole = e.given(node)
        for d, term in line.share.within(terms):
            for sign, one in ("-", -term.array), ("+", term.array):
                a = whole(array + one) if _spreads(d.array.shape, array.shape) else None
                if a is not None and a.shape == now.shape and line.wanted.holds(now + (a - root)):
                    new = f"{e.wrapped(e.source(node), 8)} {sign} {term.text}"
                    yield Edit(e.put(node, new), "term-missing", 2.6, "", f"{sign} {term.text}")


def _spreads(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    try:
        return len(a) == len(b) and len(np.broadcast_shapes(a, b)) > 0
    except ValueError:
        return False


def guessed(e: Expression, pool: Pool, own: str, style: Style) -> Iterator[Edit]:
    """The expression and a contribution of its shape, where only the whole step tells."""
    now = e.array(e.root)
    if now is None or not isinstance(e.root, ast.expr):
        return
    text = e.text if level(e.root) >= 8 else f"({e.text})"
    gradients, others = _parted(pool, own)
    for d in gradients:
        for term in contributions(d, others, now.shape, style):
            if term.array.shape == now.shape and term.text not in e.text and term.text != d.text:
                yield Edit(f"{text} + {term.text}", "term-missing", 2.4, "", f"+ {term.text}")
