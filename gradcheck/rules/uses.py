"""Where the forward uses a value, and what each use alone contributes to the gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.capture.program import Program, Ref, Scalar, Trace, Variable
from gradcheck.capture.record import Key, Value
from gradcheck.compare import CARE
from gradcheck.evaluation import Evaluation
from gradcheck.numeric import Estimate, Noise, directional, directions, noise_floor
from gradcheck.rules.evidence import Array

MOST = 12
"""Uses of one value that can be told apart; a longer loop over time has more."""


@dataclass(frozen=True, slots=True)
class Contributions:
    """The derivative of the loss along directions of one value, use by use."""

    uses: tuple[Value, ...]
    """What is computed from the value, in order: one for each use."""
    directions: tuple[Array, ...]
    """Along which it was perturbed, more of them than there are uses."""
    slopes: Array
    """(directions, uses): the derivative through each use alone."""
    errors: Array
    """Their error bars."""


def contributions(
    program: Program,
    of: Variable,
    rng: np.random.Generator,
    *,
    least: int = 2,
    count: int | None = None,
    along: Sequence[Array] | None = None,
) -> Contributions | None:
    """What each use of a value contributes; None for fewer than `least`, or for more than can be told apart.

    The value is moved along `count` directions of its own, by default more than it has uses, or those that are given.
    """
    uses = _uses(program, of, rng)
    if not least <= len(uses) <= MOST:
        return None
    ways = directions(of.array, count or len(uses) + 3, rng) if along is None else along
    found = [_through(program, of, use, uses, ways, rng) for use in uses]
    slopes, errors = (
        np.array([[float(getattr(e, what)) for e in row] for row in found]).T for what in ("derivative", "error")
    )
    if not np.isfinite(errors).all():
        return None
    # the array of which the value is a row is no use of it, if nothing reads it as a whole
    felt = np.abs(slopes).max(axis=0) > CARE * errors.max(axis=0)
    kept = felt | np.array([use.name != of.name.partition("[")[0] for use in uses])
    uses = [use for use, is_kept in zip(uses, kept) if is_kept]
    if len(uses) < least:
        return None
    return Contributions(tuple(uses), tuple(ways), slopes[:, kept], errors[:, kept])


def _uses(program: Program, of: Variable, rng: np.random.Generator) -> list[Value]:
    """The values that are computed from `of` itself rather than from something else that is made of it.

    A value is, if it moves with `of` while everything else that moves with it is held.
    """
    moved: dict[Ref, Array] = {of.ref: of.array + 0.1 * directions(of.array, 1, rng)[0]}
    base = {v.key: v for v in program.forward().values if v.plain and v.key != of.ref and not _is_same(v, of)}
    made = _changed(program.forward(moved), base)
    if len(made) > 20 * MOST:
        return []
    held: dict[Ref, Array] = {key: base[key].array for key in made}
    return [
        base[key]
        for key in made
        if key in _changed(program.forward({**moved, **{k: a for k, a in held.items() if k != key}}), base)
    ]


def _is_same(value: Value, of: Variable) -> bool:
    """Whether it is the very value, handed to a function or under another name."""
    return value.identity == of.identity or (value.site.kind == "argument" and np.array_equal(value.array, of.array))


def _changed(trace: Trace, base: Mapping[Key, Value]) -> list[Key]:
    """What differs, in order."""
    return [
        v.key
        for v in trace.values
        if v.key in base and v.array.shape == base[v.key].array.shape and not np.array_equal(v.array, base[v.key].array)
    ]


def _through(
    program: Program, of: Variable, use: Value, uses: Sequence[Value], ways: Sequence[Array], rng: np.random.Generator
) -> list[Estimate]:
    """The derivative along each direction that reaches the loss through one use.

    What that use comes to with another value is computed while the others are held, and put in its place in a run in
    which nothing is held: other uses see the value as it was, but they see what has been made of it here.
    """
    held: dict[Ref, Array] = {u.key: u.array for u in uses if u.key != use.key}
    made = Variable(use.name, use.key, use.array, use.site, of.order + 1)

    def f(a: Array) -> Evaluation:
        seen: dict[str, Array] = {}
        scalar = Scalar("", {use.name: made}, lambda values: seen.update(values) or 0.0)
        first = program.evaluate(scalar, {**held, of.ref: a})
        if not seen:
            return Evaluation(np.nan, first.signature)
        second = program.loss({use.key: seen[use.name]})
        return Evaluation(second.value, (*first.signature, *second.signature))

    x = np.asarray(of.array, dtype=float)
    base = f(x)
    noise: Noise = noise_floor(f, x, rng=rng, base=base)
    return [directional(f, x, way, base=base, noise=noise, rng=rng) for way in ways]
