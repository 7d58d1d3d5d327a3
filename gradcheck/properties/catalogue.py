"""The properties that should hold of every network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gradcheck.properties.agree import gradients_agree
from gradcheck.properties.batches import batches_average
from gradcheck.properties.conform import shapes_follow
from gradcheck.properties.descent import step_descends
from gradcheck.properties.linearity import backward_is_linear
from gradcheck.properties.outcome import Outcome
from gradcheck.properties.permuting import samples_permute, units_permute
from gradcheck.properties.precision import float32_stays
from gradcheck.properties.purity import backward_is_pure
from gradcheck.properties.softmax_rows import rows_sum_to_one, stays_finite
from gradcheck.properties.subject import Opened


@dataclass(frozen=True, slots=True)
class Property:
    """One property."""

    name: str
    """As the report names it."""
    check: Callable[[Opened], Outcome]
    """What it comes to on one network."""
    severity: str = "error"
    """A warning for what is numerical."""
    needs_sizes: bool = False
    """Whether it says nothing new of a target at its own sizes."""
    kinks_matter: bool = False
    """Whether a network that sits on a kink may break it without being wrong."""
    of_loss: bool = False
    """Whether it holds gradients against the loss, so that it says nothing where that is only assumed."""


PROPERTIES = (
    Property("gradients agree with numeric ones", gradients_agree, needs_sizes=True, kinks_matter=True, of_loss=True),
    Property("shapes follow the convention", shapes_follow, needs_sizes=True),
    Property("loss and gradients average over batches", batches_average, needs_sizes=True, kinks_matter=True),
    Property("permuting samples changes nothing", samples_permute, needs_sizes=True, kinks_matter=True),
    Property("permuting hidden units permutes gradients", units_permute, needs_sizes=True, kinks_matter=True),
    Property("softmax rows sum to one and ignore shifts", rows_sum_to_one),
    Property("softmax stays finite for extreme logits", stays_finite, "warning"),
    Property("backward is pure", backward_is_pure),
    Property("backward is linear in the upstream gradient", backward_is_linear),
    Property("a small step down the gradient lowers the loss", step_descends, kinks_matter=True, of_loss=True),
    Property("float32 in, float32 out", float32_stays, "warning"),
)
NAMES = tuple(p.name for p in PROPERTIES)
