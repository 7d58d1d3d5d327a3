"""Edits that may put a line right. Each module knows one family; which of them is right, the numbers decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gradcheck.fix.allowance import Share
from gradcheck.fix.candidates import activation, clips, factor, layout, operands, parts, scatter, slices
from gradcheck.fix.candidates.steps import as_step, indexed
from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import Expression
from gradcheck.fix.pool import Pool

FAMILIES: tuple[Callable[[Expression, Pool], Iterator[Edit]], ...] = (
    layout.layouts,
    layout.reductions,
    layout.products,
    layout.flips,
    scatter.added_at,
    parts.dropped,
    operands.operators,
    operands.negated,
    operands.indices,
    slices.slices,
    operands.functions,
    operands.operands,
    operands.everywhere,
    activation.derivatives,
    activation.quotients,
    activation.softmaxes,
    activation.powers,
    clips.clips,
    factor.multiples,
)


def candidates(e: Expression, pool: Pool, share: Share) -> list[Edit]:
    """Every edit of one place that there is time to make, the cheapest first, none twice."""
    found: dict[str, Edit] = {}
    for family in FAMILIES:
        for edit in share.within(family(e, pool)):
            if edit.text != e.text and (edit.text not in found or found[edit.text].cost > edit.cost):
                found[edit.text] = edit
    entries = indexed(e)
    return sorted((as_step(e, entries, edit) for edit in found.values()), key=lambda edit: (edit.cost, len(edit.text)))
