"""What else an upstream gradient may be that of, and what the loss may have beside it: tried where the gradients are
not right as the names read them.

A network that ends in a softmax or a sigmoid is often handed p - y, the gradient of what goes into that; and layers
that decay their weights have the penalty's gradient in their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.adapters.difference import handed_a_difference
from gradcheck.adapters.inputs import required
from gradcheck.adapters.pairs import Stage
from gradcheck.adapters.plan import is_penalty
from gradcheck.adapters.reading import Outcome, Reading, Settled, explained, outcome, values_at
from gradcheck.adapters.taking import is_real

LAYERS = 2
"""Matrices of a network whose derivatives show that its author did not just forget the last one."""
_INSIDE = re.compile(r"(?i)(d_?|grad_?|delta_?)(z|logits?|scores?|net)\d*|deltas?|err(or)?s?")
"""What an argument is called that is handed the gradient of what goes into the last activation."""


@dataclass(frozen=True, slots=True)
class Revised:
    """A reading that may have been revised."""

    settled: Settled
    asks: str = ""
    """What is for the user to say, where nothing but the gradients themselves says that it is meant so."""


def revised(stage: Stage, found: Settled) -> Revised:
    """The reading under which most gradients are right, where they are not under that of the names."""
    taken = found.taken
    if taken is None or not taken.runs or len(taken.reading.upstream) != 1 or taken.reading.scalar:
        return Revised(found)
    count, best, most = len(taken.reading.gradients), taken, explained(stage.sandbox, taken, stage.seed)
    for reading in _variants(stage, taken) if most[0] < count else ():
        if stage.sandbox.time_is_up or most == (count, count):
            break
        one = outcome(stage.sandbox, reading, taken.inputs, taken.upstream)
        right = explained(stage.sandbox, one, stage.seed)
        best, most = (one, right) if right > most else (best, most)
    asks = _asks(stage, taken.reading, best) if most[0] == count and best is not taken else ""
    return Revised(replace(found, taken=best), asks)


def _variants(stage: Stage, taken: Outcome) -> Iterator[Reading]:
    """Of what goes into the activation; with a penalty, half its strength times the squares or the whole; of a mean,
    which may be taken of the parameters' gradients alone."""
    sizes = sorted({*np.shape(stage.made.out)} - {1})
    for inside in (taken.reading, *_before_activation(stage, taken)):
        if inside is not taken.reading:
            yield inside
        for size in sizes:
            yield _with(inside, f"{inside.loss} / {size}", f"a mean over {size}")
        for penalty in _penalties(stage, taken):
            beside = replace(inside, call=f"penalty = {penalty}\n{inside.call}")
            yield _with(beside, f"{inside.loss} + penalty", f"beside a penalty, {penalty}")
            for size in sizes:
                told = f"a mean over {size} beside a penalty, {penalty}"
                yield _with(beside, f"{inside.loss} / {size} + penalty", told)
                yield _with(beside, f"{inside.loss} + {size} * penalty", told)


def _with(reading: Reading, scalar: str, told: str) -> Reading:
    return replace(reading, scalar=scalar).with_guess(f"the loss is taken to be {told}")


# -- what goes into the last activation


def _before_activation(stage: Stage, taken: Outcome) -> Iterator[Reading]:
    reading, out = taken.reading, np.asarray(stage.made.out)
    name, upstream = reading.outputs[0], reading.upstream[0]
    evidence = _evidence(stage)
    if not is_real(stage.made.out) or not out.ndim or not ((out > 0) & (out < 1)).all():
        return
    axis = next((a for a in (-1, 0) if out.shape[a] > 1 and np.allclose(out.sum(axis=a), 1)), None)
    if axis is None and not evidence and _matrices(stage, taken) < LAYERS:
        return  # a derivative that is left out of a layer is as likely
    activation = "sigmoid" if axis is None else "softmax"
    told = f"{upstream} is taken for the gradient of what goes into the {activation} that {name} comes out of"
    told = f"{told}, as p - y is: {evidence} hands it a difference" if evidence else f"{told}, as p - y is"
    centred = "" if axis is None else f"{upstream} = {upstream} - {upstream}.mean(axis={axis}, keepdims=True)\n"
    inside = f"np.log({name} / (1 - {name}))" if axis is None else f"np.log({name})"
    yield replace(reading, call=centred + reading.call, scalar=f"np.sum({inside} * {upstream})").with_guess(told)


def _evidence(stage: Stage) -> str:
    """Where the file itself hands the backward a difference."""
    backward, module = stage.pair.backward, stage.sandbox.module
    kind = type(getattr(backward, "__self__", None)).__name__
    return handed_a_difference(module, kind, backward.__name__) if module is not None else ""


def _matrices(stage: Stage, taken: Outcome) -> int:
    return sum(map(_is_matrix, _owned(stage, taken).values()))


def _owned(stage: Stage, taken: Outcome) -> dict[str, Any]:
    """What parameters an object has, by their paths, and what a function is handed that is not its first."""
    paths = {p: p for p in taken.reading.paths.values() if p not in list(stage.inputs)[:1]}
    return values_at(stage.sandbox, paths, taken.inputs)


def _is_matrix(value: Any) -> bool:
    return len(np.shape(value)) > 1 and min(np.shape(value)) > 1


def _asks(stage: Stage, plain: Reading, best: Outcome) -> str:
    if "np.log" not in best.reading.scalar or _evidence(stage):
        return ""
    if _matrices(stage, best) >= LAYERS and _INSIDE.fullmatch(required(stage.pair.backward)[0]):
        return ""
    return (
        f"its gradients are right if {stage.pair.b} is handed the gradient of what goes into the last activation,"
        f" p - y, and wrong if that of {plain.outputs[0]}: say which,"
        f' --loss "{best.reading.loss}" or --loss "{plain.loss}"'
    )


# -- a penalty


def _penalties(stage: Stage, taken: Outcome) -> list[str]:
    """ "0.5 * (layer.reg * np.sum(layer.W ** 2))" of all matrices, and the same undivided; none without a strength."""
    matrices = [path for path, value in _owned(stage, taken).items() if _is_matrix(value)]
    held = [(path, strength) for path in matrices if (strength := _strength(stage, path))]
    terms = " + ".join(f"{strength} * np.sum({path} ** 2)" for path, strength in held)
    return [f"0.5 * ({terms})", terms] if terms else []


def _strength(stage: Stage, path: str) -> str:
    """layer.reg, of the object that holds a parameter or of one above it; "" for none."""
    made = stage.sandbox.before()
    holder = path
    while "." in holder or "[" in holder:
        holder = re.sub(r"(\.\w+|\[[^\]]*\])$", "", holder)
        held = getattr(eval(holder, dict(made)), "__dict__", {}) if holder.partition(".")[0] in made else {}
        for name, value in held.items():
            if is_penalty(name.strip("_")) and isinstance(value, (float, int)) and value:
                return f"{holder}.{name}"
    return ""
