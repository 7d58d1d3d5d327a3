"""The scalar that the gradients belong to: the user's own expression, or the standard loss that explains them."""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.program import Program, Scalar, Variable
from gradcheck.capture.record import Key
from gradcheck.compare import BLUNT, Agreement, Truth, agreement, measure
from gradcheck.errors import UsageError
from gradcheck.gradients import Gradient

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Form:
    """A standard loss, summed over everything; the mean divides by the number of samples."""

    name: str
    """As the reader knows it."""
    function: Callable[[Any, Any], Any]
    """(output, label) to the summed loss; differentiable by complex step."""
    fits: Callable[[Array, Array], bool]
    """Whether output and label can be its arguments."""


def _is_distribution(output: Array, axis: int = 1) -> bool:
    if output.ndim != 2 or not np.isfinite(output).all():
        return False
    return bool((output >= 0).all() and np.allclose(output.sum(axis=axis), 1, rtol=1e-4))


def _cross_entropy(output: Any, label: Any) -> Any:
    # 0 log 0 is 0: where the label is zero the logarithm does not enter
    with np.errstate(all="ignore"):
        return -np.sum(np.where(label != 0, label * np.log(output), 0))


def _picked(output: Any, label: Any) -> Any:
    with np.errstate(all="ignore"):
        return -np.sum(np.log(output[np.arange(len(output)), label.astype(int)]))


def _binary(output: Any, label: Any) -> Any:
    return _cross_entropy(output, label) + _cross_entropy(1 - output, 1 - label)


FORMS = (
    Form("softmax cross-entropy", _cross_entropy, lambda o, t: _is_distribution(o) and _one_hot(o, t)),
    Form("softmax cross-entropy", _cross_entropy, lambda o, t: _is_distribution(o, 0) and _one_hot(o, t, 0)),
    Form("softmax cross-entropy", _picked, lambda o, t: _is_distribution(o) and _classes(o, t)),
    Form(
        "binary cross-entropy",
        _binary,
        lambda o, t: o.shape == t.shape and bool(((o > 0) & (o < 1)).all() and ((t >= 0) & (t <= 1)).all()),
    ),
    Form("half squared error", lambda o, t: np.sum((o - t) ** 2) / 2, lambda o, t: o.shape == t.shape),
)


def _one_hot(output: Array, label: Array, axis: int = 1) -> bool:
    return output.shape == label.shape and _is_distribution(label.astype(float), axis)


def _classes(output: Array, label: Array) -> bool:
    whole = label.ndim == 1 and len(label) == len(output) and bool((label == label.astype(int)).all())
    return whole and bool((label >= 0).all() and (label < output.shape[1]).all())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A standard loss on two values of the trace."""

    form: Form
    output: Variable
    label: Variable
    samples: int
    """Number of samples by which the mean divides."""

    def scalar(self, mean: bool) -> Scalar:
        """The loss as a scalar of the program, averaged or summed over samples."""
        divisor = self.samples if mean else 1
        o, t, function = self.output.name, self.label.name, self.form.function
        variables = dict(sorted(((o, self.output), (t, self.label)), key=lambda p: p[1].order))
        expression = f"{'mean' if mean else 'summed'} {self.form.name} of {o} and {t}"
        return Scalar(expression, variables, lambda values: function(values[o], values[t]) / divisor)


def candidates(program: Program) -> Iterator[Candidate]:
    """Every standard loss that fits an output and a label of the program; likeliest first."""
    outputs = _outputs(program)
    labels = [v for v in _distinct(program.variables.values()) if v.order < 0]
    for form in FORMS:
        for output in outputs:
            for label in labels:
                if label.ref != output.ref and form.fits(output.array, label.array):
                    axis = 1 if form.fits is FORMS[1].fits else 0
                    yield Candidate(form, output, label, output.array.shape[axis] if output.array.ndim else 1)


def _outputs(program: Program, most: int = 6) -> list[Variable]:
    made = [v for v in _distinct(program.variables.values()) if v.order >= 0 and v.array.dtype.kind == "f"]
    return sorted(made, key=lambda v: -v.order)[:most]


def _distinct(variables: Any) -> list[Variable]:
    seen: dict[Any, Variable] = {}
    for v in variables:
        known = seen.get(v.ref)
        # of several names for one value, the author's own beats a callee's return value
        if known is None or (_is_plain(v.name), v.order) > (_is_plain(known.name), known.order):
            seen[v.ref] = v
    return list(seen.values())


def _is_plain(name: str) -> bool:
    return name.isidentifier() and name != "_"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The loss that was taken, and why."""

    scalar: Scalar
    inferred: bool
    evidence: str
    """ "dZ2 is its gradient times m = 13"; "" for the user's own."""
    sure: bool = True
    """False where no gradient confirmed it."""


OWN_NAMES = ("loss", "cost", "J", "L", "error", "objective", "nll", "mse", "total_loss", "cost_value")


def choose(program: Program, gradients: Sequence[Gradient], rng: np.random.Generator) -> Chosen:
    """The code's own scalar loss if it has one, else the standard loss that explains the gradients.

    The first gradient that the backward computes settles the form; the parameters' gradients settle the factor.
    Raises UsageError where no loss fits, since nothing can be compared without one.
    """
    own = _own(program)
    if own is not None:
        at = f" (line {own.site.line})" if own.site is not None else ""
        scalar = Scalar(own.name, {own.name: own}, lambda values: values[own.name])
        return Chosen(scalar, False, f"computed by the code{at}")
    fitting = list(candidates(program))
    if not fitting:
        have = ", ".join(f"{v.name} {v.array.shape}" for v in _outputs(program))
        raise UsageError(
            "The code computes no scalar loss, and no standard loss fits its outputs"
            f" ({have or 'none seen'}). Say what the gradients belong to with --loss EXPR, e.g."
            ' --loss "((out - y) ** 2).mean()".'
        )
    for candidate in fitting:
        for gradient in gradients:
            held = _explains(program, candidate, gradient, rng)
            if held is not None:
                return _with_factor(program, candidate, gradient, held, gradients, rng)
    first = fitting[0]
    evidence = f"assumed from the form of {first.output.name} and {first.label.name}: no gradient confirms it"
    return Chosen(first.scalar(mean=True), True, evidence, sure=False)


def _own(program: Program) -> Variable | None:
    for name in OWN_NAMES:
        v = program.variable(name)
        if (
            v is not None
            and v.order >= 0
            and v.array.size == 1
            and v.array.dtype.kind == "f"
            and isinstance(v.ref, Key)
        ):
            return v
    return None


def _explains(program: Program, candidate: Candidate, gradient: Gradient, rng: np.random.Generator) -> Agreement | None:
    """The agreement of a gradient with a mean loss, up to a factor; None where there is none."""
    analytic = laid_out(gradient)
    if analytic is None or not np.isfinite(analytic).all():
        return None
    scalar = candidate.scalar(mean=True)
    of = gradient.of

    def measured() -> Truth:
        return measure(lambda a: program.evaluate(scalar, {of.ref: a}), of.array, rng=rng, full=False)

    truth = program.remembered(scalar, of, (False, "auto"), measured)
    if truth.reason:
        return None
    held = agreement(truth, analytic, scale=None)
    return held if held.holds and held.resolution < BLUNT else None


def laid_out(gradient: Gradient) -> Array | None:
    """The gradient in the layout of its value; None where no transposition brings it there."""
    a, shape = gradient.array, gradient.of.array.shape
    if a.shape == shape:
        return a
    return a.T if a.ndim == 2 and a.T.shape == shape else None


def _with_factor(
    program: Program,
    candidate: Candidate,
    anchor: Gradient,
    held: Agreement,
    gradients: Sequence[Gradient],
    rng: np.random.Generator,
) -> Chosen:
    m = candidate.samples
    votes = {True: 0, False: 0}
    for gradient in gradients:
        if gradient.kind == "parameter" and m > 1:
            found = held if gradient is anchor else _explains(program, candidate, gradient, rng)
            if found is not None:
                votes[True] += math.isclose(found.scale, 1, rel_tol=1e-6)
                votes[False] += math.isclose(found.scale, m, rel_tol=1e-6)
    mean = votes[True] >= votes[False]
    ratio = held.scale if mean else held.scale / m
    factor = "" if math.isclose(ratio, 1, rel_tol=1e-6) else f" times {factor_text(ratio, {'m': m})}"
    told = "" if any(votes.values()) or m == 1 else "; that it is averaged, not summed, is assumed"
    return Chosen(candidate.scalar(mean), True, f"{anchor.name} is its gradient{factor}{told}")


def factor_text(factor: float, sizes: Mapping[str, int]) -> str:
    """A factor in the code's own terms: "m = 13", "1/m = 0.077", "-1", "0.31"."""
    name = factor_name(factor, sizes)
    return f"{name} = {factor:.4g}" if name else f"{factor:.4g}"


def factor_name(factor: float, sizes: Mapping[str, int]) -> str:
    """The symbol behind a factor: m, 1/m, -m; "" where none fits."""
    for name, size in sizes.items():
        for value, text in ((size, name), (1 / size if size else 0, f"1/{name}")):
            if size > 2 and math.isclose(abs(factor), value, rel_tol=1e-6):
                return text if factor > 0 else f"-{text}"
    return ""


def of_expression(program: Program, text: str, names: Mapping[str, Any]) -> Scalar:
    """The user's own loss. Raises UsageError for what isn't an expression, a name of the code, or a finite scalar."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise UsageError(
            f"--loss {text!r} is not a Python expression: {error.msg}, at column {error.offset}."
        ) from None
    wanted = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)]
    variables = {n: v for n in wanted if (v := program.variable(n)) is not None}
    known = {"np": np, "numpy": np, **names}
    for name in wanted:
        if name not in variables and name not in known and not hasattr(builtins, name):
            have = ", ".join(n for n in program.variables if _is_plain(n))
            raise UsageError(f"--loss {text!r}: the forward has no value named {name!r}; it has {have}.")
    if not variables:
        raise UsageError(f"--loss {text!r} names no value of the forward, so it has no gradient.")
    code = compile(tree, "<--loss>", "eval")
    scalar = Scalar(
        text,
        dict(sorted(variables.items(), key=lambda item: item[1].order)),
        lambda values: eval(code, {**known, **values}),
    )
    values = {n: v.array for n, v in variables.items()}
    try:
        value = np.asarray(scalar.function(values))
    except Exception as error:
        shapes = ", ".join(f"{n} {v.shape}" for n, v in values.items())
        raise UsageError(f"--loss {text!r} raised {type(error).__name__}: {error} (with {shapes}).") from None
    if value.size != 1 or value.dtype.kind not in "fciub":
        raise UsageError(
            f"--loss {text!r}: expected a scalar, got an array of shape {value.shape}; sum it or average it."
        )
    if not np.isfinite(value).all():
        raise UsageError(
            f"--loss {text!r} is {value.item()} at the probe: its derivative can't be compared with anything."
        )
    return scalar
