"""What a target's arrays look like at any sizes: which size each axis follows, and which numbers they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.capture.program import Program, Ref
from gradcheck.capture.state import Root
from gradcheck.driver import Driver
from gradcheck.errors import GradcheckError
from gradcheck.gradients import Gradient
from gradcheck.properties.drawing import Array, Numbers, draw, numbers_of
from gradcheck.shapes import ShapeSpec, Spec, parse_shape, parse_spec, resolve

Axes = tuple[str | int | None, ...]
"""For each axis the symbol whose size it has, its own size where that never changes, or None where it isn't known."""
Prepare = Callable[[Program], Sequence[Gradient]]
"""Sets a program's loss and pairs its gradients."""

_ODD = (11, 13, 17, 19, 23, 29, 31, 37, 41, 43)
"""Sizes at which the target is opened once to see which axis follows which symbol: primes, unlikely otherwise."""
_FACTORS = (2, 3, 5, 7, 11, 13, 17)
_LARGE = 1 << 20
"""Arrays with more entries are taken to matter without being tried."""
_TIME = frozenset({"t", "T", "L", "S", "seq", "steps", "time", "length"})
"""Symbols of a sequence: its entries depend on one another, so that it is no batch."""


@dataclass(frozen=True, slots=True)
class Part:
    """One array of the state: an input or a parameter."""

    name: str
    """W1; its path where several arrays of the state bear the name."""
    path: str
    """How to replace it: parameters['W1']."""
    axes: Axes
    """What its axes follow."""
    spec: ShapeSpec | None
    """Its shape at any sizes; None where the target's own setup has to make it."""
    numbers: Numbers
    """What it holds."""
    parameter: bool
    """Whether the code computes a gradient of it."""
    scalar: bool = False
    """True for a plain float."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A target at any sizes."""

    sizes: Mapping[str, int]
    """Its own sizes by symbol; empty for one that can't be rebuilt at others."""
    seeded: bool
    """Whether another seed makes other numbers."""
    spec: Spec | None
    """Its shape conventions."""
    parts: tuple[Part, ...]
    """Inputs and parameters."""
    axes: Mapping[str, Axes]
    """Axes by name, of every value of the forward and every gradient."""
    batch: str | None
    """The symbol that counts samples."""
    hidden: tuple[str, ...]
    """Symbols that only parameters have: units whose order means nothing."""
    loops: frozenset[tuple[str, int, str]]
    """(file, line, name) of what the forward computes once a sample."""
    loss: float
    """The loss at the target's own inputs: how large it is when nothing is saturated."""

    def values(self, sizes: Mapping[str, int], seed: int) -> dict[str, Any]:
        """Inputs and parameters of a network of these sizes, by name, drawn from the seed."""
        drawn: dict[str, Any] = {}
        for stream, part in enumerate(self.parts):
            if part.spec is not None and part.numbers.kind != "given":
                array = draw(part.numbers, resolve(part.spec, sizes), np.random.default_rng([seed, stream]))
                drawn[part.name] = float(array) if part.scalar else array
        return drawn

    def is_per_sample(self, name: str) -> bool:
        """Whether a value is known to have an entry for each sample."""
        return self.batch is not None and self.batch in self.axes.get(name, ())

    def labels(self, name: str, array: Array, sizes: Mapping[str, int]) -> Axes | None:
        """The axes of a named array, if they account for its shape at these sizes."""
        axes = self.axes.get(name)
        if axes is None or len(axes) != array.ndim:
            return None
        fits = all(a is None or n == (a if isinstance(a, int) else sizes.get(a)) for a, n in zip(axes, array.shape))
        return axes if fits else None


def learn(driver: Driver, prepare: Prepare) -> Blueprint:
    """Open the target at its own sizes, and at odd ones where it has any, and see what follows what."""
    target = driver.target
    spec = parse_spec(target.shapes) if target.shapes else None
    with driver.open(seed=0) as program:
        gradients = prepare(program)
        kinds = {g.of.ref: g.kind for g in gradients}
        own = _shapes(program, gradients)
        roots = {path: root for path, root in program.roots.items() if path in kinds or _matters(program, root)}
        held = {path: np.array(root.value) for path, root in roots.items()}
        loss = program.base_value
    odd_sizes, odd, counts = _at_odd_sizes(driver, prepare)

    def follows(key: str, name: str) -> Axes:
        return _follows(spec[name] if spec is not None and name in spec else None, own[key], odd.get(key), sizes)

    sizes = {symbol: (n, odd_sizes.get(symbol)) for symbol, n in target.sizes.items()}
    axes = {name: follows(name, name) for name in own}
    times = Counter(root.name for root in roots.values())
    names = {path: root.name if times[root.name] == 1 else path for path, root in roots.items()}
    along = {path: follows(path, name) for path, name in names.items()}
    batch = _batch(axes, along, set(kinds), target.sizes)
    parts: list[Part] = []
    for path, name in names.items():
        parameter = path in kinds and (batch not in along[path] if batch is not None else kinds[path] == "parameter")
        sized = parameter or any(isinstance(a, str) for a in along[path])
        if sized or along[path]:
            # a constant of the code's own has no size of the network in its shape: it stays what it is
            shape = _spec_of(name, along[path], spec) if target.sizes and sized else None
            scalar = not isinstance(roots[path].value, np.ndarray)
            numbers = numbers_of(held[path], parameter=parameter)
            parts.append(Part(name, path, along[path], shape, numbers, parameter, scalar))
    hidden = _hidden(parts, batch, target.sizes)
    loops = frozenset(place for place, n in counts.items() if batch is not None and n == odd_sizes.get(batch))
    return Blueprint(target.sizes, target.redrawable, spec, tuple(parts), axes, batch, hidden, loops, loss)


def _matters(program: Program, root: Root) -> bool:
    """Whether the loss depends on it: modules hold arrays of other targets, optimisers their buffers."""
    array = np.asarray(root.value)
    if array.dtype.kind != "f" or array.size > _LARGE:
        return array.ndim > 0
    moved = array * 1.125 + 0.125 * np.random.default_rng(0).standard_normal(array.shape)
    return bool(program.loss({root.path: moved}).value != program.base_value)


def _shapes(program: Program, gradients: Sequence[Gradient]) -> dict[str, tuple[int, ...]]:
    found = {name: v.array.shape for name, v in program.variables.items()}
    found |= {path: np.shape(root.value) for path, root in program.roots.items()}
    return found | {g.name: g.array.shape for g in gradients}


def _at_odd_sizes(
    driver: Driver, prepare: Prepare
) -> tuple[dict[str, int], dict[str, tuple[int, ...]], Counter[tuple[str, int, str]]]:
    """Other sizes, shapes by name there, and how often each place of the forward is passed; {} where none will do."""
    own = driver.target.sizes
    # multiples of its own sizes suit code that cuts an axis into groups
    for sizes in (dict(zip(own, _ODD)), {s: n * k for (s, n), k in zip(own.items(), _FACTORS)}):
        try:
            if sizes:
                with driver.open(sizes, seed=0) as program:
                    gradients = prepare(program)
                    forward = program.forward_values
                    counts = Counter((v.site.file, v.site.line, v.name) for v in forward)
                    return sizes, _shapes(program, gradients), counts
        except GradcheckError:
            continue
    return {}, {}, Counter()


def _follows(
    said: ShapeSpec | None,
    own: tuple[int, ...],
    odd: tuple[int, ...] | None,
    sizes: Mapping[str, tuple[int, int | None]],
) -> Axes:
    """What each axis of a value follows: the convention's word for it, else what two openings show."""
    told = said.axes if said is not None else ()
    if len(told) == len(own) and all(a.kind in ("symbol", "fixed") and not a.optional for a in told):
        return tuple(a.name if a.kind == "symbol" and a.name in sizes else a.size or None for a in told)
    if odd is None or len(odd) != len(own):
        return (None,) * len(own)
    return tuple(_symbol(pair, sizes) for pair in zip(own, odd))


def _symbol(seen: tuple[int, int], sizes: Mapping[str, tuple[int, int | None]]) -> str | int | None:
    fitting = [symbol for symbol, pair in sizes.items() if pair == seen]
    if len(fitting) == 1:
        return fitting[0]
    return seen[0] if seen[0] == seen[1] and not fitting else None


def _hidden(parts: Sequence[Part], batch: str | None, sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Sizes of parameters that neither inputs nor labels have."""
    data = [p for p in parts if (batch in p.axes if batch is not None else not p.parameter)]
    outer = {batch, *(a for p in data for a in p.axes)}
    return tuple(s for s in sizes if s not in outer and any(s in p.axes for p in parts))


def _spec_of(name: str, axes: Axes, spec: Spec | None) -> ShapeSpec | None:
    if spec is not None and name in spec:
        return spec[name]
    return None if None in axes else parse_shape(f"({', '.join(map(str, axes))})")


def _batch(
    axes: Mapping[str, Axes], roots: Mapping[str, Axes], graded: set[Ref], sizes: Mapping[str, int]
) -> str | None:
    """The symbol of inputs that no parameter has; of several the one that most values carry."""
    data = {a for path, along in roots.items() if path not in graded for a in along}
    weights = {a for path, along in roots.items() if path in graded for a in along}
    able = [s for s in sizes if s in data and s not in _TIME]
    strict = [s for s in able if s not in weights] or [s for s in able if s in ("m", "n", "N", "B", "b", "batch")]
    carried = Counter(a for along in axes.values() for a in set(along))
    return max(strict, key=lambda s: carried[s], default=None)
