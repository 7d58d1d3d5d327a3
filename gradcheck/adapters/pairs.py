"""A forward and a backward, functions or methods of one object, and every way in which they can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.adapters import names as by_name
from gradcheck.adapters.inputs import required
from gradcheck.adapters.reading import Outcome, Reading, outcome
from gradcheck.adapters.taking import Taken, is_real, leaves_of, shape_of, taken_apart
from gradcheck.adapters.trying import Sandbox, copied

Function = Callable[..., Any]
Held = Callable[[Mapping[str, Any], Mapping[str, Any]], Taken]
"""From all names before and after a backward to the statements that fetch the gradients that an object then holds."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A forward and its backward, under the names by which the driver calls them."""

    forward: Function
    backward: Function
    f: str
    b: str
    held: Held | None = None
    """Of an object: what it keeps beside what its backward returns."""
    output: str = ""
    """Where an object keeps its output, if its forward returns nothing."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the forward returns, by names that are free in the driver."""

    names: tuple[str, ...]
    parts: tuple[Any, ...]
    own: tuple[str | None, ...]
    """As the function itself writes them."""

    @property
    def out(self) -> Any:
        """The output."""
        return self.parts[0]


def made_by(function: Function, inputs: Mapping[str, Any], result: Any) -> Made:
    """Names for what a forward returned: the author's own where they are free."""
    parts = tuple(result) if isinstance(result, tuple) else (result,)
    own = by_name.returned(function, len(parts))
    scalar = is_real(parts[0]) and np.ndim(parts[0]) == 0 and any(np.ndim(value) for value in inputs.values())
    names: list[str] = []
    for i, name in enumerate(own):
        fallback = "cache" if i and i == len(parts) - 1 else "loss" if scalar else "out"
        usable = name is not None and name not in inputs and name != "_" and not (scalar and i == 0)
        names.append(by_name.free(str(name) if usable else fallback, [*inputs, *names]))
    return Made(tuple(names), parts, tuple(own))


@dataclass(frozen=True, slots=True)
class Stage:
    """The forward's part of it, gone through once."""

    sandbox: Sandbox
    pair: Pair
    inputs: Mapping[str, Any]
    made: Made
    seed: int

    @property
    def forward(self) -> str:
        """Its statements."""
        call = f"{self.pair.f}({', '.join(self.inputs)})"
        names = ", ".join(self.made.names)
        return f"{call}\n{names} = {self.pair.output}" if self.pair.output else f"{names} = {call}"


@dataclass(frozen=True, slots=True)
class Fed:
    """One way to call the backward."""

    call: str
    """ "b(dout, cache)" """
    upstream: Mapping[str, str]
    """{"dout": "out"}"""
    labels: Mapping[str, str]
    """What is to be predicted, where the backward is the first to be told: {"y": "one_hot"}."""
    scalar: str = ""
    """The loss, where there is no upstream gradient."""
    told: tuple[str, ...] = ()


def beside(made: Made, upstream: Mapping[str, str], labels: Mapping[str, str], seed: int) -> dict[str, Any]:
    """Random gradients of outputs, {"dout": "out"}, and labels for the first of them, {"y": "one_hot"}."""
    rng = np.random.default_rng(seed)
    shapes = {u: np.shape(made.parts[made.names.index(o)]) for u, o in upstream.items()}
    drawn = {u: rng.standard_normal(s) if s else float(rng.standard_normal()) for u, s in shapes.items()}
    return drawn | {name: _labels(kind, np.asarray(made.out), rng) for name, kind in labels.items()}


def _labels(kind: str, out: Any, rng: np.random.Generator) -> Any:
    if kind == "classes":
        return rng.integers(0, out.shape[-1], out.shape[:-1])
    if kind == "binary":
        return rng.integers(0, 2, out.shape).astype(float)
    if kind == "one_hot":
        return np.eye(out.shape[-1])[rng.integers(0, out.shape[-1], out.shape[:-1])]
    if kind == "one_hot_columns":
        return np.eye(out.shape[0])[:, rng.integers(0, out.shape[0], out.shape[1])]
    return rng.standard_normal(out.shape)


def read(stage: Stage, fed: Fed) -> Outcome:
    """Run it once to see what the backward returns and what an object holds then, and once more with that fetched."""
    extra = beside(stage.made, fed.upstream, fed.labels, stage.seed)
    names = {**copied(stage.inputs), **extra}
    before = stage.sandbox.run("", names)
    first = stage.sandbox.run(f"{stage.forward}\n_result = {fed.call}", copied(names))
    result = first.names.get("_result") if first else None
    count = len(result) if isinstance(result, (tuple, list)) else 1
    found = leaves_of(stage.inputs)
    paths = {n: found[n] for n in sorted(found, key=lambda n: bool(by_name.LABELS.match(n)))}  # y_true comes last
    leaves = {n: eval(at, {}, dict(stage.inputs)) for n, at in paths.items()}
    taken = [*stage.inputs, *extra, *stage.made.names]
    apart = taken_apart(fed.call, result, by_name.returned(stage.pair.backward, count), leaves, taken)
    lines, gradients = (apart.lines, dict(apart.gradients)) if apart else ((fed.call,), {})
    before_it: tuple[str, ...] = ()
    if first and stage.pair.held is not None:
        held = stage.pair.held(before.names, first.names)
        before_it = held.before
        lines, gradients, paths = (*lines, *held.lines), {**gradients, **held.gradients}, {**paths, **held.paths}
    outputs = tuple(fed.upstream.values()) or stage.made.names[:1]
    call = "\n".join((*before_it, stage.forward, *lines))
    scalar = "auto" if fed.labels else fed.scalar
    used = {n: p for n, p in paths.items() if n in gradients.values()}
    reading = Reading(call, outputs, tuple(fed.upstream), gradients, used, fed.told, fed.labels, scalar)
    return outcome(stage.sandbox, reading, stage.inputs, extra) if first else Outcome(reading, first, names, extra)


# -- a derivative, which is handed no upstream gradient


def derivatives(stage: Stage) -> Iterator[Outcome]:
    """f's derivative: the gradient of a scalar f, a factor entry by entry, or a Jacobian; of x or of f(x)."""
    wanted, b = required(stage.pair.backward), stage.pair.b
    smooth = [n for n, v in stage.inputs.items() if is_real(v)]
    out = stage.made.names[0]
    if not smooth or len(wanted) > len(stage.inputs) or not is_real(stage.made.out):
        return
    given = ", ".join(list(stage.inputs)[: len(wanted)])
    if np.ndim(stage.made.out) == 0 and np.ndim(stage.inputs[smooth[0]]) > 0:
        yield read(stage, Fed(f"{b}({given})", {}, {}, out))
        return
    inside = f"{b} is handed what {stage.pair.f} returns: a derivative in terms of the output"
    plain = f"{b} is taken for the derivative itself" if by_name.says_backward(b) else ""
    for arguments, told in ((given, plain), (out, inside)):
        if told != inside or len(wanted) == 1:
            yield from _factor(stage, f"{b}({arguments})", smooth[0], told)


def _factor(stage: Stage, call: str, of: str, told: str) -> Iterator[Outcome]:
    out = stage.made.names[0]
    upstream = beside(stage.made, {"upstream": out}, {}, stage.seed)
    derivative = stage.sandbox.run(f"{stage.forward}\n_result = {call}", copied(stage.inputs)).names.get("_result")
    forms = {np.shape(stage.made.out): "upstream * {}"}
    whole = (*np.shape(stage.made.out), *np.shape(stage.inputs[of]))
    forms.setdefault(whole, "np.tensordot(upstream, {}, upstream.ndim)")
    shape = shape_of(derivative)
    if shape in forms:
        lines = f"{stage.forward}\nd{of} = {forms[shape].format(call)}"
        reading = Reading(lines, (out,), ("upstream",), {f"d{of}": of}, {of: of}, (told,) if told else ())
        yield outcome(stage.sandbox, reading, stage.inputs, upstream)
