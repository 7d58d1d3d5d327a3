"""A gradient is a sum with one term for each use of its value: terms left out, counted twice, or of another step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck.capture.program import Program, Variable
from gradcheck.capture.record import Value
from gradcheck.compare import CARE, ROUNDING
from gradcheck.rules.evidence import Array, Evidence, place
from gradcheck.rules.finding import Finding
from gradcheck.rules.rule import of_gradient
from gradcheck.rules.uses import Contributions, contributions
from gradcheck.source import shown

SAME = 1e-3
"""How near to a whole number a term's share must come before the sum is tried with that number."""
FEW = 2
"""Directions along which that is tried first: most gradients are no such sum, and these show it."""
CONCEIVED = 200_000
"""Sums that are tried along them; of more uses all directions are measured."""


@of_gradient(rank=250, searches=True)
def missing_path(evidence: Evidence) -> Finding | None:
    """GC362: the gradient lacks what reaches the loss through one use of its value; GC363: it has that twice."""
    a, of = evidence.analytic, evidence.judged.gradient.of
    if a.shape != of.array.shape or not np.isfinite(a).all():
        return None
    near = _beside(evidence.program, of)
    few = contributions(evidence.program, of, np.random.default_rng(0), least=1 if near else 2, count=FEW)
    if few is None:
        return None
    if len(few.uses) == 1 or not _conceivable(few, a):
        return _carried(evidence, few, near)
    found = contributions(evidence.program, of, np.random.default_rng(1))
    shares = None if found is None else _shares(found, a)
    if found is None or shares is None or (shares == 1).all():
        return None
    wrong = [(u, float(s)) for u, s in zip(found.uses, shares) if s != 1]
    if len(wrong) == 1 and not wrong[0][0].array.ndim:
        return _penalty(evidence, *wrong[0])
    missing = [u for u, s in zip(found.uses, shares) if s == 0]
    if len(missing) == len(found.uses) - 1 and len({u.site.number for u in found.uses}) == 1:
        return _overwritten(evidence, missing, len(found.uses))
    if missing and set(shares) <= {0, 1}:
        return _missing(evidence, missing, len(found.uses))
    return _other(evidence, [u for u, _ in wrong], wrong[0][1]) if len({s for _, s in wrong}) == 1 else None


def _conceivable(few: Contributions, analytic: Array) -> bool:
    """Whether any small whole numbers of uses come to the gradient along a few directions: mostly none do."""
    known = np.array([float(np.vdot(analytic, way)) for way in few.directions])
    counts = [np.arange(-2, 3) if u.array.ndim else np.arange(-4, 5) / 2 for u in few.uses]
    if np.prod([float(len(c)) for c in counts]) > CONCEIVED:
        return True
    shares = np.stack(np.meshgrid(*counts), axis=-1).reshape(-1, len(counts)).T
    off = np.abs(known[:, None] - few.slopes @ shares)
    return bool((off <= _allowed(few, shares)).all(axis=0).any())


def _allowed(found: Contributions, shares: Array) -> Array:
    """How far the sum of so many of each use may be off along each direction."""
    rounding = ROUNDING * 2.0**-52 * np.abs(found.slopes).sum(axis=1)
    bars = CARE * found.errors @ np.abs(shares)
    return np.asarray(bars + (rounding if shares.ndim == 1 else rounding[:, None]))


def _shares(found: Contributions, analytic: Array) -> Array | None:
    """How often the gradient counts each use: small whole numbers that explain it to the numeric error, or None."""
    known = np.array([float(np.vdot(analytic, way)) for way in found.directions])
    size = np.abs(found.slopes).max(axis=0)
    if not (size > CARE * found.errors.max(axis=0)).all():
        return None  # what contributes nothing can be left out or not
    fitted, *_ = np.linalg.lstsq(found.slopes / size, known, rcond=None)
    halves = np.array([1 if u.array.ndim else 2 for u in found.uses])  # a penalty may well have lost its 2
    shares = np.rint(fitted / size * halves) / halves
    if (np.abs(fitted / size - shares) > SAME).any() or (np.abs(shares) > 2).any():
        return None
    off = np.abs(known - found.slopes @ shares)
    return shares if (off <= _allowed(found, shares)).all() else None


def _beside(program: Program, of: Variable) -> list[Value]:
    """What the value's own line computes at the turns of its loop next to this one, the next one first."""
    forward = program.forward_values
    turns = [v for v in forward if of.site is not None and v.site.number == of.site.number and v.plain]
    turns = [v for v in turns if v.array.shape == of.array.shape]
    here = next((i for i, v in enumerate(turns) if v.key == of.ref), None)
    return [] if here is None else [turns[here + by] for by in (1, -1, 2, -2) if 0 <= here + by < len(turns)]


def _carried(evidence: Evidence, few: Contributions, near: Sequence[Value]) -> Finding | None:
    """GC364: what another turn of the loop gets back through a use is there in the place of what this one should."""
    for other in near:
        if _exchanged(evidence, few, other) is None:
            continue
        found = contributions(evidence.program, evidence.judged.gradient.of, np.random.default_rng(1), least=1)
        exchanged = None if found is None else _exchanged(evidence, found, other)
        if exchanged is not None:
            return _of_another_step(evidence, exchanged[0], other, exchanged[1])
    return None


def _exchanged(evidence: Evidence, found: Contributions, other: Value) -> tuple[Value, Value] | None:
    """The use that the gradient lacks, and the one of another turn's value that it has instead."""
    of_other = replace(
        evidence.judged.gradient.of, name=other.name, ref=other.key, array=other.array, identity=other.identity
    )
    theirs = contributions(evidence.program, of_other, np.random.default_rng(0), least=1, along=found.directions)
    for k, own in enumerate(found.uses):
        same = [] if theirs is None else [i for i, u in enumerate(theirs.uses) if u.site.number == own.site.number]
        if theirs is not None and len(same) == 1 and _is_sum(found, evidence.analytic, k, theirs, same[0]):
            return own, theirs.uses[same[0]]
    return None


def _is_sum(found: Contributions, analytic: Array, without: int, other: Contributions, with_: int) -> bool:
    """Whether the gradient is the sum of all uses, but one of them exchanged for another turn's."""
    known = np.array([float(np.vdot(analytic, way)) for way in found.directions])
    slopes, errors = np.array(found.slopes), np.array(found.errors)
    if not np.abs(slopes[:, without] - other.slopes[:, with_]).max() > CARE * (
        errors[:, without].max() + other.errors.max()
    ):
        return False
    slopes[:, without], errors[:, without] = other.slopes[:, with_], other.errors[:, with_]
    allowed = CARE * errors.sum(axis=1) + ROUNDING * 2.0**-52 * np.abs(slopes).sum(axis=1)
    return bool((np.abs(known - slopes.sum(axis=1)) <= allowed).all())


def _of_another_step(evidence: Evidence, own: Value, other: Value, theirs: Value) -> Finding:
    name, of = evidence.name, evidence.of
    return Finding(
        "GC364",
        "missing-path",
        "error",
        f"{name} carries on what comes through {theirs.name} where {own.name} is due",
        f"{of} is used at {_lines([own])} to compute {own.name}, and {name} should have what comes back through that."
        f" In its place it has exactly what {other.name}, of another step, gets back through {theirs.name}: with its"
        f" own, {name} agrees with the numeric derivative along every direction tried.",
        f"path through {theirs.name} for {own.name}",
        name,
        **place(evidence.site),
        evidence={"due": own.name, "taken": theirs.name, "of": other.name, "lines": [own.site.line]},
    )


def _missing(evidence: Evidence, missing: list[Value], count: int) -> Finding:
    name, of = evidence.name, evidence.of
    through = _listed(missing)
    return Finding(
        "GC362",
        "missing-path",
        "error",
        f"{name} lacks the path through {through}",
        f"The loss depends on {of} in {count} ways, and {name} should be the sum of what each contributes. It lacks"
        f" exactly what comes through {through} ({_lines(missing)}): with it, {name} agrees with the numeric derivative"
        " along every direction tried.",
        f"lacks the path through {through}",
        name,
        **place(evidence.site),
        evidence={"missing": [u.name for u in missing], "lines": [u.site.line for u in missing], "uses": count},
    )


def _overwritten(evidence: Evidence, missing: list[Value], count: int) -> Finding:
    """Of a line that is passed again and again only one turn counts."""
    name, of, use = evidence.name, evidence.of, missing[0]
    return Finding(
        "GC351",
        "accumulation",
        "error",
        f"{name} has one turn of {count}",
        f"{of} is used in each of the {count} turns that {use.name} is computed in ({_lines(missing)}), and {name} has"
        " exactly what one of them contributes. Their sum agrees with the numeric derivative along every direction"
        f" tried: add to {name} instead of setting it.",
        "has one turn only",
        name,
        **place(evidence.site),
        evidence={"uses": count, "line": use.site.line},
    )


def _penalty(evidence: Evidence, loss: Value, share: float) -> Finding:
    """A parameter that goes straight into a scalar goes into a penalty."""
    name, of = evidence.name, evidence.of
    code = "GC342" if share else "GC341"
    what = f"has {share:g} times the penalty's gradient" if share else "lacks the penalty's gradient"
    return Finding(
        code,
        "regularisation",
        "error",
        f"{name} {what}",
        f"{of} goes straight into {loss.name} ({_lines([loss])}), as a penalty does, and {name} {what}: with exactly"
        " that once, it agrees with the numeric derivative along every direction tried.",
        what,
        name,
        **place(evidence.site),
        evidence={"loss_line": loss.site.line, "share": share},
    )


def _other(evidence: Evidence, uses: list[Value], share: float) -> Finding:
    name, of, through = evidence.name, evidence.of, _listed(uses)
    counted = {2.0: "twice", -1.0: "with the wrong sign", 0.0: "not at all"}.get(share, f"{share:g} times")
    return Finding(
        "GC363",
        "missing-path",
        "error",
        f"{name} counts the path through {through} {counted}",
        f"The loss depends on {of} in several ways, and {name} should be the sum of what each contributes. What comes"
        f" through {through} ({_lines(uses)}) is in it {counted}: counted once, {name} agrees with the numeric"
        " derivative along every direction tried.",
        f"path through {through} {counted}",
        name,
        **place(evidence.site),
        evidence={"paths": [u.name for u in uses], "lines": [u.site.line for u in uses], "share": share},
    )


def _listed(uses: list[Value]) -> str:
    names = list(dict.fromkeys(u.name for u in uses))
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _lines(uses: list[Value]) -> str:
    """net.py:31, net.py:33"""
    return ", ".join(dict.fromkeys(f"{shown(u.site.file)}:{u.site.line}" for u in uses))
