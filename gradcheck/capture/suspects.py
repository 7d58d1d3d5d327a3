"""Which calls in a source may be of a function that has kinks: by name, or because nothing shows that they are not.

A function with kinks has many names: np.maximum, `from numpy import maximum as mx`, `relu = np.maximum`, an argument,
an attribute. So every call is asked at run time that is not plainly of something else.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

import numpy as np

from gradcheck.capture.kinks import NAMES

_HARMLESS = frozenset(dir(builtins)) | frozenset(dir(np.ndarray))


class Suspects:
    """The calls of one source that are asked."""

    def __init__(self, tree: ast.Module) -> None:
        self._modules: set[str] = set()
        self._defined: set[str] = set()
        for node in _statements(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self._defined.add(node.name)
            elif isinstance(node, ast.Import):
                self._modules |= {a.asname or a.name.partition(".")[0] for a in node.names}

    def may_be_kink(self, function: ast.expr) -> bool:
        """Whether what is called has to be looked at when it is called."""
        if isinstance(function, ast.Name):
            name = function.id
        elif isinstance(function, ast.Attribute):
            name = function.attr
            if self.is_of_module(function) and name not in NAMES | {"reduce", "accumulate"}:
                return False
        else:
            return not isinstance(function, ast.Lambda)
        return name in NAMES or name not in self._defined | _HARMLESS

    def is_of_module(self, function: ast.AST) -> bool:
        """Whether it is an attribute of an imported module: np.dot, np.linalg.norm."""
        root = function
        while isinstance(root, ast.Attribute):
            root = root.value
        return root is not function and isinstance(root, ast.Name) and root.id in self._modules


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements, and what else may hold some; no expressions, of which there are many more."""
    for field in ("body", "orelse", "handlers", "finalbody", "cases"):
        for node in getattr(tree, field, ()):
            yield node
            yield from _statements(node)
