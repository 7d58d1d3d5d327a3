"""One way in which a forward and its backward can be read: as the statements that a user would write to drive them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck import conventions
from gradcheck.adapters.taking import shape_of
from gradcheck.adapters.trying import Sandbox, Tried, copied

Array = NDArray[Any]
STEP = 1e-6
"""Of the central difference that tells two readings apart; the verdict is not its business."""
CLOSE = 1e-5
"""How well a gradient must be explained by one reading and by no other, relative to its size."""
SINGLE = 1e-2, 2e-2
"""Both of what is computed in single precision, of which a smaller difference is noise."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Statements that run forward and backward, and what stands for what in them."""

    call: str
    """ "out, cache = f(x, w)" and "dx, dw = b(dout, cache)", a line each."""
    outputs: tuple[str, ...]
    """What the forward returns that a gradient is taken of."""
    upstream: tuple[str, ...]
    """The gradient of each output that the backward is handed; none where the output is the loss itself."""
    gradients: Mapping[str, str]
    """Gradient to the array it belongs to: {"dx": "x"}."""
    paths: Mapping[str, str]
    """How each such array is reached: {"x": "x", "W1": "parameters['W1']", "W": "layer.W"}."""
    guesses: tuple[str, ...] = ()
    """What no name says, to be told in the report."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """What is to be predicted, where the backward is the first to be told, and its kind."""
    scalar: str = ""
    """The loss, where it is none of these outputs times their upstream gradients."""

    @property
    def asked(self) -> str:
        """As a target has it: the code's own scalar is found in the code, where a floor in its logarithm is seen."""
        return "auto" if self.loss == "loss" else self.loss

    @property
    def told(self) -> dict[str, str]:
        """Gradients whose names don't say what they belong to: {"dparams_0": "layer.params[0]"}."""
        named = {g: of for g, of in self.gradients.items() if self.paths[of] == of and of in conventions.bases(g)}
        return {g: self.paths[of] for g, of in self.gradients.items() if g not in named}

    def with_guess(self, told: str) -> Reading:
        """The same, and what no name says of it."""
        return replace(self, guesses=(*self.guesses, told))

    @property
    def forward(self) -> str:
        """The statements that run the forward."""
        lines = self.call.splitlines()
        made = (i for i, line in enumerate(lines) if self.outputs[0] in line.partition(" = ")[0].split(", "))
        return "\n".join(lines[: next(made) + 1])

    @property
    def loss(self) -> str:
        """The scalar whose gradient the backward computes."""
        if self.scalar or not self.upstream:
            return self.scalar or self.outputs[0]
        return " + ".join(f"np.sum({o} * {u})" for o, u in zip(self.outputs, self.upstream))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reading comes to on one set of inputs."""

    reading: Reading
    tried: Tried
    inputs: Mapping[str, Any]
    upstream: Mapping[str, Any]
    misfits: Sequence[str] = field(default_factory=tuple)
    """Gradients that are missing or have another shape than what they belong to."""

    @property
    def runs(self) -> bool:
        """Whether the statements went through and left a gradient."""
        return bool(self.tried) and any(self.tried.names.get(g) is not None for g in self.reading.gradients)


def outcome(sandbox: Sandbox, reading: Reading, inputs: Mapping[str, Any], upstream: Mapping[str, Any]) -> Outcome:
    """Run a reading once."""
    tried = sandbox.run(reading.call, {"np": np, **copied(inputs), **upstream})
    if not tried:
        return Outcome(reading, tried, inputs, upstream)
    owned = values_at(sandbox, reading.paths, inputs)
    shapes = ((g, shape_of(tried.names.get(g)), np.shape(owned[of])) for g, of in reading.gradients.items())
    return Outcome(reading, tried, inputs, upstream, tuple(f"{g} {s} for {t}" for g, s, t in shapes if s != t))


def values_at(sandbox: Sandbox, paths: Mapping[str, str], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays at these paths, as they are before anything is run."""
    lines = "\n".join(f"_at_{i} = {path}" for i, path in enumerate(paths.values()))
    names = sandbox.run(lines, copied(inputs)).names
    return {name: names.get(f"_at_{i}") for i, name in enumerate(paths)}


def explains(sandbox: Sandbox, found: Outcome, seed: int) -> bool:
    """Whether every gradient of a reading is its loss's, along one random direction."""
    if not found.runs or found.misfits or found.reading.loss == "auto":
        return False
    return all(slope.is_numeric() for slope in _slopes(sandbox, found, seed))


def explained(sandbox: Sandbox, found: Outcome, seed: int) -> tuple[int, int]:
    """How many gradients are its loss's or its mean's over one of the output's dimensions, along one direction; and how
    many its loss's own."""
    if not found.runs or found.reading.loss == "auto":
        return 0, 0
    counts = {1, *(shape_of(found.tried.names.get(found.reading.outputs[0])) or ())}
    slopes = list(_slopes(sandbox, found, seed))
    return sum(any(s.is_numeric(n) for n in counts) for s in slopes), sum(s.is_numeric() for s in slopes)


@dataclass(frozen=True, slots=True)
class _Slope:
    """Of a loss along a direction, as a gradient has it and by a difference."""

    analytic: float
    numeric: float
    size: float
    """Of the gradient."""
    close: float

    def is_numeric(self, times: int = 1) -> bool:
        """Whether a gradient, so many times, is the loss's."""
        off = abs(self.numeric - times * self.analytic)
        return off <= self.close * (times * self.size + abs(self.numeric))


def _slopes(sandbox: Sandbox, found: Outcome, seed: int) -> Iterator[_Slope]:
    reading, rng = found.reading, np.random.default_rng(seed)
    owned = values_at(sandbox, reading.paths, found.inputs)
    outputs = [np.asarray(found.tried.names.get(name)) for name in reading.outputs]
    step, close = SINGLE if any(a.dtype.kind == "f" and a.dtype.itemsize < 8 for a in outputs) else (STEP, CLOSE)
    for gradient, name in reading.gradients.items():
        x, analytic = np.asarray(owned[name], float), np.asarray(found.tried.names[gradient], float)
        if analytic.shape == x.shape:
            v = rng.standard_normal(x.shape)
            up, down = (_loss(sandbox, found, reading.paths[name], x + s * step * v) for s in (1, -1))
            size = float(np.linalg.norm(analytic))
            yield _Slope(float(np.sum(analytic * v)), (up - down) / (2 * step), size, close)


def _loss(sandbox: Sandbox, found: Outcome, path: str, value: Array) -> float:
    reading = found.reading
    given = {"np": np, **copied(found.inputs), **found.upstream, "_moved": value if value.ndim else float(value)}
    ran = sandbox.run(f"{path} = _moved\n{reading.forward}\n_loss = {reading.loss}", given)
    return float(np.real(ran.names["_loss"])) if ran else np.nan


@dataclass(frozen=True, slots=True)
class Settled:
    """The reading that is taken."""

    taken: Outcome | None
    """None where it can't be told, or where none runs."""
    others: tuple[Outcome, ...] = ()
    """What else fits as well."""


def settled(sandbox: Sandbox, outcomes: Sequence[Outcome], seed: int) -> Settled:
    """Take the one reading that runs; of several, the one under which the gradients are right; else the names' own.

    A wrong backward is right under no reading: where the names leave it open then, nothing is taken.
    """
    fitting = [o for o in outcomes if o.runs]
    if len(fitting) == 1:
        return Settled(fitting[0])
    right = [o for o in fitting if explains(sandbox, o, seed)]
    if right:
        return Settled(right[0], tuple(right[1:]))
    fewest = min((len(o.reading.guesses) for o in fitting), default=0)
    likeliest = [o for o in fitting if len(o.reading.guesses) == fewest]
    if len({o.reading.call for o in likeliest}) == 1:  # the same but for the loss's factor: the mean comes first
        taken = likeliest[0]
        return Settled(taken, tuple(o for o in fitting if o.reading.call != taken.reading.call))
    return Settled(None, tuple(fitting))


def one_line(reading: Reading) -> str:
    """Its statements, for a message."""
    return "; ".join(reading.call.splitlines())
