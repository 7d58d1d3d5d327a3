"""The scalar that the gradients belong to: the user's own expression, the code's own loss, or the standard loss that
explains them."""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.capture.program import Program, Scalar, Variable
from gradcheck.errors import UsageError
from gradcheck.gradients import Gradient
from gradcheck.loss import behind, written
from gradcheck.loss.floors import without_floor
from gradcheck.loss.forms import Reading
from gradcheck.loss.screening import Explanation, Screening
from gradcheck.loss.standard import Candidate, Penalty, is_plain, outputs_of


@dataclass(frozen=True, slots=True)
class Chosen:
    """The loss that was taken, and why."""

    scalar: Scalar
    inferred: bool
    evidence: str
    """ "dZ2 is its gradient times m = 13"; "" for the user's own."""
    sure: bool = True
    """False where no gradient confirmed it."""
    samples: int | None = None
    """By how many samples it is averaged, where it is a standard loss."""
    rival: str = ""
    """The standard loss whose gradient the code computes, where that is not the gradient of the code's own loss."""
    candidate: Candidate | None = None
    """Which standard loss it is."""
    reading: Reading | None = None
    """Whether that is averaged or summed."""
    factor: float = 1.0
    """By which that is multiplied."""
    penalty: Penalty | None = None
    """And what is added to it."""
    own: str = ""
    """The code's own loss that it is, with or without a floor in its logarithm; "" for any other."""


def choose(program: Program, gradients: Sequence[Gradient]) -> Chosen:
    """The code's own scalar loss if it has one, else the standard loss that explains the gradients.

    Raises UsageError where no loss fits, since nothing can be compared without one.
    """
    screening = Screening(program, gradients)
    own = written.named(program, written.OWN_NAMES) or written.computed(program)
    if own is not None and own.site is not None and own.site.form == "ahead" and behind.is_only_shown(screening, own):
        own = None
    late = _behind_the_update(screening) if own is None else None
    if late is not None:
        return late
    own = own or written.returned(screening)
    if own is not None:
        beside = screening.beside(own)
        return standard(beside) if beside is not None else _as_written(screening, own)
    metric = written.named(program, written.METRICS)
    if metric is not None and screening.supports(metric):
        return _of_its_square(screening, metric) or _as_written(screening, metric)
    own = written.differentiated(screening)
    if own is not None:
        return _as_written(screening, own)
    found = screening.explained()
    if found is not None:
        return standard(found)
    return _as_written(screening, metric) if metric is not None else _assumed(screening)


def standard(found: Explanation) -> Chosen:
    """The standard loss that explains the gradients, and how it was told."""
    candidate, m = found.candidate, found.reading.samples
    factor = "" if math.isclose(found.ratio, 1, rel_tol=1e-4) else f" times {factor_text(found.ratio, {'m': m})}"
    told = "" if found.told or found.factor != 1 or m == 1 else "; that it is averaged, not summed, is assumed"
    scalar = candidate.scalar(found.reading, found.factor, found.penalty)
    evidence = f"{found.anchor.name} is its gradient{factor}{told}"
    return Chosen(scalar, True, evidence, True, m, "", candidate, found.reading, found.factor, found.penalty)


def multiplied(chosen: Chosen) -> str:
    """A note on a factor of all gradients, where no loss is written down that could tell whether it is meant."""
    if chosen.candidate is None or chosen.factor == 1:
        return ""
    times = f"{chosen.factor:.4g} times"
    plain = chosen.scalar.expression.removeprefix(f"{times} the ")
    return (
        f"no loss is written down, and every gradient is {times} that of the {plain}: if that is the loss that is"
        f" meant, they are all off by that factor (--loss says which is)"
    )


def _assumed(screening: Screening) -> Chosen:
    first = next(iter(screening.candidates), None)
    if first is None:
        have = ", ".join(f"{v.name} {v.array.shape}" for v in outputs_of(screening.program)[:6])
        raise UsageError(
            "The code computes no scalar loss, and no standard loss fits its outputs"
            f" ({have or 'none seen'}). Say what the gradients belong to with --loss EXPR, e.g."
            ' --loss "((out - y) ** 2).mean()".'
        )
    evidence = f"assumed from the form of {first.names[0]} and {first.names[1]}: no gradient confirms it"
    reading = first.readings[0]
    # what sums to one beside labels that are classes has no other loss
    sure = first.form.name == "softmax cross-entropy"
    return Chosen(first.scalar(reading), True, evidence, sure, reading.samples, "", first, reading)


def found_again(program: Program, chosen: Chosen, gradients: Sequence[Gradient]) -> Scalar | None:
    """The loss that was chosen at the target's own sizes, in another program of it; None where it isn't computed.

    On a network with a single class or sample every standard loss fits: choosing anew there would choose wrongly.
    """
    if chosen.candidate is None or chosen.reading is None:
        again = choose(program, gradients)
        same = again.scalar.expression == chosen.scalar.expression or (chosen.own and again.own == chosen.own)
        return again.scalar if same else None
    own = chosen.candidate
    alike = [c for c in Screening(program, gradients).candidates if c.form == own.form and c.names == own.names]
    # a helper that is called twice has two outputs of one name: sigmoid(z), and sigmoid(a, True) for the derivative
    exact = (c for c in alike if [v.ref for v in c.outputs] == [v.ref for v in own.outputs])
    candidate = next(exact, next(iter(alike), None))
    if candidate is None:
        return None
    reading = chosen.reading.at(candidate.outputs[0].array.shape, len(candidate.outputs))
    return candidate.scalar(reading, chosen.factor, chosen.penalty)


def _behind_the_update(screening: Screening) -> Chosen | None:
    """The loss that the step computes of its own data once it has moved its parameters."""
    own = behind.ahead(screening.program)
    if own is None or not behind.is_of_the_step(screening, own):
        return None
    found = behind.as_standard(screening, own)
    if found is None and not screening.supports(own) and not behind.goes_on(screening, own):
        return None
    if behind.is_only_shown(screening, own):
        return None
    if behind.reaches(screening, own, found.candidate.outputs if found is not None else ()):
        return _as_written(screening, own)
    at = own.site.line if own.site is not None else 0
    told = f"as {own.name} computes it (line {at}, behind the update)"
    return None if found is None else replace(standard(found), inferred=False, evidence=told, own=own.name)


def _as_written(screening: Screening, own: Variable) -> Chosen:
    """The code's own loss: less a floor in its logarithm where its gradient leaves that out."""
    where = ", behind the update; here before it" if own.site is not None and own.site.form == "ahead" else ""
    at = f" (line {own.site.line}{where})" if own.site is not None else ""
    scalar, evidence = Scalar(own.name, {own.name: own}, lambda values: values[own.name]), f"computed by the code{at}"
    factor = screening.steps_by(own)
    if factor is not None:
        told = f"{evidence}; every update goes {factor:.4g} times as far along its gradient as its rate says"
        of = Scalar(f"{factor:.4g} times {own.name}", scalar.variables, lambda values: factor * values[own.name])
        return Chosen(of, False, told)
    if not screening.supports(own):
        rival = screening.explained()
        return Chosen(scalar, False, evidence, rival=standard(rival).scalar.expression if rival else "")
    less = without_floor(screening, own)
    if less is None:
        return Chosen(scalar, False, evidence, own=own.name)
    told = f"{evidence}, less the floor {less[1]:g} in its logarithm, which its gradient leaves out"
    return Chosen(less[0], False, told, own=own.name)


def _of_its_square(screening: Screening, own: Variable) -> Chosen | None:
    """Half the square of `err = out - y`, or the square, where that is what a gradient is of: err times its slope."""
    anchor = screening.of_square(own)
    if anchor is None:
        return None
    times, gradient = anchor
    text = f"half the square of {own.name}" if times == 1 else f"the square of {own.name}"
    scalar = Scalar(text, {own.name: own}, lambda values: times / 2 * values[own.name] ** 2)
    return Chosen(scalar, True, f"{gradient.name} is its gradient")


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
        compile(tree, "<--loss>", "eval")
    except (SyntaxError, RecursionError, MemoryError) as error:
        at = f"{error.msg}, at column {error.offset}" if isinstance(error, SyntaxError) else "too deeply nested"
        raise UsageError(f"--loss {text!r:.200} is not a Python expression: {at}.") from None
    own = _bound_in(tree)
    wanted = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id not in own]
    variables = {n: v for n in wanted if (v := program.variable(n)) is not None}
    held = {"np": np, "numpy": np, **names}
    known = {n: held[n] for n in wanted if n in held}
    for name in wanted:
        if name not in variables and name not in known and not hasattr(builtins, name):
            have = ", ".join(n for n in program.variables if is_plain(n))
            raise UsageError(f"--loss {text!r}: the forward has no value named {name!r}; it has {have}.")
    if not variables:
        raise UsageError(f"--loss {text!r} names no value of the forward, so it has no gradient.")
    function = eval(compile(_of_names(tree, variables), "<--loss>", "eval"), known)
    ordered = dict(sorted(variables.items(), key=lambda item: item[1].order))
    scalar = Scalar(text, ordered, lambda values: function(**values))
    values = {n: v.array for n, v in variables.items()}
    try:
        result = scalar.function(values)
        value = np.asarray(result)
    except (Exception, SystemExit) as error:
        shapes = ", ".join(f"{n} {v.shape}" for n, v in values.items())
        raise UsageError(f"--loss {text!r} raised {type(error).__name__}: {error} (with {shapes}).") from None
    if value.size != 1 or value.dtype.kind not in "fiu":
        real = value.dtype.kind in "fiu"
        got = (
            f"an array of shape {value.shape}; sum it or average it" if real else f"{_a(type(result))}, {result!r:.60}"
        )
        raise UsageError(f"--loss {text!r}: expected a scalar, got {got}.")
    if not np.isfinite(value).all():
        raise UsageError(
            f"--loss {text!r} is {value.item()} at the probe: its derivative can't be compared with anything."
        )
    return scalar


def _of_names(tree: ast.Expression, names: Iterable[str]) -> ast.Expression:
    """The expression as a function of keyword arguments."""
    arguments = [ast.arg(name) for name in names]
    given = ast.arguments(posonlyargs=[], args=arguments, kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.fix_missing_locations(ast.Expression(ast.Lambda(given, tree.body)))


def _bound_in(tree: ast.Expression) -> set[str]:
    """Names that an expression gives a meaning itself: in comprehensions, lambdas and by :=."""
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    return stored | {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}


def _a(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'aeiou' else 'a'} {kind.__name__}"


def as_written(chosen: Chosen) -> str:
    """The name of the code's own loss, if it is that and nothing else that was taken."""
    text = chosen.scalar.expression
    return text if text == chosen.own and text.isidentifier() and not chosen.inferred else ""
