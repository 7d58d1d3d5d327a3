"""Edits of layout and reduction: transposes, operands swapped, axes, sums missing or one too many."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import product

from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import ATOM, SIGNS, Expression, level
from gradcheck.fix.pool import Pool

_REDUCTIONS = frozenset({"sum", "mean", "max", "min", "nansum", "prod"})
_PRODUCTS = frozenset({"dot", "matmul", "outer", "inner"})


def layouts(e: Expression, _: Pool) -> Iterator[Edit]:
    """Transposes put in, taken out, and every arrangement of a product's two operands."""
    for node in e.nodes():
        pair = operands_of_product(node)
        if pair is not None:
            yield from _arrangements(e, node, *pair)
        elif (turned := untransposed(node)) is not None and not _in_product(e, node):
            yield Edit(e.put(node, e.source(turned)), "transpose", 1.0, e.source(node), e.source(turned))
        elif not _in_product(e, node) and (array := e.array(node)) is not None and array.ndim == 2:
            cost = 1.2 if level(node) == ATOM else 1.6
            yield Edit(e.put(node, transposed(e, node)), "transpose", cost, e.source(node), transposed(e, node))


def operands_of_product(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """The operands of a @ b, np.dot(a, b), a.dot(b) and the like; None for anything else."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if isinstance(node, ast.Call) and _called(node) in _PRODUCTS and not node.keywords:
        if len(node.args) == 2:
            return node.args[0], node.args[1]
        if len(node.args) == 1 and isinstance(node.func, ast.Attribute):
            return node.func.value, node.args[0]
    return None


def _in_product(e: Expression, node: ast.AST) -> bool:
    """Whether a node is an operand of a product or a part of one, whose arrangements are tried as a whole."""
    parent = e.parents.get(node)
    if parent is None:
        return False
    pair = operands_of_product(parent)
    within = isinstance(parent, ast.Attribute) and parent.attr == "T"
    return (pair is not None and node in pair) or (within and _in_product(e, parent))


def _arrangements(e: Expression, node: ast.expr, a: ast.expr, b: ast.expr) -> Iterator[Edit]:
    """Either operand transposed or not, in either order."""
    ways = [_either(e, side) for side in (a, b)]
    for (i, left), (j, right) in product(enumerate(ways[0]), enumerate(ways[1])):
        if i or j:
            text = e.with_all({side: new for side, turned, new in ((a, i, left), (b, j, right)) if turned})
            old, new = _changed(e, (a, i, left), (b, j, right))
            yield Edit(text, "transpose", 1.0 + 0.8 * (i and j), old, new)
        swapped = e.with_all({a: right, b: left})
        start, end = e.span(node)
        new = swapped[start : len(swapped) - (len(e.text) - end)]
        cost = 1.1 if i and j else 1.5 + 0.5 * (i or j)  # both turned as well: the transpose of the product
        yield Edit(swapped, "transpose", cost, e.source(node), new)


def _changed(e: Expression, *sides: tuple[ast.expr, int, str]) -> tuple[str, str]:
    changed = [(e.source(side), new) for side, turned, new in sides if turned]
    return " and ".join(old for old, _ in changed), " and ".join(new for _, new in changed)


def _either(e: Expression, side: ast.expr) -> list[str]:
    """An operand as it is and transposed; of a stack of matrices, each of them."""
    own = e.source(side)
    array = e.array(side)
    if array is None or array.ndim < 2:
        return [own]
    inner = untransposed(side) if array.ndim == 2 else _with_axes_swapped(side)
    if inner is not None:
        return [own, e.source(inner)]
    return [own, transposed(e, side) if array.ndim == 2 else f"{e.wrapped(own, 13)}.swapaxes(-1, -2)"]


def _with_axes_swapped(node: ast.expr) -> ast.expr | None:
    """x of x.swapaxes(-1, -2) and x.transpose(0, 2, 1)."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
        swaps = _called(node) == "swapaxes" and len(node.args) == 2
        turns = _called(node) == "transpose" and len(node.args) > 2
        return node.func.value if swaps or turns else None
    return None


def transposed(e: Expression, node: ast.expr) -> str:
    """A part with .T behind it."""
    return f"{e.wrapped(e.source(node), 13)}.T"


def untransposed(node: ast.AST) -> ast.expr | None:
    """x of x.T, x.transpose() and np.transpose(x)."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    if isinstance(node, ast.Call) and _called(node) == "transpose" and not node.keywords:
        if not node.args and isinstance(node.func, ast.Attribute):
            return node.func.value
        if len(node.args) == 1 and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            return node.args[0]
    return None


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


# -- reductions


def reductions(e: Expression, _: Pool) -> Iterator[Edit]:
    """Another axis, none or one more; keepdims; a mean for a sum; a reduction dropped or put in."""
    for node in e.nodes():
        subject = subject_of(node)
        if subject is not None and isinstance(node, ast.Call):
            array = e.array(subject)
            if array is not None:
                yield from _other_axes(e, node, array.ndim)
                yield from _other_keepdims(e, node, array.ndim)
                yield from _other_reduction(e, node)
                yield Edit(e.put(node, e.source(subject)), "sum-extra", 2.0, e.source(node), e.source(subject))
        elif isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or node is e.root or _is_term(e, node):
            yield from _summed(e, node)


def _is_term(e: Expression, node: ast.AST) -> bool:
    """Whether it is a product that is added or taken off: what is taken off a softmax's gradient is a sum of such."""
    parent = e.parents.get(node)
    sums = isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Sub))
    return sums and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


def subject_of(node: ast.AST) -> ast.expr | None:
    """What a call sums or otherwise reduces; None for anything else."""
    if not isinstance(node, ast.Call) or _called(node) not in _REDUCTIONS:
        return None
    if isinstance(node.func, ast.Attribute) and not (isinstance(node.func.value, ast.Name) and _is_module(node)):
        return node.func.value
    return node.args[0] if node.args else None


def _is_module(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") in ("np", "numpy", "cp", "xp")


def _axis_node(node: ast.Call) -> ast.expr | None:
    for keyword in node.keywords:
        if keyword.arg == "axis":
            return keyword.value
    subject = subject_of(node)
    rest = [a for a in node.args if a is not subject]
    return rest[0] if rest else None


def _other_axes(e: Expression, node: ast.Call, ndim: int) -> Iterator[Edit]:
    given = _axis_node(node)
    choices = [str(k) for k in range(ndim)] + (["(0, 1)", "(0, 2)", "(1, 2)"] if ndim == 3 else [])
    choices += ["(0, 2, 3)", "(0, 1, 2)", "(1, 2, 3)", "(2, 3)"] if ndim == 4 else []
    if given is None:
        for axis in choices:
            yield Edit(_with_keyword(e, node, f"axis={axis}"), "axis-missing", 1.0, "", f"axis={axis}")
        return
    for axis in choices:
        if axis != e.source(given):
            yield Edit(e.put(given, axis), "axis", 1.0, f"axis={e.source(given)}", f"axis={axis}")
    yield Edit(_without(e, node, given), "axis", 1.5, f"axis={e.source(given)}", "")


def _other_keepdims(e: Expression, node: ast.Call, ndim: int) -> Iterator[Edit]:
    given = next((k.value for k in node.keywords if k.arg == "keepdims"), None)
    if given is None:
        for axis in _axes_with(e, node, ndim):
            yield Edit(axis, "keepdims", 1.2 + 0.5 * (_axis_node(node) is None), "", "keepdims=True")
    else:
        yield Edit(_without(e, node, given), "keepdims", 1.2, f"keepdims={e.source(given)}", "")


def _axes_with(e: Expression, node: ast.Call, ndim: int) -> Iterator[str]:
    """With keepdims, at the axis that is given or at each."""
    if _axis_node(node) is not None:
        yield _with_keyword(e, node, "keepdims=True")
    else:
        yield from (_with_keyword(e, node, f"axis={axis}, keepdims=True") for axis in range(ndim))


def _other_reduction(e: Expression, node: ast.Call) -> Iterator[Edit]:
    name = _called(node)
    for other in ("sum", "mean"):
        if other != name and isinstance(node.func, ast.Attribute):
            _, end = e.span(node.func)
            text = e.text[: end - len(name)] + other + e.text[end:]
            yield Edit(text, "mean", 1.2, name, other)


def _with_keyword(e: Expression, node: ast.Call, keyword: str) -> str:
    _, end = e.span(node)
    inside = e.text[: end - 1].rstrip()
    comma = "" if inside.endswith("(") else " " if inside.endswith(",") else ", "
    return f"{inside}{comma}{keyword}{e.text[end - 1 :]}"


def _without(e: Expression, node: ast.Call, given: ast.expr) -> str:
    """The call without one argument, and without the comma that goes with it."""
    start, end = e.outer(given)
    before = e.text[:start]
    keyword = next((k for k in node.keywords if k.value is given), None)
    if keyword is not None and keyword.arg is not None:
        before = before.rstrip()[:-1].rstrip()[: -len(keyword.arg)]
    before, after = before.rstrip(), e.text[end:]
    if before.endswith(","):
        return before[:-1] + after
    return before + (after.lstrip()[1:].lstrip() if after.lstrip().startswith(",") else after)


def _summed(e: Expression, node: ast.expr) -> Iterator[Edit]:
    array = e.array(node)
    if array is None or not 1 <= array.ndim <= 4 or _in_product(e, node):
        return
    inner = e.wrapped(e.source(node), 13)
    axes = [str(k) for k in range(array.ndim)] + (["(0, 1)"] if array.ndim == 3 else [])
    for axis in axes + (["(0, 2, 3)"] if array.ndim == 4 else []):
        for keep in ("", ", keepdims=True"):
            new = f"{inner}.sum(axis={axis}{keep})"
            yield Edit(e.put(node, new), "sum-missing", 1.8 + 0.3 * bool(keep), e.source(node), new)


# -- products


def products(e: Expression, _: Pool) -> Iterator[Edit]:
    """@ for * and * for @."""
    for node in e.nodes():
        if not isinstance(node, ast.BinOp) or type(node.op) not in (ast.Mult, ast.MatMult):
            continue
        left, right = e.array(node.left), e.array(node.right)
        if left is None or right is None or not (left.ndim and right.ndim):
            continue
        old = SIGNS[type(node.op)]
        new = "@" if old == "*" else "*"
        text = e.with_operator(node.left, node.right, old, new)
        yield Edit(text, "product", 1.3, old, new)
        turned = Expression(text, e.scope, statement=isinstance(e.root, ast.stmt))
        for again in turned.nodes():
            if isinstance(again, ast.BinOp) and e.span(node) == turned.span(again) and new == "@":
                for one in _arrangements(turned, again, again.left, again.right):
                    yield Edit(one.text, "product", one.cost + 1.3, old, new)


def flips(e: Expression, _: Pool) -> Iterator[Edit]:
    """A kernel turned by half, or left as it is; a row of numbers from the other end."""
    for node in e.nodes():
        array = e.array(node)
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or array is None or _in_product(e, node):
            continue
        if array.ndim not in (1, 2) or (array.ndim == 2 and isinstance(node, ast.Subscript)):
            continue
        new = f"{e.source(node)}{'[::-1, ::-1]' if array.ndim == 2 else '[::-1]'}"
        yield Edit(e.put(node, new), "operand", 2.6, e.source(node), new)
