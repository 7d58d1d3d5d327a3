"""What the names of functions, arguments and returned values say about what they are."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from gradcheck import conventions

_BACKWARD = frozenset(
    "backward backwards bwd bw bprop backprop back backpropagation backpropagate grad grads gradient gradients"
    " derivative deriv der derivatives prime vjp jac jacobian adjoint transpose adj rmatvec d".split()
)
_FORWARD = frozenset("forward forwards fwd fw fprop forwardprop feedforward forwardpropagation matvec".split())
_BESIDE = frozenset("pass prop propagation propagate".split())
CACHES = re.compile(r"(?i)^_*(\w*cache[sd]?\d*|memory|mem|ctx|context|saved|tape|state|forward_cache|intermediates?)$")
UPSTREAM = re.compile(
    r"(?i)^_*(d_?(out|y|z|a|h|l|o|s|output|outputs|next\w*|prev\w*|value\w*|loss|top|curr?|upstream|activation)\w*|g|gy|gout|"
    r"g_?out|grad\w*|\w+_grad\w*|upstream\w*|delta\w*|err(or)?|top_diff|dout\w*|dL\w*|next_grad\w*|v|cotangent|ct)$"
)
LABELS = re.compile(
    r"(?i)^(y|ys|t|labels?|targets?|y_?true|truth|y_?batch|y_?train|y_?hot|one_?hot\w*|ground_?truth|true_?\w*|y_)$"
)
OPTIMIZERS = re.compile(r"(?i)_*(optim|optimi[sz]er|opt|updater|update_?rule)(_?(class|obj|func|fn|w|b))?$")


_TAKES_UPSTREAM = frozenset(
    "backward backwards bwd bw bprop backprop back backpropagation backpropagate vjp adjoint adj transpose"
    " rmatvec".split()
)
"""Words for what is handed the gradient of the output; a derivative or a gradient may be just that."""


def says_backward(name: str) -> bool:
    """Whether a name says that the gradient of the output is handed in."""
    return not _TAKES_UPSTREAM.isdisjoint(tokens(name)) or bool(re.fullmatch(r"[A-Z]_?T|\w+_T", name))


def says_adjoint(name: str) -> bool:
    """Whether a name says that it is a linear operator's transpose."""
    return not {"adjoint", "adj", "transpose", "rmatvec", "vjp"}.isdisjoint(tokens(name)) or name.endswith("T")


def tokens(name: str) -> list[str]:
    """The words of a name, in lower case: ["affine", "forward"] for affine_forward and affineForward."""
    return [t.lower() for t in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def stem_of_backward(name: str) -> tuple[str, ...] | None:
    """What is left of a name without the word that says backward; None where there is no such word."""
    words = tokens(name)
    at = next((i for i, w in enumerate(words) if w in _BACKWARD), None)
    if at is not None:
        return tuple(w for i, w in enumerate(words) if i != at and w not in _BESIDE)
    if len(name) > 2 and name[0] == "d" and name[1:].isidentifier() and name[1] != "_":
        return tuple(w for w in tokens(name[1:]) if w not in _BESIDE)  # dsigmoid
    if re.fullmatch(r"[A-Z]_?T|\w+_T", name):
        return tuple(tokens(name.removesuffix("T")))  # AT, the adjoint of A
    return None


def stem_of_forward(name: str) -> tuple[str, ...]:
    """What is left of a name without the word that says forward."""
    return tuple(w for w in tokens(name) if w not in _FORWARD and w not in _BESIDE)


def says_forward(name: str) -> bool:
    """Whether a name has a word for forward in it."""
    return not _FORWARD.isdisjoint(tokens(name))


@functools.lru_cache(256)
def definition(function: Callable[..., Any]) -> ast.FunctionDef | None:
    """A function as it is written; None where its source is not at hand."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None
    found = tree.body[0] if tree.body else None
    return found if isinstance(found, ast.FunctionDef) else None


def returned(function: Callable[..., Any], count: int) -> list[str | None]:
    """The names that a function returns a tuple of, as it writes them; None for what is no plain name."""
    written = definition(function)
    for node in ast.walk(written) if written is not None else ():
        if isinstance(node, ast.Return) and node.value is not None:
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            if len(parts) == count:
                return [p.id if isinstance(p, ast.Name) else None for p in parts]
    return [None] * count


def unpacked(function: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """Arguments that are taken apart, and the names of their parts: {"kept": ("mean", "var")} of `mean, var = kept`."""
    found: dict[str, tuple[str, ...]] = {}
    written = definition(function)
    for node in ast.walk(written) if written is not None else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            parts = node.targets[0].elts if isinstance(node.targets[0], ast.Tuple) else []
            names = tuple(p.id for p in parts if isinstance(p, ast.Name))
            if names and len(names) == len(parts):
                found.setdefault(node.value.id, names)
    return found


def belongs(gradient: str, names: Sequence[str]) -> str | None:
    """Which of the names a gradient's name belongs to, by the conventions."""
    bases = conventions.bases(gradient)
    exact = next((b for b in bases if b in names), None)
    if exact is not None:
        return exact
    lowered = {n.lower().replace("_", ""): n for n in names}
    plain = (b.lower().replace("_", "") for b in bases)
    return next((lowered[p] for p in plain if p in lowered), None)


def free(name: str, taken: Sequence[str]) -> str:
    """The name itself, or with a number where it is taken."""
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, 99))) if n not in taken)
