"""From judged gradients and recorded shapes to the rows of the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradcheck.blame.judged import Judged
from gradcheck.capture.program import Program
from gradcheck.compare import Comparison, Verdict
from gradcheck.errors import UsageError
from gradcheck.gradients import Gradient
from gradcheck.loss.choose import factor_name
from gradcheck.report import ShapeRow
from gradcheck.rules.finding import Finding
from gradcheck.shapes import Spec, check_shapes, format_shape
from gradcheck.source import shown


def comparison(judged: Judged, findings: Sequence[Finding], sizes: Mapping[str, int]) -> Comparison:
    """A judged gradient as the report's row; its finding's words, where it has one, say why it is wrong."""
    gradient, found = judged.gradient, judged.agreement
    finding = next((f for f in findings if f.tensor == gradient.name), None)
    scale = None if found is None else _snapped(found.scale, sizes)
    name = factor_name(scale, sizes) if scale is not None else ""
    reason = judged.reason
    if judged.verdict is Verdict.INHERITED and judged.inherited_from:
        reason = f"from {judged.inherited_from}"
    elif finding is not None:
        reason = finding.verdict
    elif judged.right and scale is not None and scale != 1:
        reason = f"times {name or f'{scale:.4g}'}"
    return Comparison(
        gradient.name,
        gradient.of.name,
        gradient.kind,
        shown(gradient.value.site.file),
        gradient.value.site.line,
        gradient.array.shape,
        judged.truth.shape,
        judged.verdict,
        reason,
        scale,
        name,
        found.cosine if found else None,
        found.abs_error if found else None,
        _measured(found.rel_error) if found else None,
        _measured(found.bar) if found else None,
        _measured(found.resolution) if found else None,
        "" if found is None else "entry" if judged.truth.map is not None else "norm",
        found.worst if found and judged.truth.map is not None else None,
        judged.layout,
        judged.truth.method,
        judged.truth.evaluations,
        gradient.paired,
    )


def _measured(figure: float) -> float | None:
    return None if math.isnan(figure) else figure


def _snapped(scale: float, sizes: Mapping[str, int]) -> float:
    """The fitted factor is as exact as the numeric derivative; a size or a whole number that close is meant."""
    for exact in (1.0, -1.0, *sizes.values(), *(1 / n for n in sizes.values() if n), round(scale)):
        if math.isclose(scale, exact, rel_tol=1e-7):
            return float(exact)
    return scale


@dataclass(frozen=True, slots=True)
class ShapeProbe:
    """The shapes of one run at one batch size."""

    batch: int | None
    shapes: Mapping[str, tuple[int, ...]]
    gradients: Mapping[str, str]
    """Gradient names and what they are the gradients of."""
    owners: Mapping[str, tuple[int, ...]]
    """The shape of what each gradient is the gradient of, which may not be the last that bore its name."""
    places: Mapping[str, tuple[str, int]]
    """File and line by name."""
    put_right: frozenset[str]
    """Gradients whose layout the update puts right."""


def shape_probe(
    program: Program, gradients: Sequence[Gradient], batch: int | None, put_right: frozenset[str]
) -> ShapeProbe:
    """The shape of every value of the forward and of every gradient."""
    shapes = {v.name: v.array.shape for v in program.variables.values() if v.name.isidentifier() and v.name != "_"}
    places = {v.name: (shown(v.site.file), v.site.line) for v in program.variables.values() if v.site is not None}
    for gradient in gradients:
        shapes[gradient.name] = gradient.array.shape
        places[gradient.name] = (shown(gradient.value.site.file), gradient.value.site.line)
    named = {g.name: g.of.name for g in gradients}
    return ShapeProbe(batch, shapes, named, {g.name: g.of.array.shape for g in gradients}, places, put_right)


def applied(spec: Spec | None, flow: Sequence[str], first: ShapeProbe, *, told: bool) -> Spec | None:
    """A spec with the ends of an arrow named: what the forward begins with, and its last array.

    Raises UsageError for a name that the code has no value of, where the user has `told` the spec here and now.
    """
    if spec is None:
        return None
    if any(not entry.name for entry in spec):
        arrays = [name for name in flow if first.shapes.get(name)]
        spec = spec.named(inputs=arrays[:1], outputs=arrays[-1:])
    missing = [e.name for e in spec if e.name.isidentifier() and e.name not in first.shapes]
    if missing and told:
        have = ", ".join(name for name in first.shapes if name not in first.gradients)
        raise UsageError(f"--shapes: the code has no value named {missing[0]}; it has {have}.")
    return spec


def shape_rows(spec: Spec | None, probes: Sequence[ShapeProbe]) -> tuple[ShapeRow, ...]:
    """Every value's shape at the first probe, held against its convention at every batch size."""
    first = probes[0]
    rows = []
    for name, shape in first.shapes.items():
        wrong = [(p.batch, reason) for p in probes if (reason := _reason(name, spec, p))]
        reason = _told(name, wrong, first)
        expected = _expected(name, spec, first)
        verdict = Verdict.FAIL if wrong else Verdict.PASS if expected else Verdict.SKIPPED
        file, line = first.places.get(name, ("", None))
        rows.append(ShapeRow(name, expected, shape, verdict, reason, file, line))
    return tuple(rows)


def _told(name: str, wrong: Sequence[tuple[int | None, str]], first: ShapeProbe) -> str:
    if not wrong:
        of = first.gradients.get(name)
        if name not in first.put_right or of is None:
            return ""
        turned = sorted(first.shapes[name]) == sorted(first.owners[name])
        return f"another layout than {of}'s, put right by the update" if turned else f"in another shape than {of}"
    (batch, reason), *others = wrong
    here = "" if batch == first.batch else f" at batch size {batch}"
    also = [str(other) for other, _ in others]
    told = f" (also at batch size{'s' * (len(also) > 1)} {', '.join(also)})" if also else ""
    return f"{reason}{here}{told}"


def _expected(name: str, spec: Spec | None, probe: ShapeProbe) -> str:
    of = probe.gradients.get(name)
    for wanted in (name, of):
        for entry in spec or ():
            if entry.name == wanted:
                return str(entry.shape)
    return format_shape(probe.shapes[of]) if of is not None and of in probe.shapes else ""


def _reason(name: str, spec: Spec | None, probe: ShapeProbe) -> str:
    shape = probe.shapes.get(name)
    if shape is None:
        return ""
    of = probe.gradients.get(name)
    if of is not None:
        expected = probe.owners[name]
        if shape == expected or name in probe.put_right:
            return ""
        return f"{name}: expected {format_shape(expected)}, as {of} has, got {format_shape(shape)}"
    if spec is None:
        return ""
    known = {n: s for n, s in probe.shapes.items() if n not in probe.gradients}
    row = next((r for r in check_shapes(spec, known) if r.name == name), None)
    return row.reason if row is not None and row.ok is False else ""
