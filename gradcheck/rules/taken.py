"""Updates that take something made of a right gradient in its place: a sum that NumPy spreads over the parameter, the
transpose of a square matrix, one sample's row, a row of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.gradients import Gradient, updated
from gradcheck.rules.evidence import Array, Run
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_run
from gradcheck.rules.update import ROUNDED, Step, finding_of, first_steps, is_multiple, is_used

_Way = tuple[str, Callable[[Array], Array]]
"""What a step may take, in words and as made of a gradient."""


@of_run(rank=55)
def taken(run: Run) -> Iterator[Finding]:
    """GC607: a parameter moves along something that is made of its gradient or of another one's."""
    for step in first_steps(run):
        own = step.judged.gradient
        if own.rate is not None or own.array.shape != step.change.shape or is_multiple(step.change, own.array):
            continue
        if is_multiple(step.change, own.of.array) and not is_used(run, own):
            yield _itself(step, own)
            continue
        others = (j.gradient for j in run.judged if j.gradient.name != own.name)
        ways = [(own, way) for way in _entries(own, step.change)]
        ways += [(g, way) for g in (own, *others) for way in _ways(g, own)]
        made = ((g, what) for g, (what, way) in ways if _is_made(run, step, g, way))
        gradient, what = next(made, (own, ""))
        if what:
            yield finding_of(
                "GC607",
                "update",
                step.value,
                f"{own.of.name} is updated with {what}",
                f"The step that {own.of.name} takes is {what} times a constant. {own.name}, which is right, has one"
                f" number for each entry of {own.of.name}, and is what it should take.",
                f"uses {what}",
                own.of.name,
                {"gradient": gradient.name, "own": own.name},
                gradient.name,
            )


def _itself(step: Step, own: Gradient) -> Finding:
    """`vV = mu * vV - lr * V`: the parameter is in the place of its gradient, of which nothing is made."""
    name = own.of.name
    return finding_of(
        "GC607",
        "update",
        step.value,
        f"{name} is updated with itself",
        f"The step that {name} takes is {name} times a constant, and nothing rests on {own.name}, which is right and is"
        " what it should take.",
        "uses the parameter itself",
        name,
        {"gradient": name, "own": own.name},
        name,
    )


def _ways(gradient: Gradient, own: Gradient) -> Iterator[_Way]:
    """All that fits the parameter's shape, or is spread over it."""
    name, a = gradient.name, gradient.array
    if gradient is own and a.ndim == 2:
        yield f"the transpose of {name}", np.transpose
    if gradient is not own and gradient.kind == "parameter":
        yield name, np.asarray
    if a.ndim and a.shape[1:] == own.array.shape:
        yield f"{name}[0]", lambda a: a[0]
        yield f"{name}[-1]", lambda a: a[-1]
    if gradient.kind == "parameter":
        yield from _sums(name, a)


def _entries(own: Gradient, change: Array) -> Iterator[_Way]:
    """One row, column or entry, where the step is the same along an axis: `dW[2]`, `dW[:, 0]`, `db[0]`."""
    a = own.array
    alike = [n > 1 and np.ptp(change, axis=k).max() < ROUNDED * np.abs(change).max() for k, n in enumerate(a.shape)]
    for picked in np.ndindex(*(n for n, same in zip(a.shape, alike, strict=True) if same)) if any(alike) else ():
        numbers = iter(picked)
        at = [next(numbers) if same else None for same in alike]
        index = tuple(slice(None) if i is None else slice(i, i + 1) for i in at)
        said = ", ".join(":" if i is None else str(i) for i in at)
        yield f"{own.name}[{said.removesuffix(', :')}]", lambda a, index=index: a[index]  # type: ignore[misc]


def _sums(name: str, a: Array) -> Iterator[_Way]:
    for axis in range(a.ndim if a.ndim > 1 else 0):
        for keepdims in (False, True):
            yield f"{name} summed over axis {axis}", lambda a, k=axis, keep=keepdims: a.sum(axis=k, keepdims=keep)  # type: ignore[misc]
    if a.size > 1:
        yield f"the sum of {name}", lambda a: np.asarray(a.sum())


def _is_made(run: Run, step: Step, gradient: Gradient, way: Callable[[Array], Array]) -> bool:
    """Whether the step is a number times this, and is still, with the same number, where the gradient is another one:
    of a step whose entries an optimizer has made equal in size only the signs are."""
    factor = _factor(step.change, way(gradient.array))
    last = gradient.versions[-1].array
    if factor is None or last.shape != gradient.array.shape:
        return False
    other = last * np.random.default_rng(0).uniform(0.5, 2, last.shape)
    seen = updated(run.program, run.program.backward({gradient.key: other}), step.judged.gradient)
    again = None if seen is None else _factor(seen[1], way(other))
    return again is not None and bool(np.isclose(again, factor, rtol=1e-6, atol=0))


def _factor(change: Array, made: Array) -> float | None:
    """By what the change is a multiple of something that fits it or is spread over it; None where it is none."""
    try:
        whole = np.broadcast_to(made, change.shape)
    except ValueError:
        return None
    return float(np.vdot(change, whole) / np.vdot(whole, whole)) if is_multiple(change, whole) else None
