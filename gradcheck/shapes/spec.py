"""A shape spec once read: axes, shapes and named entries; filling them with sizes."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gradcheck.errors import UsageError

Sizes = Mapping[str, int | tuple[int, ...]]
"""Symbol -> size; a run of axes such as *batch has a tuple of them."""

LARGEST_SIZE = 2**63 - 1
"""No array has a longer axis; also what keeps 9**9**9 from being worked out."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a shape, or one run of axes."""

    kind: Literal["fixed", "symbol", "any", "rest", "expression"]
    """fixed 784 · symbol m · any _ · rest ... or *batch · expression h*2"""
    text: str
    """As it prints: "784", "m", "_", "*batch", "h*2", "n?"."""
    name: str = ""
    """The symbol, or the name of a run of axes; "" where there is none."""
    size: int = 0
    """Of a fixed axis."""
    optional: bool = False
    """True for n?: the axis may be absent, and then is absent everywhere (NumPy's gufunc signatures)."""
    tree: ast.expr | None = field(default=None, compare=False, repr=False)
    """Of an expression."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols that it needs, in the order written."""
        if self.tree is None:
            return (self.name,) if self.name else ()
        names = (node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class ShapeSpec:
    """A shape with symbols in it; `str` gives it as Python writes a tuple: (m, 10), (h,), ()."""

    axes: tuple[Axis, ...]
    """At most one of them is a run of axes."""

    def __str__(self) -> str:
        return _tuple_text([axis.text for axis in self.axes])


@dataclass(frozen=True, slots=True)
class Entry:
    """A name and the shape that it should have."""

    name: str
    """As in the code, "layers[1].W" included; "" where the spec gives none."""
    shape: ShapeSpec
    """What it should be."""
    role: Literal["value", "input", "output", "gradient"] = "value"
    """input and output stand left and right of ->; a gradient comes from `gradient_spec`."""
    of: str = ""
    """What a gradient is the gradient of."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything that one spec says, in the order written."""

    entries: tuple[Entry, ...]
    """One a name."""
    text: str = field(default="", compare=False)
    """As the user wrote it."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __getitem__(self, name: str) -> ShapeSpec:
        for entry in self.entries:
            if entry.name == name:
                return entry.shape
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(entry.name == name for entry in self.entries)

    def __str__(self) -> str:
        return " ".join(f"{entry.name}:{entry.shape}" if entry.name else str(entry.shape) for entry in self)

    @property
    def inputs(self) -> tuple[Entry, ...]:
        """Left of the arrow."""
        return tuple(entry for entry in self if entry.role == "input")

    @property
    def outputs(self) -> tuple[Entry, ...]:
        """Right of the arrow."""
        return tuple(entry for entry in self if entry.role == "output")

    def named(self, *, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> Spec:
        """The same spec with the unnamed inputs and outputs named in turn: `(m,784)->(m,10)` has none."""
        names = {"input": list(inputs), "output": list(outputs)}
        for role, given in names.items():
            wanted = sum(entry.role == role and not entry.name for entry in self)
            if given and len(given) != wanted:
                raise UsageError(
                    f"the shape spec {self.text!r} has {wanted} unnamed {role}{'s' * (wanted != 1)}, "
                    f"the target has {len(given)}: {', '.join(given)}; write one shape for each of them"
                )
        return replace(self, entries=tuple(_named(entry, names.get(entry.role, [])) for entry in self))


def _named(entry: Entry, names: list[str]) -> Entry:
    return entry if entry.name or not names else replace(entry, name=names.pop(0))


def format_shape(shape: Sequence[int]) -> str:
    """A shape as Python writes it.

    >>> format_shape((13, 10)), format_shape((10,)), format_shape(())
    ('(13, 10)', '(10,)', '()')
    """
    return _tuple_text([str(int(size)) for size in shape])


def _tuple_text(parts: Sequence[str]) -> str:
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def symbols(spec: Spec | ShapeSpec) -> tuple[str, ...]:
    """Every symbol of a spec once, in the order of first mention; a run of axes by its bare name."""
    shapes = [spec] if isinstance(spec, ShapeSpec) else [entry.shape for entry in spec]
    return tuple(dict.fromkeys(name for shape in shapes for axis in shape.axes for name in axis.symbols))


def different_sizes(spec: Spec) -> dict[str, int]:
    """A size for every symbol, small and unlike each other and whatever numbers the spec has.

    >>> from gradcheck.shapes import parse_spec
    >>> different_sizes(parse_spec("x:(m,4) W:(4,h) b:(h,)"))
    {'m': 5, 'h': 3}
    """
    fixed = {axis.size for entry in spec for axis in entry.shape.axes if axis.kind == "fixed"}
    free = (size for size in itertools.chain((5, 4, 3), itertools.count(6)) if size not in fixed)
    return dict(zip(symbols(spec), free))


def resolve(spec: ShapeSpec, sizes: Sizes) -> tuple[int, ...]:
    """The shape in numbers, for a network of these sizes.

    >>> from gradcheck.shapes import parse_shape
    >>> resolve(parse_shape("(m, h*2)"), {"m": 4, "h": 3})
    (4, 6)
    """
    found: list[int] = []
    for axis in spec.axes:
        try:
            found.extend(axis_sizes(axis, sizes))
        except ArithmeticError as error:
            raise UsageError(f"cannot give {spec} a size: {error}") from None
        except LookupError as error:
            known = ", ".join(f"{name}={size}" for name, size in sizes.items()) or "nothing"
            raise UsageError(f"cannot give {spec} a size: {error.args[0]}; known: {known}") from None
    return tuple(found)


def axis_sizes(axis: Axis, sizes: Sizes) -> tuple[int, ...]:
    """Sizes that an axis stands for; LookupError where open, ArithmeticError where senseless."""
    if axis.kind == "fixed":
        return (axis.size,)
    if axis.kind == "expression" and axis.tree is not None:
        return (_expression_size(axis, axis.tree, sizes),)
    if axis.name in sizes and axis.name:
        size = sizes[axis.name]
        return (size,) if isinstance(size, int) else tuple(size)
    raise LookupError(f"{axis.text} has no size" if axis.name else f"{axis.text} stands for any size")


def _expression_size(axis: Axis, tree: ast.expr, sizes: Sizes) -> int:
    plain: dict[str, int] = {}
    for name in axis.symbols:
        size = sizes.get(name)
        if not isinstance(size, int):
            raise LookupError(f"{name} in {axis.text} has no size")
        plain[name] = size
    value = _evaluate(tree, plain)
    if value < 0:
        known = ", ".join(f"{name}={size}" for name, size in plain.items())
        raise ArithmeticError(f"{axis.text} is {value}{known and f' with {known}'}, and no axis is negative")
    return value


def _evaluate(tree: ast.expr, sizes: Mapping[str, int]) -> int:
    match tree:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return sizes[name]
        case ast.UnaryOp(operand=operand):
            return -_evaluate(operand, sizes)
        case ast.BinOp(left=left, op=op, right=right):
            return _apply(op, _evaluate(left, sizes), _evaluate(right, sizes))
    raise TypeError(tree)  # the parser lets nothing else through


def _apply(op: ast.operator, a: int, b: int) -> int:
    match op:
        case ast.Add():
            value = a + b
        case ast.Sub():
            value = a - b
        case ast.Mult():
            value = a * b
        case ast.FloorDiv():
            if b == 0:
                raise ArithmeticError(f"{a}//{b} divides by zero")
            value = a // b
        case _:
            if not 0 <= b <= 63:
                raise ArithmeticError(f"{a}**{b} is no size: powers go from 0 to 63")
            value = a**b
    if abs(value) > LARGEST_SIZE:
        raise ArithmeticError("it comes to more than any array has entries")
    return value
