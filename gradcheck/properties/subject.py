"""The target under test, opened on drawn networks, with its loss settled as the pipeline settles it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck import probing
from gradcheck.capture.program import Program, Scalar, Trace
from gradcheck.driver import Driver
from gradcheck.errors import TargetError, UsageError
from gradcheck.gradients import Gradient, paired
from gradcheck.loss import choose as losses
from gradcheck.options import Options
from gradcheck.properties.blueprint import Axes, Blueprint, Prepare, learn
from gradcheck.properties.drawing import Array
from gradcheck.properties.network import Network
from gradcheck.properties.outcome import CLOSE, SINGLE
from gradcheck.shapes import parse_spec


@dataclass(frozen=True, slots=True)
class Subject:
    """A target that can be opened on any network."""

    driver: Driver
    blueprint: Blueprint
    prepare: Prepare
    sure: bool = True
    """Whether its loss is one that a gradient confirms, or that is said."""

    @contextlib.contextmanager
    def open(
        self,
        network: Network,
        *,
        sizes: Mapping[str, int] | None = None,
        values: Mapping[str, Any] | None = None,
        dtype: Any = None,
    ) -> Iterator[Opened]:
        """A Program of the network, its loss set; `sizes` and `values` overrule the network's own.

        Raises TargetError or UsageError for a network that can't be built or has no loss.
        """
        held = {
            n: np.array(v) if isinstance(v, np.ndarray) else v for n, v in {**network.values, **(values or {})}.items()
        }
        if dtype is not None:
            held = {n: v.astype(dtype) if _is_real(v) else v for n, v in held.items()}
        wanted = {**network.sizes, **(sizes or {})}
        paths = {p.name: p.path for p in self.blueprint.parts}
        by_path = {paths.get(n, n): v for n, v in held.items()}
        with self.driver.open(wanted, seed=network.seed, values=by_path, dtype=dtype) as program:
            yield Opened(program, [self._kind_told(g) for g in self.prepare(program)], network, wanted, self)

    def _kind_told(self, gradient: Gradient) -> Gradient:
        """What has an axis of samples is no parameter, even if the backward writes over it."""
        mistaken = gradient.of.order >= 0 and self.blueprint.is_per_sample(gradient.of.name)
        return replace(gradient, kind="intermediate") if mistaken else gradient


@dataclass(frozen=True, slots=True)
class Opened:
    """One network, running."""

    program: Program
    gradients: Sequence[Gradient]
    network: Network
    sizes: Mapping[str, int]
    subject: Subject

    @property
    def blueprint(self) -> Blueprint:
        """The target at any sizes."""
        return self.subject.blueprint

    @property
    def parameters(self) -> list[Gradient]:
        """Gradients of parameters."""
        return [g for g in self.gradients if g.kind == "parameter"]

    @property
    def values(self) -> dict[str, Any]:
        """Inputs and parameters by name, those that the target's own setup made included."""
        roots = self.program.roots
        held = {p.name: roots[p.path].value for p in self.blueprint.parts if p.path in roots}
        return {n: np.array(v) if isinstance(v, np.ndarray) else v for n, v in held.items()}

    def rng(self, stream: int) -> np.random.Generator:
        """Random numbers that belong to this network."""
        return np.random.default_rng([self.network.seed, stream])

    def labels(self, name: str, array: Array) -> Axes | None:
        """What the axes of a named array follow, where it is known."""
        return self.blueprint.labels(name, array, self.sizes)

    def keeps_transposed(self, gradient: Gradient) -> bool:
        """Whether a square matrix hides that the code keeps this gradient transposed; other sizes have shown it."""
        mine, of = (self.blueprint.axes.get(name, ()) for name in (gradient.name, gradient.of.name))
        square = gradient.array.ndim == 2 and gradient.array.shape == gradient.of.array.shape
        return square and len(mine) == 2 and mine == of[::-1] and mine != of

    @property
    def close(self) -> float:
        """How well what should be the same has to agree, relative to its size."""
        return SINGLE if probing.rounds_within(self.program) else CLOSE

    def loss_size(self) -> float:
        """How large losses are: differences far below are rounding, even where this network's own loss is nothing."""
        return float(np.nanmax([abs(self.program.base_value), abs(self.blueprint.loss), 0.0]))

    def size(self) -> float:
        """The largest entry of all gradients: what is tiny beside it is rounding."""
        found = [np.abs(g.array[np.isfinite(g.array)]).max(initial=0.0) for g in self.gradients]
        return float(max(found, default=0.0))


def recomputed(trace: Trace, gradient: Gradient) -> Array | None:
    """A gradient as another run computed it."""
    here = [v for v in trace.values if v.key == gradient.key]
    named = (v for v in here if v.name == gradient.name)
    # what a list keeps, `nw[0]`, has no name of its own where it is computed
    same = next(named, None) or next((v for v in here if v.path == gradient.value.path), None)
    return None if same is None else same.array


def subject_of(driver: Driver, options: Options, prepare: Prepare | None = None) -> Subject:
    """Learn what the target looks like; its loss is chosen once, at its own sizes, and found again on every network.

    On a network with a single class or sample every loss fits, so that choosing anew there would choose wrongly.
    """
    if prepare is not None:
        return Subject(driver, learn(driver, prepare), prepare)
    target = driver.target
    spec = parse_spec(target.shapes) if target.shapes else None
    with driver.open(seed=0) as program:
        gradients, chosen = probing.prepare(program, target, options, spec, np.random.default_rng(0))
    inputs = [g.of.name for g in gradients if g.kind == "input"]
    told, only = {**target.grads, **options.grads}, options.params or target.params
    expression = options.loss if options.loss != "auto" else target.loss

    def again(program: Program) -> list[Gradient]:
        if program.first_gradient == len(program.trace.values):
            raise TargetError(f"{target.name}: no backward step is reached at these sizes.")
        found = paired(program, told=told, inputs=inputs, only=only)
        if expression != "auto":
            names = vars(target.module) if target.module is not None else {}
            program.with_loss(losses.of_expression(program, expression, names))
        else:
            program.with_loss(_again(program, chosen, found))
        return found

    return Subject(driver, learn(driver, again), again, sure=chosen.sure)


def _again(program: Program, chosen: losses.Chosen, gradients: Sequence[Gradient]) -> Scalar:
    scalar = losses.found_again(program, chosen, gradients)
    if scalar is None:
        raise UsageError(f"the loss, {chosen.scalar.expression}, is not computed at these sizes.")
    return scalar


def _is_real(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
