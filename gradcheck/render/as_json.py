"""The report as JSON, schema version 1: builtins only, NaN and infinity as strings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gradcheck.compare import Comparison, Verdict
from gradcheck.render import wording
from gradcheck.report import DiffReport, DiffRow, Loss, PropertyResult, Report, ShapeRow
from gradcheck.rules.finding import Finding

SCHEMA_VERSION = 1


def render_json(reports: Report | Sequence[Report], unchecked: int = 0) -> str:
    """One report as an object, several as an object of them, with the number of those that there is none of."""
    if isinstance(reports, Report):
        return dump(report_object(reports))
    objects = [report_object(report) for report in reports]
    verdict = wording.overall((Verdict(one["verdict"]) for one in objects), unchecked)
    whole = {"schema_version": SCHEMA_VERSION, "verdict": verdict, "reports": objects}
    return dump(whole | ({"unchecked": unchecked} if unchecked else {}))


def dump(thing: Any) -> str:
    """JSON text that any parser takes."""
    return json.dumps(builtin(thing), allow_nan=False, ensure_ascii=False, indent=2)


def report_object(report: Report) -> dict[str, Any]:
    """The contract's object, and what else a reader may want."""
    report = wording.settle(report)
    return {
        "schema_version": SCHEMA_VERSION,
        "target": report.target,
        "verdict": report.verdict,
        "where": report.where,
        "inputs": report.inputs,
        "loss": loss_object(report.loss),
        "comparisons": [comparison_object(one) for one in report.comparisons],
        "findings": [_finding(one) for one in report.findings],
        "shapes": [_shape(row) for row in report.shapes],
        "properties": [_property(one) for one in report.properties],
        "forward": report.forward,
        "notes": report.notes,
        "evaluations": report.evaluations,
        "seconds": report.seconds,
        "seed": report.seed,
        "environment": report.environment,
    }


def loss_object(loss: Loss | None) -> dict[str, Any] | None:
    """What every derivative is taken of."""
    if loss is None:
        return None
    return {
        "expression": loss.expression,
        "inferred": loss.inferred,
        "value": loss.value,
        "evidence": loss.evidence,
    }


def comparison_object(one: Comparison) -> dict[str, Any]:
    """One gradient; null for what was not measured."""
    worst = one.worst and {
        "index": one.worst.index,
        "analytic": one.worst.analytic,
        "numeric": one.worst.numeric,
    }
    return {
        "name": one.name,
        "of": one.of,
        "kind": one.kind,
        "file": one.file,
        "line": one.line,
        "shape": one.shape,
        "expected_shape": one.expected_shape,
        "verdict": one.verdict,
        "reason": one.reason,
        "scale": one.scale,
        "scale_name": one.scale_name,
        "cosine": one.cosine,
        "max_abs_error": one.max_abs_error,
        "max_rel_error": one.max_rel_error,
        "error_estimate": one.error_estimate,
        "resolution": one.resolution,
        "resolution_kind": one.resolution_kind,
        "worst": worst,
        "layout": one.layout,
        "method": one.method,
        "evaluations": one.evaluations,
        "paired": one.paired,
    }


def _finding(one: Finding) -> dict[str, Any]:
    fix = one.fix and {
        "line": one.fix.line,
        "old": one.fix.old,
        "new": one.fix.new,
        "diff": one.fix.diff,
        "verified": one.fix.verified,
        "proof": one.fix.proof,
        "summary": one.fix.summary,
        "alternatives": [
            {"new": other.new, "diff": other.diff, "same": other.same, "apart": other.apart}
            for other in one.fix.alternatives
        ],
    }
    return {
        "code": one.code,
        "category": one.category,
        "severity": one.severity,
        "headline": one.headline,
        "message": one.message,
        "tensor": one.tensor,
        "file": one.file,
        "line": one.line,
        "source": one.source,
        "span": one.span,
        "evidence": one.evidence,
        "fix": fix if one.fix and one.fix.verified else None,  # what is not proven is not shown
    }


def _shape(row: ShapeRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "expected": row.expected,
        "actual": row.actual,
        "verdict": row.verdict,
        "reason": row.reason,
        "file": row.file,
        "line": row.line,
    }


def _property(one: PropertyResult) -> dict[str, Any]:
    return {
        "name": one.name,
        "verdict": one.verdict,
        "severity": one.severity,
        "examples": one.examples,
        "reason": one.reason,
        "counterexample": one.counterexample,
        "reproduce": one.reproduce,
    }


def diff_object(diff: DiffReport) -> dict[str, Any]:
    """Two backward passes: the same comparisons with a, b and right."""
    return {
        "schema_version": SCHEMA_VERSION,
        "a": diff.a,
        "b": diff.b,
        "same": diff.same,
        "inputs": diff.inputs,
        "loss": loss_object(diff.loss),
        "comparisons": [_diff_row(row) for row in diff.rows],
        "notes": diff.notes,
        "evaluations": diff.evaluations,
        "seconds": diff.seconds,
        "seed": diff.seed,
        "environment": diff.environment,
    }


def _diff_row(row: DiffRow) -> dict[str, Any]:
    seen = row.a or row.b
    return {
        "name": row.name,
        "of": row.of,
        "kind": seen.kind if seen else None,
        "layer": row.layer,
        "expected_shape": seen.expected_shape if seen else None,
        "different": row.different,
        "right": row.right,
        "reason": row.reason,
        "max_difference": row.max_difference,
        "rel_difference": row.rel_difference,
        "scale": row.scale,
        "cosine": row.cosine,
        "layout": row.layout,
        "a": comparison_object(row.a) if row.a else None,
        "b": comparison_object(row.b) if row.b else None,
    }


def builtin(thing: Any) -> Any:
    """JSON builtins for whatever came: NumPy scalars and arrays, enums, tuples, complex, paths."""
    if thing is None or isinstance(thing, bool):
        return thing
    if isinstance(thing, str):
        return str(thing).encode("utf-8", "backslashreplace").decode("utf-8")  # a lone surrogate is no UTF-8
    if isinstance(thing, int):
        return int(thing)
    if isinstance(thing, float):
        number = float(thing)
        return number if math.isfinite(number) else str(number)
    if isinstance(thing, Mapping):
        return {str(key): builtin(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple | set | frozenset):
        return [builtin(item) for item in thing]
    if hasattr(thing, "tolist"):  # NumPy's scalars and arrays, without importing NumPy
        plain = thing.tolist()
        return str(plain) if type(plain) is type(thing) else builtin(plain)
    return str(thing)
