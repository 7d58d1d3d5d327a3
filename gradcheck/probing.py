"""One probe: an open program, its loss, and every gradient measured, judged and blamed."""

from __future__ import annotations

import ast
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck import draws
from gradcheck.blame.assign import assign_blame
from gradcheck.blame.crossings import at_crossings
from gradcheck.blame.derivatives import set_aside
from gradcheck.blame.doubts import doubted
from gradcheck.blame.judge import judge
from gradcheck.blame.judged import Judged
from gradcheck.blame.making import at_their_making, at_their_writing
from gradcheck.blame.means import averaged, carried
from gradcheck.blame.mistaken import without_mistaken
from gradcheck.blame.rounds import Others, assign_over_rounds, others_over_rounds, reread_over_rounds
from gradcheck.blame.turns import over_time
from gradcheck.blame.unnamed import found_out
from gradcheck.blame.versions import judge_versions
from gradcheck.capture.program import Program, Ref, Variable
from gradcheck.cells import units
from gradcheck.compare import Truth, Verdict, agreement, estimates, measure, rough
from gradcheck.conventions import DATA, bases
from gradcheck.errors import ComplexParameters, GradcheckError, NothingToCheck, TargetError
from gradcheck.evaluation import Evaluation
from gradcheck.gradients import Gradient, paired
from gradcheck.loss import choose as losses
from gradcheck.loss.choose import Chosen
from gradcheck.options import Options
from gradcheck.shapes import Spec
from gradcheck.source import told, traced
from gradcheck.target import Target
from gradcheck.unpaired import complex_parameters

Array = NDArray[Any]

DRAWN = 32
"""How many inputs and parameters the forward is told of: no line has room for more."""
SMALL = 16
"""Tensors up to this many entries are checked entry by entry from the start."""
MAPPED = 2048
"""Larger ones up to this many are, where random directions do not show them to be right."""
TIME = "time limit reached"
UNSETTLED = "it differs, and there was no time to see why"


class LimitReached(Exception):
    """Ends the measuring of a tensor."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop measuring; what is left then is inconclusive."""

    until: float | None = None
    """time.monotonic() at which time is up."""
    budget: int | None = None
    """Most forward evaluations."""

    def watched(self, program: Program, loss: Callable[[Array], Evaluation]) -> Callable[[Array], Evaluation]:
        """The loss, which raises LimitReached where there must be no more evaluation."""

        def within(a: Array) -> Evaluation:
            reason = self.reached(program.evaluations)
            if reason:
                raise LimitReached(reason)
            return loss(a)

        return within

    def passed(self) -> bool:
        """Whether time is up."""
        return self.until is not None and time.monotonic() > self.until

    def reached(self, evaluations: int) -> str:
        """Why measuring must stop; "" while it may go on."""
        if self.passed():
            return TIME
        if self.budget is not None and evaluations >= self.budget:
            return f"budget of {self.budget} evaluations spent"
        return ""


@dataclass(frozen=True, slots=True)
class Flow:
    """The forward's main values in order, and where each parameter comes in."""

    values: tuple[str, ...]
    """("x", "Z1", "A1", "Z2", "A2")"""
    feeds: Mapping[str, str]
    """{"W1": "Z1"}: the first of the values that a parameter changes."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What one probe came to."""

    program: Program
    chosen: Chosen
    judged: tuple[Judged, ...]
    sizes: Mapping[str, int]
    """Sizes by symbol."""
    flow: Flow
    """How the forward hangs together."""
    means: str = ""
    """What to say of parameters' gradients that are means over samples."""


def observed(program: Program, target: Target, options: Options, spec: Spec | None) -> list[Gradient]:
    """The gradients that the code computes, in its order.

    Raises TargetError for code that fails before any backward step, NothingToCheck where none was seen at all.
    """
    grads = {**target.grads, **options.grads}
    only = options.params or target.params
    if program.first_gradient == len(program.trace.values):
        raise _nothing(program, target)
    told = options.grads if target.traced else grads  # what an adapter says of names is no demand
    gradients = paired(program, told=told, inputs=_inputs(program, spec), only=only)
    if not gradients:
        raise _nothing(program, target)
    return gradients


def prepare(
    program: Program, target: Target, options: Options, spec: Spec | None, rng: np.random.Generator
) -> tuple[list[Gradient], Chosen]:
    """Pair the gradients and settle the loss, which is the program's from then on. Raises as `observed` does."""
    gradients = observed(program, target, options, spec)
    draws.hold(program)
    expression = options.loss if options.loss != "auto" else target.loss
    if expression == "auto":
        chosen = losses.choose(program, gradients)
    else:
        names = vars(target.module) if target.module is not None else {}
        chosen = Chosen(losses.of_expression(program, expression, names), inferred=False, evidence="")
    program.with_loss(chosen.scalar)
    last = max((v.order for v in chosen.scalar.variables.values()), default=-1)
    # what the backward makes anew for itself, a padded x, is no value of the forward, nor is what it begins with
    # and carries on, `lam = lam + v`, updated
    later = [g for g in gradients if g.of.order > last and (target.traced or (g.rate is not None and last >= 0))]
    gradients = [g for g in gradients if g not in later]
    return gradients, chosen


def probe(
    program: Program,
    target: Target,
    options: Options,
    spec: Spec | None,
    rng: np.random.Generator,
    limits: Limits,
    *,
    so_far: Callable[[Probe], None] = lambda _: None,
    look: Callable[[Sequence[Judged]], None] = lambda _: None,
) -> Probe:
    """Measure and judge every gradient of an open program, and say whose line is at fault.

    `so_far` is handed what is known after each, `look` those that are judged by then; it may end this by raising.
    """
    gradients, chosen = prepare(program, target, options, spec, rng)
    left = tuple(unmeasured(g, TIME) for g in gradients)
    found = Probe(program, chosen, left, _sizes(program, target, chosen), flow(program, gradients, chosen))
    judged: list[Judged] = []
    for gradient in gradients:
        # of an engine's numbers none tells more than another: its operations do, if one is wrong
        most = MAPPED if target.engine is None else 0
        judged.append(measured(program, gradient, options, rng, limits, mapped=most))
        so_far(replace(found, judged=(*judged, *left[len(judged) :])))
        look(judged)
    judged = without_mistaken(program, judged)
    judged = [_not_cancelled(program, j, judged, rng) for j in judged]
    judged, others = _reread(program, set_aside(program, judged), rng, limits)
    judged = _blamed(program, at_their_making(program, judged), others, rng, limits)
    judged = at_their_writing(program, judged)
    judged, means = averaged(carried(judged), _samples(target, chosen))
    return replace(found, judged=tuple(doubted(program, chosen, judged)), means=means)


def _samples(target: Target, chosen: Chosen) -> frozenset[int]:
    """What may be the number of samples, where the upstream gradient is drawn: of a layer or a pair by itself."""
    drawn = target.traced and any(name.startswith("upstream") for name in chosen.scalar.variables)
    return frozenset(n for v in chosen.scalar.variables.values() for n in v.array.shape) if drawn else frozenset()


def _reread(
    program: Program, judged: Sequence[Judged], rng: np.random.Generator, limits: Limits
) -> tuple[list[Judged], Others]:
    """The gradients as what they are meant for, and the wrong ones' of the other samples."""
    try:
        others = others_over_rounds(program, judged, lambda of: _shown(program, of, rng, limits))
    except LimitReached:
        others = {}
    return reread_over_rounds(program, judged, others)


def _shown(program: Program, of: Variable, rng: np.random.Generator, limits: Limits) -> Truth:
    """A derivative by entries, of what has so many that each can be asked for."""
    return _truth(program, of, rng, of.array.size <= MAPPED, "auto", limits)


def _blamed(
    program: Program, judged: list[Judged], others: Others, rng: np.random.Generator, limits: Limits
) -> list[Judged]:
    """Whose line is at fault: also among gradients that have no name, where wrong ones rest on such."""

    def truth(of: Variable) -> Truth:
        return _shown(program, of, rng, limits)

    def along(of: Variable) -> Truth:
        with program.along(of) as loss:
            return measure(limits.watched(program, loss), of.array, rng=rng, full=False, count=1)

    def roughly(of: Variable) -> Array:
        with program.along(of) as loss:
            return rough(limits.watched(program, loss), of.array) if of.array.size <= MAPPED else np.empty(0)

    try:
        between = at_crossings(program, judged, truth, along, roughly)
        named = over_time(program, found_out(program, between, truth, roughly), truth, along, roughly)
        return assign_over_rounds(program, named, truth, others, rng)
    except LimitReached:
        return assign_blame(program, judged, rng)


def flow(program: Program, gradients: Sequence[Gradient], chosen: Chosen) -> Flow:
    """What the forward's values are called, and which of them each parameter and input feeds first."""
    wanted = {g.of.name for g in gradients if g.of.order >= 0} | set(chosen.scalar.variables)
    main = gradients[0].value.site.function
    parameters = {g.of.name for g in gradients if g.kind == "parameter"}
    named = [v for n, v in program.variables.items() if n == v.name and n.isidentifier() and n != "_" and v.order >= 0]
    here = (v for v in named if v.name in wanted or (v.site is not None and v.site.function == main))
    given = {v.ref for v in chosen.candidate.labels} if chosen.candidate is not None else set()
    values = [v for v in here if v.name not in parameters and v.ref not in given]
    values.sort(key=lambda v: v.order)
    values = _dependent(program, gradients, values)
    labels = {v.ref for v in chosen.scalar.variables.values()}
    before = {n: v for n, v in program.variables.items() if v.order < 0 or n in parameters}
    floats = (v for v in before.values() if v.array.dtype.kind == "f" and v.ref not in labels)
    roots = [v for v in floats if v.name in parameters or v.name.isidentifier()]
    roots = list({r.ref: r for r in roots}.values())
    if len(roots) > DRAWN:
        return Flow((), {})
    feeds = {v.name: first for v in roots if (first := _first_changed(program, v, values))}
    inputs = [n for n, first in feeds.items() if n not in parameters and values and first == values[0].name]
    return Flow((*inputs[:1], *(v.name for v in values)), {n: f for n, f in feeds.items() if n in parameters})


def _dependent(program: Program, gradients: Sequence[Gradient], values: list[Variable]) -> list[Variable]:
    """Those that are no constants beside the network: that move when its parameters and intermediates do."""
    now = program.forward({g.of.ref: g.of.array + 1e-3 * (np.abs(g.of.array) + 1) for g in gradients}).values
    arrays: dict[Ref, Array] = {v.key: v.array for v in now}
    replaced = {g.of.ref for g in gradients}
    return [v for v in values if v.ref in replaced or not np.array_equal(arrays.get(v.ref, v.array), v.array)]


def _first_changed(program: Program, root: Variable, values: Sequence[Variable]) -> str:
    moved = program.forward({root.ref: root.array + (1e-3 * np.abs(root.array) + 1e-3)})
    seen = {v.key: v.array for v in moved.values}
    return next((v.name for v in values if v.ref in seen and not np.array_equal(seen[v.ref], v.array)), "")


def single_precision(program: Program) -> bool:
    """Whether inputs or parameters are in less than double precision."""
    arrays = [r.value for r in program.roots.values() if isinstance(r.value, np.ndarray)]
    return any(a.dtype.kind == "f" and a.dtype.itemsize < 8 for a in arrays)


def rounds_within(program: Program) -> bool:
    """Whether a forward whose inputs and parameters are in double precision computes in less."""
    arrays = (v.array for v in program.forward_values)
    return any(a.dtype.kind == "f" and a.dtype.itemsize < 8 and a.size for a in arrays)


def unsettled(judged: Judged) -> Judged:
    """As it stands before blame: what differs may be another value's than its name says, or cancel, or be meant."""
    if judged.verdict not in (Verdict.FAIL, Verdict.INHERITED):
        return judged
    return replace(judged, verdict=Verdict.INCONCLUSIVE, inherited_from="", reason=UNSETTLED)


def measured(
    program: Program,
    gradient: Gradient,
    options: Options,
    rng: np.random.Generator,
    limits: Limits,
    *,
    mapped: int = MAPPED,
) -> Judged:
    """The numeric truth of one gradient, and the gradient held against it; of a wrong one of up to so many entries by
    each of them.
    """
    if not program.steady:
        return unmeasured(gradient, "the forward is not the same when it is run again")
    method = "auto" if options.method == "richardson" else options.method
    try:
        judged = settled(program, gradient, rng, full=options.full, method=method, limits=limits, mapped=mapped)
        before = _before_edits(program, gradient) if judged.verdict is Verdict.FAIL else None
        if before is not None:
            own = settled(program, before, rng, full=options.full, method=method, limits=limits)
            at = gradient.of.site.line if gradient.of.site is not None else 0
            own = replace(own, reason=own.reason or f"of {own.gradient.of.name} before line {at} edits it" * own.right)
            return own if own.right or _error(own) < _error(judged) else judged
        return judged
    except LimitReached as reason:
        return unmeasured(gradient, str(reason))


def _error(judged: Judged) -> float:
    """How far a gradient is off, but for a factor."""
    found = agreement(judged.truth, judged.gradient.array, None) if judged.agreement is not None else None
    return math.inf if found is None else found.rel_error


def _before_edits(program: Program, gradient: Gradient) -> Gradient | None:
    """The gradient as that of a parameter before the forward edits it in place, where it does: of a table whose row of
    padding is set to zero in every step, that row has none."""
    of = gradient.of
    edited = of.site is not None and of.site.kind == "modify" and gradient.kind == "parameter"
    root = next((r for r in program.roots.values() if edited and id(r.value) == of.identity), None)
    if root is None:
        return None
    was = replace(of, ref=root.path, array=np.array(root.value), site=None, order=-1)
    return replace(gradient, of=was)


def settled(
    program: Program,
    gradient: Gradient,
    rng: np.random.Generator,
    *,
    full: bool = False,
    method: str = "auto",
    limits: Limits = Limits(),
    mapped: int = MAPPED,
) -> Judged:
    """A gradient judged along random directions, and entry by entry where those do not show it to be right.

    A right gradient costs a handful of evaluations whatever its size; of a wrong one every entry is wanted, to say
    where it is off and to feed the lines after it. Raises LimitReached before the first verdict.
    """

    def truth(full: bool) -> Truth:
        return _truth(program, gradient.of, rng, full, method, limits)

    size = gradient.of.array.size
    if full or size <= SMALL:
        return judge_versions(program, gradient, truth(full=True))
    along = judge_versions(program, gradient, truth(full=False))
    shapeless = along.agreement is None and along.verdict is Verdict.FAIL and gradient.kind != "intermediate"
    if along.right or shapeless or size > mapped:
        return along
    try:
        return judge_versions(program, gradient, _added(along.truth, truth(full=True)))
    except LimitReached:
        return along


def _truth(program: Program, of: Variable, rng: np.random.Generator, full: bool, method: str, limits: Limits) -> Truth:
    def measured_now() -> Truth:
        with program.along(of) as loss:
            return measure(limits.watched(program, loss), of.array, rng=rng, full=full, method=method)

    return program.remembered(program.scalar, of, (full, method), measured_now)


def _added(before: Truth, truth: Truth) -> Truth:
    """The later one, with what both have cost."""
    return replace(truth, evaluations=before.evaluations + truth.evaluations)


def nudged(judged: Sequence[Judged], rng: np.random.Generator) -> dict[str, Array]:
    """The parameters a tenth of their scale away from where they are: off a kink, out of a symmetry or of zero.

    Where there are none, the inputs that have a gradient: an image that is fitted.
    """
    moved = {}
    roots = [j.gradient for j in judged if j.gradient.kind != "intermediate" and j.gradient.of.order < 0]
    for of in [g.of for g in roots if g.kind == "parameter"] or [g.of for g in roots]:
        scale = float(np.sqrt(np.mean(of.array**2))) if of.array.size else 0.0
        # what a function calls its argument is no name of the root that it was handed, nor W in a loop that of Ws[1]
        own = re.search(rf"(^|\.|\[['\"]){re.escape(of.name)}(['\"]\])?$", str(of.ref))
        name = of.name if own else str(of.ref)
        moved[name] = of.array + 0.1 * (scale or 1.0) * rng.standard_normal(of.array.shape)
    return moved


def kinks_seen(judged: Sequence[Judged]) -> str:
    """One line on the kinks that lay within a step and were stepped around; "" where there were none."""
    found = [k for j in judged for e in estimates(j.truth) if not e.reason for k in e.kinks if k.index is not None]
    if not found:
        return ""
    first = found[0]
    index = first.index or ()
    names = {1: ("entry",), 2: ("sample", "unit")}.get(len(index), ())
    unit = "".join(f", {name} {i}" for name, i in zip(names, index)) or (f", entry {index}" if index else "")
    places = len({(k.label, k.index) for k in found})
    return f"stepped around {places} kink{'s' if places > 1 else ''}, the first at {first.label}{unit}"


def unmeasured(gradient: Gradient, reason: str = "not measured") -> Judged:
    """A gradient without a truth."""
    return Judged(gradient, Truth(None, (), gradient.of.array.shape, 0), Verdict.INCONCLUSIVE, reason)


def _not_cancelled(program: Program, judged: Judged, others: Sequence[Judged], rng: np.random.Generator) -> Judged:
    """A gradient that is truly zero, a bias before batch norm, is judged on the scale of what cancels in it."""
    if not judged.truth.vanishes or judged.truth.reason:
        return judged
    floor = _contributions(program, judged.gradient.of, others, rng)
    if floor > 0:
        return judge(program, judged.gradient, replace(judged.truth, floor=floor))
    if judged.verdict is Verdict.FAIL and judged.agreement is not None:
        # either the line is wrong or its name was read wrongly: a loss that nothing reaches can't tell which
        reason = f"the loss does not depend on this {judged.gradient.of.name}"
        return replace(judged, verdict=Verdict.INCONCLUSIVE, reason=reason)
    return judged


def _contributions(program: Program, of: Variable, others: Sequence[Judged], rng: np.random.Generator) -> float:
    """Summed magnitude of ∂L/∂u ∂u/∂v over the next value u that v goes into and whose derivative can be had entry by
    entry: of those that have a gradient, or where all they get of it cancels, of any."""
    named = {j.gradient.of.ref: j.truth.array for j in others}
    step = 1e-4 * (float(np.abs(of.array).max(initial=0.0)) or 1.0)
    moved = program.forward({of.ref: of.array + step * rng.standard_normal(of.array.shape)})
    arrays: dict[Ref, Array] = {v.key: v.array for v in moved.values}
    rest = (v for v in program.variables.values() if v.ref not in named and v.order >= 0)
    graded = sorted((j.gradient.of for j in others), key=lambda v: v.order)
    for u in (*graded, *sorted(rest, key=lambda v: v.order)):
        was, now = u.array, arrays.get(u.ref)
        if u.order <= of.order or not 0 < was.size <= MAPPED or was.dtype.kind != "f":
            continue
        if now is None or now.shape != was.shape or np.allclose(now, was, rtol=1e-10, atol=0):
            continue
        by_entry = named.get(u.ref)
        if by_entry is None:
            by_entry = _truth(program, u, rng, True, "auto", Limits()).array
        found = float(np.nansum(np.abs(np.asarray(by_entry)) * np.abs(now - was) / step))
        return found if math.isfinite(found) else 0.0
    return 0.0


def _inputs(program: Program, spec: Spec | None) -> frozenset[str]:
    """Names of data rather than parameters: in a spec, what shares the first symbol of its data or first entry."""
    entries = sorted(spec or (), key=lambda entry: entry.name not in DATA)
    axes = entries[0].shape.axes if entries else ()
    if not axes or axes[0].kind != "symbol":
        return DATA
    return frozenset(e.name for e in entries if e.shape.axes and e.shape.axes[0].name == axes[0].name)


def _sizes(program: Program, target: Target, chosen: Chosen) -> Mapping[str, int]:
    if target.sizes:
        return target.sizes
    if chosen.samples is not None:
        return {"m": chosen.samples}
    arrays = [v.array for v in chosen.scalar.variables.values() if v.array.ndim]
    return {"m": arrays[0].shape[0]} if arrays else {}


def _nothing(program: Program, target: Target) -> Exception:
    error = program.trace.raised
    if isinstance(error, GradcheckError):
        return error
    if isinstance(error, EOFError) and "EOF when reading a line" in str(error):
        return TargetError(f"{target.name} waits for input before any backward step was seen: {told(error)}.")
    if isinstance(error, SystemExit):
        return TargetError(f"{target.name} ends the program before any backward step was seen: {told(error)}.")
    if error is not None:
        return TargetError(
            f"{target.name} raised before any backward step was seen: {told(error)}\n{traced(error)}".rstrip()
        )
    are_complex = complex_parameters(program)
    if are_complex:
        return ComplexParameters(told_of_complex(target.name, are_complex))
    names = list(dict.fromkeys(v.name for v in program.trace.values if v.name.isidentifier()))
    seen = f"the names seen are {', '.join(names[:20])}" if names else "no array was assigned at all"
    zeros = [n for n in names if bases(n) and not any(v.array.any() for v in program.trace.values if v.name == n)]
    if zeros:
        return NothingToCheck(
            f"{target.name}: no gradient could be checked. {', '.join(zeros[:20])} hold nothing but zeros, which is"
            " what a sum begins with. Give it data for which its gradients are not zero."
        )
    return NothingToCheck(
        f"{target.name}: no gradient could be observed. A gradient is found by its name, dW1 or grad_W1 for W1;"
        f" {seen}. Say which is which with --grad NAME=VALUE, e.g. --grad update=W1{_or_a_function(target)}."
    )


def told_of_complex(target: str, names: Sequence[str]) -> str:
    """Why these are not checked, and how they can be."""
    w = names[0]
    return (
        f"{target}: {', '.join(names[:8])} {'is' if len(names) == 1 else 'are'} complex, and gradcheck measures"
        f" derivatives by real numbers alone. To have it checked, write a step of two real arrays, e.g."
        f" {w} = {w}_re + 1j * {w}_im in the forward, and d{w}_re = grad.real, d{w}_im = grad.imag behind the gradient"
        f" (that of the loss by the real and the imaginary part, which is twice its Wirtinger derivative by conj({w}))."
    )


def _or_a_function(target: Target) -> str:
    """For a script that only defines functions: it may be one of these that is meant."""
    if target.script is None:
        return ""
    body = [s for unit in units(target.script) for s in ast.parse(unit.text).body]
    names = [s.name for s in body if isinstance(s, ast.FunctionDef) and not s.name.startswith("_")]
    return f", or name a function, {target.name}:NAME (there are {', '.join(names[:12])})" if names else ""
