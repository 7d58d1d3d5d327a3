"""A standard loss on values of the program: which ones fit, and each as a scalar that can be evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.program import Program, Ref, Scalar, Variable
from gradcheck.capture.record import LARGE
from gradcheck.conventions import is_hyperparameter
from gradcheck.gradients import Gradient, laid_out
from gradcheck.loss.forms import FORMS, RESIDUAL, Form, Reading, floored, readings

Array = NDArray[Any]


CLOSE = 1e-4
"""How far single precision may be off a step of about one."""


def touched(gradient: Array) -> Array:
    """1 for the rows of a gradient that are not zero, 0 for those of a table that a step leaves alone."""
    some = gradient.reshape(len(gradient), -1).any(axis=1) if gradient.ndim else np.array(True)
    return np.asarray(some, float).reshape(gradient.shape[:1] + (1,) * (gradient.ndim - 1))


@dataclass(frozen=True, slots=True)
class Penalty:
    """An L2 term: half the strength times the sum of squares."""

    strength: float
    called: str = ""
    """What the code calls the strength: reg."""
    of: tuple[Variable, ...] = ()
    rows: tuple[Array, ...] = ()
    """Of each, 1 for the rows whose squares count: a step may touch only some of a table's."""

    def also_of(self, gradients: Sequence[Gradient]) -> Penalty:
        """The same term, on the values of these gradients as well."""
        rows = (touched(a) for g in gradients if (a := laid_out(g)) is not None)
        return replace(self, of=(*self.of, *(g.of for g in gradients)), rows=(*self.rows, *rows))

    @property
    def text(self) -> str:
        """+ reg/2 times the squares of W1 and W2, with reg = 0.01"""
        squares = " and ".join(v.name for v in self.of)
        told = f", {self.called} = {self.strength:.4g}" if self.called else ""
        return f"+ {self.called or f'{self.strength:.4g}'}/2 times the squares of {squares}{told}"

    def value(self, values: Callable[[Variable], Any]) -> Any:
        return self.strength / 2 * sum(np.sum(rows * np.square(values(v))) for v, rows in zip(self.of, self.rows))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A standard loss on values of the forward; on several of each where the step runs the forward several times."""

    form: Form
    outputs: tuple[Variable, ...]
    labels: tuple[Variable, ...]
    turned: bool = False
    """Whether the labels lie the other way: samples as rows, beside an output that has them as columns."""

    @property
    def readings(self) -> tuple[Reading, ...]:
        """How it may be added up, the mean first."""
        return tuple(readings(self.form, self.outputs[0].array.shape, len(self.outputs)))

    @property
    def names(self) -> tuple[str, str]:
        """Of the output and of the label."""
        return self.outputs[0].name, f"{self.labels[0].name}{'.T' * self.turned}"

    @property
    def is_single(self) -> bool:
        """Whether the output is one number."""
        return len(self.outputs) == 1 and self.outputs[0].array.size == 1

    def variables(self) -> dict[str, Variable]:
        """What it is a function of; the second sample's are called A2[1] and y[1]."""
        named = {}
        for k, pair in enumerate(zip(self.outputs, self.labels)):
            named.update({f"{v.name}[{k}]" if k else v.name: v for v in pair})
        return named

    def summed(self, values: Callable[[Variable], Any], floor: float = 0.0) -> Any:
        """The sum over everything, given the value of each variable."""
        function = floored(self.form, floor) if floor else self.form.function
        # plain arrays: of an np.matrix, * is another product
        labels = (np.asarray(values(t)).T if self.turned else np.asarray(values(t)) for t in self.labels)
        return sum(function(np.asarray(values(o)), t) for o, t in zip(self.outputs, labels))

    def scalar(self, reading: Reading, factor: float = 1.0, penalty: Penalty | None = None) -> Scalar:
        """The loss as a scalar of the program, the penalty added."""
        weight = reading.weight * factor
        times = "" if factor == 1 else f"{factor:.4g} times the "
        over = f" over {len(self.outputs)} samples" if len(self.outputs) > 1 else ""
        text = f"{times}{reading.text} of {self.names[0]} and {self.names[1]}{over}"
        variables = {**self.variables(), **({v.name: v for v in penalty.of} if penalty else {})}
        variables = dict(sorted(variables.items(), key=lambda item: item[1].order))
        by_ref = {v.ref: name for name, v in variables.items()}

        def function(values: Mapping[str, Any]) -> Any:
            loss = self.summed(lambda v: values[by_ref[v.ref]]) * weight
            return loss if penalty is None else loss + penalty.value(lambda v: values[by_ref[v.ref]])

        return Scalar(text if penalty is None else f"{text} {penalty.text}", variables, function)


def candidates(program: Program, fixed: Callable[[Variable], bool] | None = None) -> Iterator[Candidate]:
    """Every standard loss that fits an output and a label of the program; likeliest first.

    `fixed` tells whether a value stays as it is when the parameters move, as labels do; without it only roots can be.
    """
    outputs = [v for v in outputs_of(program) if fixed is None or not fixed(v)]
    still = [v for v in distinct(program.variables.values()) if (v.order < 0 if fixed is None else fixed(v))]
    told = [v for v in still if not _UPSTREAM.fullmatch(v.last or v.name)]
    labels = [v for v in told if v.array.size > 1 or not is_hyperparameter(v.last or v.name)]
    # data[2][1] is a sample of the data; what the step calls y is its label
    named = [v for v in labels if is_plain(v.name)]
    for among in (named, [v for v in labels if not is_plain(v.name)]):
        found = list(_fitting(program, outputs, among))
        yield from found
        if found:
            return


_UPSTREAM = re.compile(
    r"(?i)(d|grad|grad_|d_|upstream_?|upstream_grad_?)(out|output|prev|next|loss|[xyzah]|[a-z]_(prev|next|out)\w*)s?\d*"
    r"|.*(deriv|_grad|prime).*"
)
"""What a backward is handed by hand is no label: dout, d_prev, dZ."""


def _fitting(program: Program, outputs: Sequence[Variable], labels: Sequence[Variable]) -> Iterator[Candidate]:
    residuals = _residuals(program, outputs, labels)
    ways = product((False, True), FORMS, outputs, labels)  # what lies like the output first: one_hot.T beside one_hot
    for turned, form, output, label in ways:
        if label.ref == output.ref or turned != _is_turned(output.array, label.array):
            continue
        if (form is RESIDUAL) != ((output.ref, label.ref) in residuals):
            continue
        if _fits(form, output.array, label.array, turned):
            several = _in_every_round(program, form, output, label, turned)
            yield from [several] if several is not None else []
            # any loss of a single number has its gradient, up to a factor
            if output.array.size > 1 or sum(output.name in r for r in program.rounds) < 2:
                yield Candidate(form, (output,), (label,), turned)


def _residuals(program: Program, outputs: Sequence[Variable], labels: Sequence[Variable]) -> frozenset[tuple[Ref, Ref]]:
    """Outputs and labels of which one is the other's difference from something: by what it moves, the other does."""
    found: set[tuple[Ref, Ref]] = set()
    for label in labels:
        alike = [o for o in outputs if o.array.shape == label.array.shape and o.array.ndim and o.ref != label.ref]
        step = np.linspace(0.5, 1, label.array.size).reshape(label.array.shape)
        now = program.seen(alike, {label.ref: label.array + step}) if alike else {}
        moved = ((o, np.abs(now[o.ref] - o.array)) for o in alike if o.ref in now)
        found |= {(o.ref, label.ref) for o, by in moved if by.shape == step.shape and np.allclose(by, step, rtol=CLOSE)}
    return frozenset(found)


def _is_turned(output: Array, label: Array) -> bool:
    """Whether one has samples as rows and the other as columns: `A2 - y.T`."""
    return label.ndim == 2 and label.shape != output.shape and label.shape[::-1] == output.shape


def _in_every_round(program: Program, form: Form, output: Variable, label: Variable, turned: bool) -> Candidate | None:
    """The loss summed over all samples, of a step that runs the forward once for each."""
    # a derivative that calls the activation again makes a round of its own, without an output
    pairs = [(r[output.name], r.get(label.name, label)) for r in program.rounds if output.name in r]
    if len(pairs) < 2 or not all(_fits(form, o.array, t.array, turned) for o, t in pairs):
        return None
    return Candidate(form, tuple(o for o, _ in pairs), tuple(t for _, t in pairs), turned)


def _fits(form: Form, output: Array, label: Array, turned: bool) -> bool:
    return label.dtype.kind in "fiub" and label.size > 0 and form.fits(output, label.T if turned else label)


def outputs_of(program: Program, most: int = 24) -> list[Variable]:
    """Values that may be a network's output, the last first."""
    of_numbers = (v for v in distinct(program.variables.values()) if v.array.dtype.kind == "f")
    made = [v for v in of_numbers if v.order >= 0 and v.array.size <= LARGE]
    return sorted(made, key=lambda v: -v.order)[:most]


def distinct(variables: Iterable[Variable]) -> list[Variable]:
    """One variable for each value."""
    seen: dict[Any, Variable] = {}
    for v in variables:
        known = seen.get(v.ref)
        # of several names for one value, the author's own beats a callee's return value
        if known is None or (is_plain(v.name), v.order) > (is_plain(known.name), known.order):
            seen[v.ref] = v
    return list(seen.values())


def is_plain(name: str) -> bool:
    """Whether a value goes by a name of its own."""
    return name.isidentifier() and name != "_"
