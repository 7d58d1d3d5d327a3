"""A statement that computes a gradient or updates a parameter, and what is known of the names that it may use."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from gradcheck.mutate.text import Text

Array = NDArray[Any]
_ATOMS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a bug can be planted."""

    file: str
    """Absolute path."""
    text: Text
    """The file's source."""
    node: ast.stmt
    """The statement."""
    block: tuple[ast.stmt, ...]
    """The statements of the same block, this one included."""
    values: Mapping[str, Array]
    """What each name in reach of the statement stood for."""
    gradients: Callable[[str], bool]
    """Whether a name is a gradient's."""
    updates: str = ""
    """The parameter that the statement updates; "" for one that computes a gradient."""
    parameters: frozenset[str] = frozenset()
    """Names of what has a gradient and is updated or held."""

    def source(self, node: ast.AST) -> str:
        """An expression as its author wrote it."""
        return self.text.of(node)

    def wrapped(self, node: ast.AST) -> str:
        """The same, in parentheses where it may need them."""
        return self.source(node) if isinstance(node, _ATOMS) else f"({self.source(node)})"

    @staticmethod
    def lines(node: ast.stmt) -> frozenset[int]:
        """The numbers of a statement's lines."""
        return frozenset(range(node.lineno, (node.end_lineno or node.lineno) + 1))

    def same_target(self, node: ast.AST) -> TypeGuard[ast.stmt]:
        """Whether a statement binds or edits what this one does."""
        return isinstance(node, ast.stmt) and target_of(self.node) in {target_of(node), *_bound_together(node)} - {""}

    def results(self) -> list[ast.expr]:
        """The expressions whose values the statement binds, adds or returns."""
        node = self.node
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)) and node.value is not None:
            return list(node.value.elts) if isinstance(node.value, ast.Tuple) else [node.value]
        call = node.value if isinstance(node, ast.Expr) else None
        return [call.args[-1]] if isinstance(call, ast.Call) and call.args else []

    def expressions(self) -> Iterator[ast.expr]:
        """Every expression of the statement's right side."""
        for result in self.results():
            yield from (n for n in ast.walk(result) if isinstance(n, ast.expr))

    def carries_gradient(self, node: ast.AST) -> bool:
        """Whether an expression is computed from a gradient."""
        return any(isinstance(n, (ast.Name, ast.Attribute)) and self.gradients(ast.unparse(n)) for n in ast.walk(node))

    def value(self, node: ast.AST) -> Array | None:
        """What a name stood for; None where it is not known."""
        return self.values.get(ast.unparse(node))

    def is_scalar(self, node: ast.AST) -> bool:
        """Whether an expression is a plain number: a literal, a size, a learning rate, or made of such."""
        if isinstance(node, ast.Constant):
            return isinstance(node.value, (int, float))
        if isinstance(node, ast.BinOp):
            return self.is_scalar(node.left) and self.is_scalar(node.right)
        if isinstance(node, ast.UnaryOp):
            return self.is_scalar(node.operand)
        if isinstance(node, ast.Call):
            return ast.unparse(node.func) in ("len", "float", "int", "np.sqrt") and not self.carries_gradient(node)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith(".shape"):
            return True
        value = self.value(node)
        return value.ndim == 0 if value is not None else isinstance(node, (ast.Name, ast.Attribute))

    def is_penalty(self, term: ast.AST) -> bool:
        """Whether a term is `lam * W`: a parameter times plain numbers."""
        held = any(
            isinstance(n, (ast.Name, ast.Attribute)) and ast.unparse(n) in self.parameters for n in ast.walk(term)
        )
        products = all(isinstance(n, (ast.Mult, ast.Div)) for n in ast.walk(term) if isinstance(n, ast.operator))
        return held and products and not self.carries_gradient(term)

    def is_mask(self, node: ast.AST) -> bool:
        """Whether an expression holds ones and zeros: a comparison, or a name that stood for such."""
        if any(isinstance(n, ast.Compare) for n in ast.walk(node)):
            return True
        value = self.value(node)
        return value is not None and value.ndim > 0 and len(np.unique(value)) <= 2 and not value.all()


def target_of(node: ast.stmt) -> str:
    """The name that a statement binds or edits, without indices: dW of `dW[i] += ...` and of `np.add.at(dW, ...)`."""
    target: ast.expr | None = getattr(node, "target", None)
    if isinstance(node, ast.Assign):
        target = node.targets[0]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.value.args:
        target = node.value.args[0]
    while isinstance(target, ast.Subscript):
        target = target.value
    return ast.unparse(target) if isinstance(target, (ast.Name, ast.Attribute)) else ""


def _bound_together(node: ast.stmt) -> Iterator[str]:
    """The names that one assignment binds at once: dW, db = np.zeros_like(W), np.zeros_like(b)."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    yield from (ast.unparse(n) for t in targets if isinstance(t, ast.Tuple) for n in t.elts)


@dataclass(frozen=True, slots=True)
class Bug:
    """One edit, and what a right diagnosis calls it."""

    kind: str
    """As the report groups it: "wrong axis"."""
    categories: tuple[str, ...]
    """The contract's categories by which it may rightly be named, the best first."""
    edits: tuple[tuple[ast.AST, str], ...]
    """What stands in the place of which expressions or statements."""
