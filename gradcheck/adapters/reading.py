"""One way in which a forward and its backward can be read: as the statements that a user would write to drive them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.adapters.taking import leaves_of, shape_of
from gradcheck.adapters.trying import Sandbox, Tried, copied

Array = NDArray[Any]
STEP = 1e-6
"""Of the central difference that tells two readings apart; the verdict is not its business."""
CLOSE = 1e-5
"""How well a gradient must be explained by one reading and by no other, relative to its size."""


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
    guesses: tuple[str, ...] = ()
    """What no name says, to be told in the report."""

    @property
    def loss(self) -> str:
        """The scalar whose gradient the backward computes."""
        if not self.upstream:
            return self.outputs[0]
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
    leaves = {n: eval(at, {}, dict(inputs)) for n, at in leaves_of(inputs).items()}
    shapes = ((g, shape_of(tried.names.get(g)), np.shape(leaves[of])) for g, of in reading.gradients.items())
    return Outcome(reading, tried, inputs, upstream, tuple(f"{g} {s} for {t}" for g, s, t in shapes if s != t))


def explains(sandbox: Sandbox, found: Outcome, seed: int) -> bool:
    """Whether every gradient of a reading is its loss's, along one random direction."""
    reading, rng = found.reading, np.random.default_rng(seed)
    if not found.runs or found.misfits:
        return False
    paths = leaves_of(found.inputs)
    for gradient, name in reading.gradients.items():
        x = np.asarray(eval(paths[name], {}, dict(found.inputs)), float)
        analytic = np.asarray(found.tried.names[gradient], float)
        v = rng.standard_normal(x.shape)
        up, down = (_loss(sandbox, found, paths[name], x + s * STEP * v) for s in (1, -1))
        numeric, slope = (up - down) / (2 * STEP), float(np.sum(analytic * v))
        if not abs(numeric - slope) <= CLOSE * (float(np.linalg.norm(analytic)) + abs(numeric)):
            return False
    return True


def _loss(sandbox: Sandbox, found: Outcome, path: str, value: Array) -> float:
    forward = found.reading.call.partition("\n")[0]
    given = {"np": np, **copied(found.inputs), **found.upstream, "_moved": value if value.ndim else float(value)}
    ran = sandbox.run(f"{path} = _moved\n{forward}\n_loss = {found.reading.loss}", given)
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
    sure = [o for o in fitting if not o.reading.guesses]
    taken = sure[0] if len(sure) == 1 else None
    return Settled(taken, tuple(o for o in fitting if o is not taken))
