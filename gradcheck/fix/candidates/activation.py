"""Edits that put in or exchange a factor: an activation's derivative, a mask, anything of the right shape."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import numpy as np

from gradcheck.fix.candidates.parts import factor_kind
from gradcheck.fix.edit import Edit, Kind
from gradcheck.fix.expression import ATOM, NEW, PRODUCT, Expression, factors
from gradcheck.fix.pool import Array, Operand, Pool, is_derivative

_BEFORE = re.compile(r"(?i)^(z|pre|lin|u|net|s|in|x)")
"""What goes into an activation is mostly called like this."""
PLAIN = 14
"""Arrays of one shape of which differences are tried."""
_Forms = dict[tuple[int, ...], list[tuple[str, float, Array]]]
"""By shape: text, cost, and the value of what it is made of."""


def derivatives(e: Expression, pool: Pool) -> Iterator[Edit]:
    """A derivative or mask as one more factor of a part, or in place of a factor that is there."""
    made: _Forms = {}
    whole = e.array(e.root)
    for node in e.nodes():
        array = e.array(node)
        if array is None or array.ndim < 1 or not _may_take(e, node):
            continue
        forms = made.setdefault(array.shape, list(_forms(pool, array.shape)))
        if whole is not None and whole.shape != array.shape and _spreads(array.shape, whole.shape):
            forms = forms + made.setdefault(whole.shape, list(_forms(pool, whole.shape)))
        own = {e.source(factor) for factor in factors(node)}
        first = e.wrapped(e.source(node), PRODUCT)
        comes_to = _evaluating(e, node, f"{first} * {NEW}")
        for text, cost, value in forms:
            if text not in own:
                factor = e.wrapped(text, PRODUCT + 1)
                kind = factor_kind(text, value, "missing")
                new = e.put(node, f"{first} * {factor}", binds=PRODUCT)
                yield Edit(new, kind, cost + 0.3 * (node is not e.root), "", factor, comes_to=comes_to(text))
    yield from _exchanged(e, pool, made)
    if whole is not None and whole.ndim and isinstance(e.root, ast.expr):
        for text in _differences(pool, whole.shape):
            yield Edit(f"{e.wrapped(e.text, 9)} * {text}", factor_kind(text, whole, "missing"), 3.3, "", text)


def quotients(e: Expression, pool: Pool) -> Iterator[Edit]:
    """The whole divided by what is spread over it, dx / std; by or times what has a number a row, d / dist[:, None]."""
    whole = e.array(e.root)
    if whole is None or not whole.ndim or not isinstance(e.root, ast.expr):
        return
    first = e.wrapped(e.text, PRODUCT)
    over, times = (_evaluating(e, e.root, f"{first} {sign} {NEW}") for sign in "/*")
    for o in pool.operands:
        if o.array.dtype.kind == "f" and o.array.all():
            if _spreads(o.array.shape, whole.shape):
                yield _factor_put_in(f"{first} / {o.text}", f"/ {o.text}", o.array, 2.7, over(o.text))
            elif o.array.ndim == 1 and whole.ndim == 2 and len(o.array) == len(whole):
                row = f"{o.text}[:, None]"
                yield _factor_put_in(f"{first} / {row}", f"/ {row}", o.array, 2.8, over(row))
                yield _factor_put_in(f"{first} * {row}", row, o.array, 2.8, times(row))


def _factor_put_in(text: str, new: str, value: Array, cost: float, comes_to: Callable[[], Any] | None) -> Edit:
    return Edit(text, factor_kind(new, value, "missing"), cost, "", new, comes_to=comes_to)


def _differences(pool: Pool, shape: tuple[int, ...]) -> Iterator[str]:
    """What a gate's gradient is multiplied by: the difference of what it lets in and what it lets out."""
    plain = [o.text for o in pool.operands if o.array.shape == shape and o.text.isidentifier()]
    yield from (f"({a} - {b})" for a, b in permutations(plain[:PLAIN], 2))


def softmaxes(e: Expression, pool: Pool) -> Iterator[Edit]:
    """p * (g - Σ g p) for what takes a softmax's derivative entry by entry, or has half of it."""
    whole = e.array(e.root)
    if whole is None or whole.ndim < 2:
        return
    for p in pool.like(whole):
        axis = next((k for k in reversed(range(whole.ndim)) if _sums_to_one(p.array, k)), None)
        if axis is not None and (upstream := _beside_the_diagonal(e, p.text)):
            new = (
                f"{p.text} * ({upstream} - ({e.wrapped(upstream, PRODUCT)} * {p.text}).sum(axis={axis}, keepdims=True))"
            )
            yield Edit(new, "derivative-wrong", 1.2, e.text, new)
        for node in e.nodes() if axis is not None else ():
            array, g = e.array(node), e.wrapped(e.source(node), 10)
            if array is not None and array.shape == whole.shape and p.text not in _read(e, node):
                new = f"{p.text} * ({e.source(node)} - ({g} * {p.text}).sum(axis={axis}, keepdims=True))"
                yield Edit(new, "derivative-wrong", 2.4, e.text, new)


def _beside_the_diagonal(e: Expression, p: str) -> str:
    """What a product is made of but for p (1 - p); "" where it has no such factors."""
    above = [e.source(f) for f in factors(e.root)] if isinstance(e.root, ast.expr) else []
    below, node = [], e.root
    while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
        below += [e.source(node.right)] if isinstance(node.op, ast.Div) else []
        node = node.left
    diagonal = [p, next((t for t in above if re.sub(r"[\s()]|(?<=1)\.0*", "", t) == f"1-{p}"), "")]
    if not all(d in above for d in diagonal):
        return ""
    for d in diagonal:
        above.remove(d)
    product = " * ".join(e.wrapped(t, PRODUCT) for t in above) if len(above) > 1 or below else "".join(above)
    return product + "".join(f" / {e.wrapped(t, PRODUCT + 1)}" for t in reversed(below))


def _sums_to_one(p: Array, axis: int) -> bool:
    return p.shape[axis] > 1 and bool((p >= 0).all()) and bool(np.allclose(p.sum(axis=axis), 1, atol=1e-6))


def _read(e: Expression, node: ast.AST) -> set[str]:
    return {e.source(n) for n in ast.walk(node) if isinstance(n, ast.expr)}


def powers(e: Expression, _: Pool) -> Iterator[Edit]:
    """A factor's square or cube in its place, and that of what is taken from one: 1 - t**2 for 1 - t."""
    for node in e.nodes():
        array, parent = e.array(node), e.parents.get(node)
        product = isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Mult, ast.Div))
        left = _is_taken_from_one(node, parent)
        operand = isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or (left and _is_ratio(node))
        if operand and array is not None and (product or left):
            for k in (2, 3):
                new = f"{e.wrapped(e.source(node), ATOM)}**{k}"
                kind: Kind = "derivative-wrong" if left else "operand" if array.ndim else "factor-wrong"
                yield Edit(e.put(node, new), kind, 1.1 if left else 1.4 + 0.1 * k, e.source(node), new)


def _is_ratio(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Mult))


def _is_taken_from_one(node: ast.AST, parent: ast.AST | None) -> bool:
    taken = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Sub) and node is parent.right
    return taken and isinstance(parent, ast.BinOp) and ast.unparse(parent.left) in ("1", "1.0")


def _exchanged(e: Expression, pool: Pool, made: _Forms) -> Iterator[Edit]:
    for node in e.nodes():
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)) or _is_factor(e, node):
            continue
        for factor in factors(node):
            array = e.array(factor)
            if array is not None and array.ndim:
                own, comes_to = e.source(factor), _evaluating(e, factor, NEW)
                for text, cost, value in made.get(array.shape) or list(_forms(pool, array.shape)):
                    kind = factor_kind(text + own, value, "wrong")
                    yield Edit(e.put(factor, text), kind, cost + 0.4, own, text, comes_to=comes_to(text))


def _evaluating(e: Expression, node: ast.AST, new: str) -> Callable[[str], Callable[[], Any] | None]:
    """From a text that is put in to what tells the value of the whole with it; a statement has none."""
    if not isinstance(e.root, ast.expr):
        return lambda text: None
    whole = e.given(node, new)
    return lambda text: lambda: whole(e.read(text))


def _may_take(e: Expression, node: ast.expr) -> bool:
    """Whether a factor may be put in here: at the whole, at an operand, at a matrix product."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return False
    parent = e.parents.get(node)
    if isinstance(parent, ast.Attribute) and parent.attr == "T":
        return True
    return node is e.root or isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)) or _is_product(node)


def _is_product(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.MatMult, ast.Mult))


def _is_factor(e: Expression, node: ast.AST) -> bool:
    parent = e.parents.get(node)
    return isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult)


def _forms(pool: Pool, shape: tuple[int, ...]) -> Iterator[tuple[str, float, Array]]:
    """Everything of this shape that a gradient is ever multiplied by: text, cost, value of what it is made of."""
    varied = [o for o in pool.operands if o.array.dtype.kind == "b" or np.ptp(o.array)]  # of zeros all is constant
    for operand in varied:
        if operand.array.shape == shape:
            for text, cost in _of(operand, pool):
                yield text, cost, operand.array
    for operand in varied:
        if operand.array.shape == shape:
            yield operand.text, 2.6, operand.array
        elif _spreads(operand.array.shape, shape):
            yield operand.text, 2.8, operand.array


def _spreads(own: tuple[int, ...], over: tuple[int, ...]) -> bool:
    """Whether an array is broadcast over another one's shape: a scale over samples."""
    try:
        return np.broadcast_shapes(own, over) == over
    except ValueError:
        return False


def _of(operand: Operand, pool: Pool) -> Iterator[tuple[str, float]]:
    x, np_ = operand.text, pool.numpy
    before = bool(_BEFORE.match(operand.text.rpartition(".")[2]))
    into, out = 2.0 + 0.2 * (not before), 2.0 + 0.2 * before
    if operand.array.dtype.kind == "b":
        yield x, 1.8
        yield f"~{x}", 2.4
        return
    if not (operand.array > 0).all():
        yield f"{x} > 0", into
    yield f"1 - {x}**2", out + 0.05
    yield f"{x} * (1 - {x})", out + 0.1
    yield f"1 - {x}", out + 0.15
    for name, _ in pool.functions:
        yield f"{name}({x})", (into - 0.3 if is_derivative(name) else into + 0.9)
        if not is_derivative(name):
            yield f"{name}({x}) * (1 - {name}({x}))", into + 1.0
            yield f"1 - {name}({x})**2", into + 1.0
    if np_:
        yield f"1 - {np_}.tanh({x})**2", into + 0.4
        yield f"{np_}.cos({x})", into + 0.8
        yield f"{np_}.exp({x})", into + 0.8
        yield f"1 / (1 + {np_}.exp(-{x}))", into + 0.8
        for slope in (*(n.text for n in pool.numbers if 0 < n.array < 1), *(f"{v:g}" for v in pool.literals)):
            yield f"{np_}.where({x} > 0, 1, {slope})", into + 0.5
        yield f"{np_}.where({x} > 0, 1, {np_}.exp({x}))", into + 0.8
    yield f"2 * {x}", into + 0.8
    yield f"{x}**2", into + 0.9
    yield f"{x}**3", into + 0.9
