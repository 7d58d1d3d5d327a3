"""The loss that the code itself computes: known by its name, by what computes it, or by its gradient."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from gradcheck.capture.program import Program, Variable
from gradcheck.capture.record import Key
from gradcheck.capture.rewrite import Site
from gradcheck.loss.screening import Screening
from gradcheck.loss.standard import distinct, is_plain
from gradcheck.source import line_of

OWN_NAMES = (
    "returned_loss",  # what a driver calls what a function hands back
    "total_loss",
    "loss",
    "cost",
    "J",
    "L",
    "objective",
    "cost_value",
    "loss_value",
    "Loss",
    "Cost",
    "batch_loss",
)
METRICS = ("error", "nll", "mse", "mae", "train_loss", "err", "E")
"""Names of scalars that are printed more often than differentiated."""
SAME = 1e-6
"""How far a sum that is computed in float32 may be from that of its parts."""
MOST = 24
"""Scalars of the forward that are asked whether a gradient is theirs, the last ones."""

_COMPUTES_LOSS = re.compile(
    r"^(?:[\w.\[\]]*[._])?(?:"
    r"(?:loss|criterion|cost|objective)(?:_(?:fn|func|function|layer))?"
    r"(?:\.(?:forward|__call__|calculate|compute|compute_loss|get_loss|loss|value|evaluate))?"
    r"|(?:compute|calculate|calc|get)_(?:loss|cost))\(",
    re.IGNORECASE,
)
"""loss.forward(out, y), self.criterion(p, y), mse_loss(p, y), compute_cost(A2, Y)."""
_RETURNS_LOSS = re.compile(r"(?!.*(?:deriv|prime|back))(?!d_|grad).*(?:loss|cost|objective).*\(\)\[0\]$", re.IGNORECASE)
"""The first of several values that a function hands back which is called a loss: `return 0.5 * (e**2).sum(), grads`."""
_IS_OUTPUT = re.compile(
    r"(?i)z|a|o|out(put)?|y_?(hat|pred)|pred(iction)?|(net_?)?(score|logit|activation|margin|input)|net"
)
_IS_LOSS = re.compile(
    r"(?:(?:compute|calculate|calc|get)_)?(?:loss|cost)(?:_(?:fn|func|function))?\(\)$", re.IGNORECASE
)
"""All that one hands back whose name says nothing else: `self.loss(x, t)`, called for what its layers keep of it."""


def named(program: Program, names: Sequence[str]) -> Variable | None:
    """The scalar that goes by one of these names."""
    found = [v for v in map(program.variable, names) if v is not None and _may_be_loss(v)]
    # total_loss += loss * len(batch) is a count over the batches, where there is a loss beside it
    own = next((v for v in found if v.site is None or v.site.kind != "augment"), next(iter(found), None))
    return own and _added_up(program, own)


def _added_up(program: Program, own: Variable) -> Variable:
    """What the losses of several time steps are added up to in the forward, where that is another value."""
    parts = [v.array.item() for v in program.forward_values if v.plain and v.name == own.name and v.site is own.site]
    later = (v for v in program.variables.values() if _may_be_loss(v) and v.order > own.order)
    added = (v for v in later if len(parts) > 1 and math.isclose(v.array.item(), sum(parts), rel_tol=SAME))
    return next(added, own)


def computed(program: Program) -> Variable | None:
    """The scalar that a function or object computes which is called a loss: `value = criterion.forward(out, y)`."""
    return next((v for v in _scalars(program) if v.site is not None and _COMPUTES_LOSS.match(_right_of(v.site))), None)


def returned(screening: Screening) -> Variable | None:
    """The scalar that a function called a loss hands back, which has no name there: with its gradients, or alone if
    one of those is its gradient; it may be printed of other data.

    Of one that is called for each sample it is only a part of the loss.
    """
    program = screening.program
    passed = Counter(v.site.number for v in program.trace.values)
    made = sorted(filter(_may_be_loss, distinct(program.variables.values())), key=lambda v: -v.order)
    alone = [v for v in made if v.site is not None and passed[v.site.number] == 1]
    here = {g.value.site.function for g in screening.gradients}
    with_gradients = (v for v in alone if _RETURNS_LOSS.match(v.name) and v.site and v.site.function in here)
    others = (v for v in alone if (_RETURNS_LOSS.match(v.name) or _IS_LOSS.match(v.name)) and screening.supports(v))
    return next(with_gradients, None) or next(others, None)


def differentiated(screening: Screening) -> Variable | None:
    """A scalar of which a gradient, as it stands, is the gradient: `e = 0.5 * sum((y - t) ** 2)` is the loss then.

    That of a single sample's score is the sample itself, which a perceptron's update goes along too.
    """
    scalars = (v for v in _scalars(screening.program) if not _IS_OUTPUT.fullmatch(v.last or v.name))
    return next((v for v in scalars if screening.is_of(v)), None)


def _scalars(program: Program) -> Iterator[Variable]:
    made = filter(_may_be_loss, distinct(program.variables.values()))
    yield from sorted(filter(_is_assigned_or_returned, made), key=lambda v: -v.order)[:MOST]


def _is_assigned_or_returned(v: Variable) -> bool:
    kind = v.site.kind if v.site is not None else ""
    named = kind in ("assign", "augment") and is_plain(v.last or v.name)
    return named or (kind == "return" and v.name.endswith("()[0]"))


def _right_of(site: Site) -> str:
    """The expression that is assigned, as far as its line has it."""
    line = line_of(site.file, site.span[0]).encode()
    return line[site.span[1] :].decode(errors="replace")


def _may_be_loss(v: Variable) -> bool:
    return v.order >= 0 and v.array.size == 1 and v.array.dtype.kind == "f" and isinstance(v.ref, Key)
