"""Edits of sums: a term that is missing, or has a wrong factor; the penalty on the weights above all."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.fix.candidates.factor import numbers, without_factor
from gradcheck.fix.candidates.operands import within_derivative
from gradcheck.fix.edit import Edit, Kind
from gradcheck.fix.expression import Expression, level, terms
from gradcheck.fix.pool import Pool
from gradcheck.fix.wanted import Wanted

Array = NDArray[Any]
_RATE = re.compile(r"(?i)^_?(lam\w*|lmbda?|lambda_?\w*|reg\w*|\w*decay|l[12]\w*|wd|alpha|beta|rho|penalty\w*)$")
_GRADIENT = re.compile(r"(?i)^(d_?|grad|g_|delta)|grad")


PLAIN = 6
"""Names that say nothing of a gradient of which it is tried."""


def missing(e: Expression, pool: Pool, wanted: Wanted) -> Iterator[Edit]:
    """The expression and c times an array: 1 for a path that was left out, a rate for a penalty."""
    own = e.array(e.root)
    if own is None or own.shape != wanted.truth.shape:
        return
    text = e.text if level(e.root) >= 8 else f"({e.text})"
    for operand in pool.like(own):
        c = wanted.coefficient(own, operand.array.astype(float))
        if c is None:
            continue
        flows = bool(_GRADIENT.match(operand.text.rpartition(".")[2]))
        if math.isclose(abs(c), 1, rel_tol=1e-6):
            sign = "+" if c > 0 else "-"
            kind: Kind = "term-missing" if flows else "penalty-missing"
            yield Edit(f"{text} {sign} {operand.text}", kind, 2.0 + 0.3 * (not flows), "", f"{sign} {operand.text}")
        for factor, cost in _expressed(e, pool, abs(c)):
            sign = "+" if c > 0 else "-"
            one, _, count = factor.rpartition("1 / ")
            new = (
                f"{sign} {operand.text} / {count}"
                if count != factor and not one
                else f"{sign} {factor} * {operand.text}"
            )
            yield Edit(f"{text} {new}", "penalty-missing", cost + 2.0, "", new)


def rescaled_sum(e: Expression, pool: Pool, wanted: Wanted, own: Array, sign: float) -> Iterator[Edit]:
    """What a statement adds to a gradient with another factor: `own` is what that comes to, `sign` how it is added."""
    array = e.array(e.root)
    if array is None or own.shape != wanted.truth.shape:
        return
    c = wanted.coefficient(own, sign * np.broadcast_to(array.astype(float), own.shape))
    if c is not None and not math.isclose(c, -1, rel_tol=1e-6):
        yield from without_factor(e, pool, 1 / (1 + c))


def within_factors(e: Expression, pool: Pool, wanted: Wanted) -> Iterator[Edit]:
    """An array added within one factor of the product: g * (s + x * ds) for g * (x * ds)."""
    own = e.array(e.root)
    if own is None or own.shape != wanted.truth.shape or not isinstance(e.root, ast.expr):
        return
    for factor in e.nodes():
        array = e.array(factor)
        if array is None or not array.ndim or not _is_factor_of_all(e, factor):
            continue
        given = e.given(factor)
        for operand in pool.like(array):
            x = given(operand.array.astype(float))
            c = None if x is None else wanted.coefficient(own, x)
            if c is not None and math.isclose(abs(c), 1, rel_tol=1e-6):
                new = f"{e.source(factor)} {'+' if c > 0 else '-'} {operand.text}"
                kind: Kind = "derivative-wrong" if within_derivative(e, factor) else "term-missing"
                yield Edit(e.put(factor, new), kind, 2.2, e.source(factor), new)


def _is_factor_of_all(e: Expression, node: ast.AST) -> bool:
    """Whether the whole is a product of it and others."""
    parent = e.parents.get(node)
    while isinstance(parent, ast.BinOp):
        if not (isinstance(parent.op, ast.Mult) or (isinstance(parent.op, ast.Div) and node is parent.left)):
            return False
        if parent is e.root:
            return True
        node, parent = parent, e.parents.get(parent)
    return False


def blind(e: Expression, pool: Pool) -> Iterator[Edit]:
    """The expression and a gradient of its shape, where nothing tells yet what is missing; then anything else of it."""
    own = e.array(e.root)
    if own is None or not isinstance(e.root, ast.expr):
        return
    text = e.text if level(e.root) >= 8 else f"({e.text})"
    others = [o for o in pool.like(own) if o.text not in e.text and o.array.dtype.kind == "f"]
    plain = [o.text for o in others if o.text.isidentifier() and not _GRADIENT.match(o.text)][:PLAIN]
    for operand in others:
        named = _GRADIENT.match(operand.text.rpartition(".")[2]) is not None
        if named or operand.text in plain:
            cost = 2.0 if named else 2.2
            yield Edit(f"{text} + {operand.text}", "term-missing", cost, "", f"+ {operand.text}")


def unread(e: Expression, names: Iterable[str]) -> Iterator[Edit]:
    """What a loop carries to its next turn and never reads, added to a part of its shape."""
    for name in names:
        carried = e.read(name)
        for node in e.nodes():
            array = e.array(node)
            if carried is None or array is None or not array.ndim or array.shape != np.shape(carried):
                continue
            new = f"{e.wrapped(e.source(node), 8)} + {name}"
            yield Edit(e.put(node, new), "term-missing", 1.0, "", f"+ {name}")


def rescaled(e: Expression, pool: Pool, wanted: Wanted) -> Iterator[Edit]:
    """One term of the sum with another factor."""
    own = e.array(e.root)
    parts = list(terms(e.root)) if isinstance(e.root, ast.expr) else []
    if own is None or len(parts) < 2:
        return
    for term in parts:
        array = e.array(term)
        c = None if array is None else wanted.coefficient(own, array.astype(float))
        if c is None or math.isclose(c, -1, rel_tol=1e-6):
            continue
        kind: Kind = "penalty-wrong" if _is_penalty(term) else "factor-wrong"
        for factor, cost in _expressed(e, pool, abs(1 + c)):
            new = f"{factor} * {e.wrapped(e.source(term), 10)}"
            yield Edit(e.put(term, new), kind, cost + 1.5, e.source(term), new)
        for factor, cost in _expressed(e, pool, abs(1 / (1 + c))):
            new = f"{e.wrapped(e.source(term), 9)} / {factor}"
            yield Edit(e.put(term, new), kind, cost + 1.5, e.source(term), new)


def _is_penalty(term: ast.expr) -> bool:
    names = [getattr(n, "id", getattr(n, "attr", "")) for n in ast.walk(term)]
    return any(_RATE.search(name) for name in names)


def is_penalty_text(text: str) -> bool:
    """Whether a term reads like a penalty on the weights: a rate times an array."""
    try:
        return _is_penalty(ast.parse(text.lstrip("+- "), mode="eval").body)
    except SyntaxError:
        return False


def _expressed(e: Expression, pool: Pool, value: float) -> Iterator[tuple[str, float]]:
    """A coefficient in the code's own numbers: lam, 2 * lam, lam / m; else as a short number."""
    named = [(float(o.array), o.text) for o in pool.numbers if _RATE.search(o.text)]
    counts = [(v, text) for v, text, _ in numbers(e, pool)]
    for rate, text in named:
        if rate and math.isclose(rate, value, rel_tol=1e-6):
            yield text, 0.2
        for count, by in counts:
            if math.isclose(rate * count, value, rel_tol=1e-6):
                yield (f"{by} * {text}", 0.5)
            if count and math.isclose(rate / count, value, rel_tol=1e-6):
                yield (f"{text} / {by}", 0.5)
    for count, text in counts:
        if math.isclose(count, value, rel_tol=1e-6):
            yield text, 0.6
        for plain in (1.0, 2.0):
            if count > 1 and math.isclose(plain / count, value, rel_tol=1e-6):
                yield f"{plain:g} / {text}", 0.7
    short = f"{value:.3g}"
    if math.isclose(float(short), value, rel_tol=1e-6) and value != 1:
        yield short, 0.9
