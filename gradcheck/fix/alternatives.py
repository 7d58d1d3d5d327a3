"""Where another edit of a line is proven as well: what it is, and what tells the two apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gradcheck.blame.judged import Judged
from gradcheck.fix.edit import Edit
from gradcheck.fix.expression import factors
from gradcheck.fix.guilty import Guilty
from gradcheck.fix.line import Line
from gradcheck.fix.patches import apart, patches_of, shown_fix
from gradcheck.fix.proof import Draw, Outcome, Seen, Trial, prove
from gradcheck.rules.finding import Alternative
from gradcheck.target import Target

NEAR = 0.35
"""How much more an edit may cost than the one that is shown, to be worth a mention."""
ROUNDED = 1e-9
"""Relative difference up to which two values are the same, computed in another order."""


def alternatives(
    trial: Trial,
    kept: Sequence[tuple[Guilty, Edit]],
    likely: Mapping[Line, Sequence[Edit]],
    judged: Sequence[Judged],
    draws: Sequence[Draw],
    proven: Outcome,
) -> dict[Line, Alternative]:
    """Of each line the next best edit, all of them proven in one go; none where they don't hold together."""
    others = {g.line: other for g, edit in kept if (other := _next(likely[g.line], edit)) is not None}
    choice = [(g.line, others.get(g.line, edit)) for g, edit in kept]
    if not others or not apart(choice) or trial.over():
        return {}
    overlay = {patch.file: patch.new for patch in patches_of(choice)}
    outcome = prove(trial, overlay, draws, judged, frozenset().union(*(g.names for g, _ in kept)))
    if not outcome.holds:
        return {}
    off = dict(differences(proven.seen, outcome.seen))
    found = {}
    for g, _ in kept:
        if g.line in others:
            own = {name: by for name, by in off.items() if name in g.names} or off
            found[g.line] = _alternative(g.line, others[g.line], own, trial.driver.target)
    return found


def _next(edits: Sequence[Edit], edit: Edit) -> Edit | None:
    """The next one that is made of other things: the same ones in another order are no other edit to a reader."""
    near = (e for e in edits if e.kind != "order" and e.cost <= edit.cost + NEAR and not _cancels(e))
    return next((e for e in near if made_of(e) != made_of(edit)), None)


def _cancels(edit: Edit) -> bool:
    """Whether it multiplies with a number that it divides by again: d @ W.T * 2 / 2."""

    def is_number(node: ast.expr, other: ast.expr) -> bool:
        return isinstance(node, ast.Constant) and ast.dump(node) == ast.dump(other)

    quotients = (n for n in ast.walk(_tree(edit)) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div))
    return any(any(is_number(f, n.right) for f in factors(n.left)) for n in quotients)


def _tree(edit: Edit) -> ast.Module:
    return ast.parse((edit.new if edit.around else edit.text).strip())


def made_of(edit: Edit) -> set[str]:
    """The names and numbers that an edit reads, but for axes and the like, and for ones and zeros."""
    tree = _tree(edit)
    given = {n for k in ast.walk(tree) if isinstance(k, ast.keyword) for n in ast.walk(k)}
    there = [n for n in ast.walk(tree) if isinstance(n, (ast.Name, ast.Constant)) and n not in given]
    return {n.id if isinstance(n, ast.Name) else repr(n.value) for n in there} - {"0", "1"}


def _alternative(line: Line, edit: Edit, off: Mapping[str, str], target: Target) -> Alternative:
    fix = shown_fix(line, edit, "")
    if off:
        name, by = next(iter(off.items()))
        return Alternative(fix.summary or fix.new, fix.diff, False, f"{name} differs {by}".rstrip())
    count = edit.kind.startswith("factor") or edit.kind in ("mean", "literal")
    told = "; another number of samples may tell" if count and not (target.redrawable and target.sizes) else ""
    return Alternative(fix.summary or fix.new, fix.diff, True, f"the same on every draw{told}")


def differences(one: Seen, other: Seen) -> Iterator[tuple[str, str]]:
    """What two edited files compute differently on the same draws, and by which factor where that is all."""
    for draw in one.keys() & other.keys():
        for name, a in one[draw].items():
            b = other[draw].get(name)
            if b is None or a.shape != b.shape:
                yield name, "in shape"
            elif not np.allclose(a, b, rtol=ROUNDED, atol=ROUNDED * float(np.abs(a).max(initial=0.0))):
                size = float(np.vdot(a, a))
                k = float(np.vdot(a, b)) / size if size else 0.0
                yield name, f"by the factor {k:.3g}" if k and np.allclose(b, k * a, rtol=1e-6) else ""
