"""Holding arrays' shapes against specs; every refusal says which symbol was set where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gradcheck.shapes.spec import Axis, Entry, ShapeSpec, Spec, axis_sizes, format_shape, symbols


@dataclass(frozen=True, slots=True)
class Binding:
    """A symbol's size and who set it."""

    size: int | tuple[int, ...]
    """A run of axes has a tuple of sizes, () for an optional axis that is absent."""
    where: str
    """e.g. "W1 axis 1"."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """What each symbol stands for; never changed, `bind` gives a new one."""

    items: tuple[tuple[str, Binding], ...] = ()
    """In the order in which they were set."""

    def bind(self, symbol: str, size: int | tuple[int, ...], where: str) -> Bindings:
        """These bindings and one more; the first one to set a symbol keeps it."""
        return self if symbol in self else Bindings((*self.items, (symbol, Binding(size, where))))

    def __contains__(self, symbol: object) -> bool:
        return any(name == symbol for name, _ in self.items)

    def __getitem__(self, symbol: str) -> Binding:
        for name, binding in self.items:
            if name == symbol:
                return binding
        raise KeyError(symbol)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.items)

    @property
    def sizes(self) -> dict[str, int | tuple[int, ...]]:
        """Symbol -> size, as `resolve` takes it."""
        return {name: binding.size for name, binding in self.items}

    def __str__(self) -> str:
        return ", ".join(f"{name}={_size_text(binding.size)}" for name, binding in self.items)


def match(
    spec: ShapeSpec, shape: Sequence[int], name: str, bindings: Bindings | None = None
) -> tuple[Bindings, str | None]:
    """Bind `spec`'s symbols by `shape`, or say in one line why it does not fit (then nothing is bound).

    >>> from gradcheck.shapes import parse_shape
    >>> bound, reason = match(parse_shape("(784, h)"), (784, 10), "W1", Bindings())
    >>> str(bound), reason
    ('h=10', None)
    >>> match(parse_shape("(h)"), (), "db1", bound)[1]
    'db1: expected (h,) = (10,), got (); h=10 was set by W1 axis 1'
    """
    before = bindings or Bindings()
    sizes = tuple(int(size) for size in shape)
    bound, axes = _without_absent(spec, len(sizes), name, before)
    laid = _lay_out(axes, len(sizes))
    if laid is None:
        return before, _reason(spec, sizes, name, before, symbols(spec), before)
    wrong: list[str] = []  # symbols of the axes that do not fit
    misfit = False
    for axis, first, last in sorted(laid, key=lambda item: item[0].kind == "expression"):
        if axis.name and axis.kind != "expression" and axis.name not in bound:
            where = f"{name} axis {first}" if axis.kind == "symbol" else f"{name} axes {first} to {last - 1}"
            bound = bound.bind(axis.name, sizes[first] if axis.kind == "symbol" else sizes[first:last], where)
        if not _fits(axis, sizes[first:last], bound):
            misfit = True
            wrong.extend(axis.symbols)
    if misfit:
        return before, _reason(spec, sizes, name, before, tuple(dict.fromkeys(wrong)), bound)
    return bound, None


def _without_absent(spec: ShapeSpec, rank: int, name: str, bindings: Bindings) -> tuple[Bindings, list[Axis]]:
    """Leave out optional axes absent already, then as many more, from the left, as the rank asks for."""
    axes = [axis for axis in spec.axes if not (axis.optional and _size(axis.name, bindings) == ())]
    for axis in list(axes):
        surplus = sum(axis.kind != "rest" for axis in axes) > rank
        if surplus and axis.optional and axis.name not in bindings:
            bindings = bindings.bind(axis.name, (), f"{name}, which lacks that axis")
            axes = [other for other in axes if other.name != axis.name]
    return bindings, axes


def _size(symbol: str, bindings: Bindings) -> int | tuple[int, ...] | None:
    return bindings[symbol].size if symbol in bindings else None


def _lay_out(axes: Sequence[Axis], rank: int) -> list[tuple[Axis, int, int]] | None:
    """Each axis with the slice of the shape that it covers; None where the number of axes is wrong."""
    spare = rank - sum(axis.kind != "rest" for axis in axes)
    runs = any(axis.kind == "rest" for axis in axes)
    if spare < 0 or (spare and not runs):
        return None
    laid, at = [], 0
    for axis in axes:
        width = spare if axis.kind == "rest" else 1
        laid.append((axis, at, at + width))
        at += width
    return laid


def _fits(axis: Axis, sizes: tuple[int, ...], bindings: Bindings) -> bool:
    if axis.kind == "any" or (axis.kind == "rest" and not axis.name):
        return True
    try:
        return axis_sizes(axis, bindings.sizes) == sizes
    except (LookupError, ArithmeticError):
        return False


def _reason(
    spec: ShapeSpec,
    shape: tuple[int, ...],
    name: str,
    before: Bindings,
    concerned: Sequence[str],
    bound: Bindings,
) -> str:
    """db1: expected (h,) = (10,), got (); h=10 was set by W1 axis 1"""
    filled = expected_text(spec, before)
    expected = str(spec) if filled == str(spec) else f"{spec} = {filled}"
    clauses = [f"{name}: expected {expected}, got {format_shape(shape)}"]
    for symbol in concerned:
        if symbol in bound:
            binding = bound[symbol]
            clauses.append(f"{symbol}={_size_text(binding.size)} was set by {binding.where}")
    clauses.extend(_trouble(axis, bound) for axis in spec.axes if axis.kind == "expression")
    return "; ".join(filter(None, clauses))


def _trouble(axis: Axis, bindings: Bindings) -> str:
    """Why an expression has no size, if it has none."""
    try:
        axis_sizes(axis, bindings.sizes)
    except LookupError:
        missing = [symbol for symbol in axis.symbols if not isinstance(_size(symbol, bindings), int)]
        return f"nothing sets {' and '.join(missing)} in {axis.text}"
    except ArithmeticError as error:
        return str(error)
    return ""


def _size_text(size: int | tuple[int, ...]) -> str:
    return str(size) if isinstance(size, int) else format_shape(size)


def expected_text(spec: ShapeSpec, bindings: Bindings, *, keep: Collection[str] = ()) -> str:
    """A spec's text with numbers for what is bound; `keep` stays a symbol, as the batch does.

    >>> from gradcheck.shapes import parse_shape
    >>> expected_text(parse_shape("(m, h)"), Bindings().bind("m", 13, "x").bind("h", 10, "W1"), keep=["m"])
    '(m, 10)'
    """
    sizes = {name: size for name, size in bindings.sizes.items() if name not in keep}
    axes: list[Axis] = []
    for axis in spec.axes:
        try:
            axes.extend(Axis("fixed", str(size), size=size) for size in axis_sizes(axis, sizes))
        except (LookupError, ArithmeticError):
            axes.append(axis)
    return str(ShapeSpec(tuple(axes)))


@dataclass(frozen=True, slots=True)
class ShapeResult:
    """One value's shape against its spec."""

    name: str
    """The value's name."""
    expected: str
    """The spec as written: "(m, 10)"."""
    actual: tuple[int, ...] | None
    """Its shape; None where no value of that name was seen."""
    ok: bool | None
    """None where it could not be told."""
    reason: str
    """"" if ok; else what was expected, and which symbol was set where."""
    resolved: tuple[int, ...] | None = None
    """What was expected in numbers, where every symbol is bound."""


def check_shapes(spec: Spec, shapes: Mapping[str, Sequence[int]], *, first: Sequence[str] = ()) -> list[ShapeResult]:
    """Hold `shapes` against `spec`, a row an entry in the spec's order.

    Symbols are bound by the names in `first`, then by the inputs of an arrow, then in the spec's order,
    gradients last: it is the gradient that is told that W1 has set h, not W1 that dW1 has.

    >>> from gradcheck.shapes import parse_spec
    >>> rows = check_shapes(parse_spec("W1:(784,h) b1:(h)"), {"W1": (784, 10), "b1": (1, 10)})
    >>> rows[1].reason
    'b1: expected (h,) = (10,), got (1, 10); h=10 was set by W1 axis 1'
    """
    return match_all(spec, shapes, first=first)[0]


def match_all(
    spec: Spec,
    shapes: Mapping[str, Sequence[int]],
    *,
    first: Sequence[str] = (),
    bindings: Bindings | None = None,
) -> tuple[list[ShapeResult], Bindings]:
    """`check_shapes`, and what the symbols came to stand for."""
    bound = bindings or Bindings()
    reasons: dict[int, str | None] = {}
    for place in _binding_order(spec, first):
        entry = spec.entries[place]
        if entry.name in shapes:
            bound, reasons[place] = match(entry.shape, shapes[entry.name], entry.name, bound)
    return [_result(entry, shapes, reasons.get(place), bound) for place, entry in enumerate(spec)], bound


def _binding_order(spec: Spec, first: Sequence[str]) -> list[int]:
    roles = ("first", "input", "value", "output", "gradient")

    def rank(place: int) -> tuple[int, int, int]:
        entry = spec.entries[place]
        waits = any(axis.kind == "expression" for axis in entry.shape.axes)
        if entry.name in first:
            return (0, waits, list(first).index(entry.name))
        role = "gradient" if entry.name.startswith("d") and entry.name[1:] in spec else entry.role
        return (roles.index(role), waits, place)

    return sorted(range(len(spec.entries)), key=rank)


def _result(entry: Entry, shapes: Mapping[str, Sequence[int]], reason: str | None, bindings: Bindings) -> ShapeResult:
    try:
        resolved = tuple(size for axis in entry.shape.axes for size in axis_sizes(axis, bindings.sizes))
    except (LookupError, ArithmeticError):
        resolved = None
    if entry.name not in shapes:
        why = f"{entry.name}: expected {entry.shape}, but no value of that name was seen"
        return ShapeResult(entry.name, str(entry.shape), None, None, why, resolved)
    actual = tuple(int(size) for size in shapes[entry.name])
    return ShapeResult(entry.name, str(entry.shape), actual, reason is None, reason or "", resolved)


def gradient_spec(spec: Spec, gradients: Mapping[str, str]) -> Spec:
    """`spec` with its gradients, each expected at the shape of what it is the gradient of.

    `gradients` maps a gradient's name to that value's: {"dW1": "W1"}. One that the spec speaks of already
    stays as it is; one of a value that the spec does not know is left out.

    >>> from gradcheck.shapes import parse_spec
    >>> str(gradient_spec(parse_spec("W1:(784,h)"), {"dW1": "W1", "dq": "q"}))
    'W1:(784, h) dW1:(784, h)'
    """
    new = [Entry(name, spec[of], "gradient", of) for name, of in gradients.items() if of in spec and name not in spec]
    return replace(spec, entries=(*spec.entries, *new))
