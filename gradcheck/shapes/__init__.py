"""Shape specs: what a user writes about shapes, read, matched against arrays and filled with sizes.

spec = parse_spec("x:(m,784) W1:(784,h) b1:(h) Z1:(m,h)")
for row in check_shapes(spec, {"x": (13, 784), "W1": (784, 10), "b1": (10,), "Z1": (13, 10)}):
    row.expected, row.actual, row.ok, row.reason
"""

from __future__ import annotations

from gradcheck.shapes.binding import (
    Binding,
    Bindings,
    ShapeResult,
    check_shapes,
    expected_text,
    gradient_spec,
    match,
    match_all,
)
from gradcheck.shapes.parse import parse_shape, parse_spec
from gradcheck.shapes.spec import Axis, Entry, ShapeSpec, Spec, different_sizes, format_shape, resolve, symbols

__all__ = [
    "Axis",
    "Binding",
    "Bindings",
    "Entry",
    "ShapeResult",
    "ShapeSpec",
    "Spec",
    "check_shapes",
    "different_sizes",
    "expected_text",
    "format_shape",
    "gradient_spec",
    "match",
    "match_all",
    "parse_shape",
    "parse_spec",
    "resolve",
    "symbols",
]
