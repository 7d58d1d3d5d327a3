"""Edits that exchange one thing for another: operands, numbers, functions, operators, indices."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from gradcheck.fix.candidates.layout import subject_of
from gradcheck.fix.candidates.steps import in_index
from gradcheck.fix.edit import Edit, Kind
from gradcheck.fix.expression import SIGNS, Expression, factors
from gradcheck.fix.pool import Operand, Pool, is_derivative, unlike

_OPERANDS = (ast.Name, ast.Attribute, ast.Subscript)
_NUMPY = ("tanh", "exp", "log", "sqrt", "cos", "sin", "sign", "abs", "square", "sinh", "cosh", "maximum", "minimum")
_EXCHANGED: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.Lt: (ast.Gt, ast.LtE, ast.GtE),
    ast.LtE: (ast.Gt, ast.Lt, ast.GtE),
    ast.Gt: (ast.Lt, ast.GtE, ast.LtE),
    ast.GtE: (ast.Lt, ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}


def operands(e: Expression, pool: Pool) -> Iterator[Edit]:
    """Every operand for every other of its shape, and in a product for the other layout of one."""
    for node in e.nodes():
        if not isinstance(node, _OPERANDS) or _is_callee(e, node):
            continue
        array, own = e.array(node), e.source(node)
        if array is None:
            continue
        for other in pool.operands if array.ndim else pool.numbers:
            if other.text == own or not _fits(other, array) or _is_one_of_many(node, other.text):
                continue
            kind: Kind = "derivative-place" if within_derivative(e, node) else "operand"
            cost = 1.2 + 0.6 * unlike(own, other.text)
            if not array.ndim:
                kind, cost = "factor-wrong", cost + 0.2
            yield Edit(e.put(node, other.text), kind, cost, own, other.text)
            if array.ndim == 2 and not _is_transposed(e, node) and kind == "operand":
                yield Edit(e.put(node, f"{other.text}.T"), kind, cost + 0.6, own, f"{other.text}.T")


def _is_one_of_many(node: ast.AST, other: str) -> bool:
    """Whether it is h[3] for h[t]: no turn of the loop has another one by its number."""
    counted = isinstance(node, ast.Subscript) and isinstance(node.slice, (ast.Name, ast.BinOp))
    return counted and re.search(r"\[\d+\]$", other) is not None


def everywhere(e: Expression, pool: Pool) -> Iterator[Edit]:
    """An array that is read several times for another one of its shape each time: A * (1 - A) for Z * (1 - Z)."""
    read: dict[str, list[ast.AST]] = {}
    for node in e.nodes():
        if isinstance(node, _OPERANDS) and not _is_callee(e, node):
            read.setdefault(e.source(node), []).append(node)
    for own, nodes in read.items():
        array = e.array(nodes[0]) if len(nodes) > 1 else None
        if array is None or not array.ndim:
            continue
        kind: Kind = "derivative-place" if within_derivative(e, nodes[-1]) else "operand"
        for other in pool.like(array):
            if other.text != own:
                text = e.with_all(dict.fromkeys(nodes, other.text))
                yield Edit(text, kind, 1.4 + 0.6 * unlike(own, other.text), own, other.text)


def _fits(other: Operand, array: object) -> bool:
    shape = getattr(array, "shape", ())
    return other.array.shape in (shape, shape[::-1])


def _is_callee(e: Expression, node: ast.AST) -> bool:
    parent = e.parents.get(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _is_transposed(e: Expression, node: ast.AST) -> bool:
    parent = e.parents.get(node)
    return isinstance(parent, ast.Attribute) and parent.attr == "T"


def within_derivative(e: Expression, node: ast.AST) -> bool:
    """Whether a part belongs to a factor that is computed in place, as (1 - A ** 2) and relu_prime(Z) are."""
    child, parent = node, e.parents.get(node)
    while parent is not None:
        product = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult)
        if product and not isinstance(child, (*_OPERANDS, ast.Constant)) and not _is_matrix(child):
            inner = isinstance(child, ast.BinOp) and isinstance(child.op, (ast.Mult, ast.Div))
            if not inner and _multiplies_an_array(e, child):  # of a product within a product each is one of the whole
                return True
        child, parent = parent, e.parents.get(parent)
    return False


def _multiplies_an_array(e: Expression, factor: ast.AST) -> bool:
    """Whether it stands beside a gradient: in 2 * (a - y) / m it is the gradient itself."""
    top = e.parents[factor]
    while isinstance(e.parents.get(top), ast.BinOp) and isinstance(e.parents[top].op, (ast.Mult, ast.Div)):  # type: ignore[attr-defined]
        top = e.parents[top]
    others = (e.array(f) for f in factors(top) if f is not factor) if isinstance(top, ast.expr) else ()
    return any(a is None or a.ndim > 0 for a in others)


def _is_matrix(node: ast.AST) -> bool:
    """Whether a matrix product or a plain sum is in it: what flows back, not what it is multiplied by."""
    called = {getattr(n.func, "attr", "") for n in ast.walk(node) if isinstance(n, ast.Call)}
    product = any(isinstance(n, ast.MatMult) for n in ast.walk(node))
    return product or bool(called & {"dot", "matmul", "sum", "einsum"})


def indices(e: Expression, _: Pool) -> Iterator[Edit]:
    """One layer or time step further or back: W[l] for W[l + 1], h[t - 1] for h[t]."""
    for node in e.nodes():
        if not isinstance(node, ast.Subscript) or isinstance(node.slice, (ast.Tuple, ast.Slice)):
            continue
        for text, cost in _shifted(e, node.slice):
            yield Edit(e.put(node.slice, text), "step", cost, e.source(node.slice), text)


def _shifted(e: Expression, index: ast.expr) -> Iterator[tuple[str, float]]:
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        yield from ((str(index.value + by), 1.4) for by in (1, -1) if index.value + by >= 0)
    elif isinstance(index, ast.BinOp) and isinstance(index.op, (ast.Add, ast.Sub)):
        yield e.source(index.left), 1.2
        sign = "-" if isinstance(index.op, ast.Add) else "+"
        yield f"{e.source(index.left)} {sign} {e.source(index.right)}", 1.4
    elif isinstance(e.value(index), int):
        yield from ((f"{e.source(index)} {sign} 1", 1.4) for sign in "+-")
    if isinstance(index, ast.JoinedStr) or (isinstance(index, ast.BinOp) and isinstance(e.value(index), str)):
        yield from _shifted_keys(e, index)


def _shifted_keys(e: Expression, key: ast.expr) -> Iterator[tuple[str, float]]:
    """The number within a key that is put together: f"W{l + 1}", "W" + str(l + 1)."""
    for node in ast.walk(key):
        if isinstance(node, (ast.Name, ast.BinOp)) and isinstance(e.value(node), int) and node is not key:
            start, end = e.span(key)
            for text, cost in _shifted(e, node):
                inner_start, inner_end = e.outer(node)
                yield e.text[start:inner_start] + text + e.text[inner_end:end], cost + 0.2


def functions(e: Expression, pool: Pool) -> Iterator[Edit]:
    """A function for another of the project's of one argument, or of NumPy's."""
    for node in e.nodes():
        if not isinstance(node, ast.Call) or len(node.args) not in (1, 2) or node.keywords:
            continue
        own = e.source(node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _NUMPY:
            others = [(f"{e.source(node.func.value)}.{name}", 1.6) for name in _NUMPY if name != node.func.attr]
        else:
            others = [(name, 1.2 + 0.5 * unlike(own, name)) for name, _ in pool.functions if name != own]
        for name, cost in others if len(node.args) == 1 or own.endswith("imum") else ():
            named = is_derivative(own) or is_derivative(name)
            kind: Kind = "derivative-wrong" if named or within_derivative(e, node) else "operand"
            yield Edit(e.put(node.func, name), kind, cost, own, name)


def operators(e: Expression, _: Pool) -> Iterator[Edit]:
    """+ for -, * for /, < for >; exponents and small numbers; two operands of a difference swapped."""
    for node in e.nodes():
        if isinstance(node, ast.BinOp) and type(node.op) in _EXCHANGED:
            yield from _other_operator(e, node, node.left, node.op, node.right)
            if isinstance(node.op, ast.Sub):
                text = e.with_all({node.left: e.source(node.right), node.right: e.source(node.left)})
                yield Edit(text, "sign", 1.2, e.source(node), f"{e.source(node.right)} - {e.source(node.left)}")
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _EXCHANGED:
            yield from _other_operator(e, node, node.left, node.ops[0], node.comparators[0])
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Invert, ast.Not)):
            kind: Kind = "sign" if isinstance(node.op, ast.USub) else "mask-wrong"
            yield Edit(e.put(node, e.source(node.operand)), kind, 1.0, e.source(node), e.source(node.operand))
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float) and not _is_index(e, node):
            yield from _other_number(e, node)
        if isinstance(node, ast.Call):
            yield from _other_call(e, node)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "where" and len(node.args) == 3:
            yes, no = node.args[1:]
            text = e.with_all({yes: e.source(no), no: e.source(yes)})
            yield Edit(text, "mask-wrong", 1.3, e.source(node), text)


def _other_call(e: Expression, node: ast.Call) -> Iterator[Edit]:
    """A function of what is given it with the other sign, exp(-x); along another axis, if it is told one."""
    if len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], (ast.UnaryOp, ast.Constant)):
        array = e.array(node.args[0])
        if array is not None and array.ndim and array.dtype.kind == "f":
            new = f"-{e.wrapped(e.source(node.args[0]), 10)}"
            yield Edit(e.put(node.args[0], new), "derivative-wrong", 1.2, e.source(node.args[0]), new)
    for keyword in node.keywords:
        axis = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if keyword.arg == "axis" and type(axis) is int and subject_of(node) is None:
            for other in {0, 1, -1} - {axis}:
                yield Edit(e.put(keyword.value, str(other)), "axis", 1.2, str(axis), str(other))


def negated(e: Expression, _: Pool) -> Iterator[Edit]:
    """What a statement writes into a part of an array, with the other sign."""
    if isinstance(e.root, ast.Assign) and not isinstance(e.root.value, ast.UnaryOp):
        new = f"-{e.wrapped(e.source(e.root.value), 9)}"
        yield Edit(e.put(e.root.value, new), "sign", 1.4, e.source(e.root.value), new)


def _other_operator(
    e: Expression, node: ast.expr, left: ast.expr, operator: ast.AST, right: ast.expr
) -> Iterator[Edit]:
    old = SIGNS[type(operator)]
    for other in _EXCHANGED[type(operator)]:
        new = SIGNS[other]
        text = e.with_operator(left, right, old, new)
        if isinstance(operator, ast.cmpop):
            kind: Kind = "mask-wrong"
        elif within_derivative(e, node):
            kind = "derivative-wrong"
        else:
            kind = "sign" if old in "+-" else "factor-wrong"
        yield Edit(text, kind, 1.0 + 0.2 * (len(new) > 1), old, new)


def _is_index(e: Expression, node: ast.AST) -> bool:
    parent = e.parents.get(node)
    return isinstance(parent, (ast.Subscript, ast.Slice, ast.keyword, ast.Tuple))


def _other_number(e: Expression, node: ast.Constant) -> Iterator[Edit]:
    value = node.value
    assert isinstance(value, (int, float))
    for other in (value + 1, value - 1, value * 2, value / 2, 0, 1):
        if other != value and not (other != int(other) and in_index(e, node)):
            text = f"{other:g}"
            power = _power(e, node)
            if power is not None:
                whole, (start, end) = e.put(node, text), e.span(power)
                yield Edit(whole, "operand", 1.3, e.source(power), whole[start : end + len(whole) - len(e.text)])
                continue
            kind: Kind = "derivative-wrong" if within_derivative(e, node) else "literal"
            yield Edit(e.put(node, text), kind, 1.3, e.source(node), text)


def _power(e: Expression, exponent: ast.AST) -> ast.BinOp | None:
    """Of an exponent the power, if that is a factor by itself: inv**3, not the square in 1 - A**2."""
    match e.parents.get(exponent):
        case ast.BinOp(op=ast.Pow(), left=ast.Name() | ast.Attribute(), right=right) as power if right is exponent:
            parent = e.parents.get(power)
            product = isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Mult, ast.Div))
            array = e.array(power)
            return power if product and array is not None and array.ndim else None
    return None
