"""Every code that a finding can have, known without importing what finds it."""

from __future__ import annotations

from pathlib import Path

CODES = {
    "GC101": ("shape", "a gradient has another shape than its value"),
    "GC102": ("transposed", "a gradient is the transpose of what it should be"),
    "GC103": ("layout", "a gradient's layout differs from its value's, and the update puts it right"),
    "GC201": ("wrong-axis", "a gradient sums over the wrong axis"),
    "GC202": ("wrong-axis", "a gradient sums over more axes than it should"),
    "GC203": ("missing-reduction", "a gradient lacks the sum over an axis along which its value is shared"),
    "GC301": ("scale", "a gradient is right up to a constant factor that nothing takes out"),
    "GC302": ("sign", "a gradient has the wrong sign"),
    "GC401": ("softmax-axis", "a softmax subtracts the maximum of the whole matrix"),
    "GC501": ("non-finite", "a gradient holds NaN or infinity"),
    "GC601": ("update", "the update raised"),
    "GC901": ("unexplained", "a gradient is wrong and no known cause explains it"),
}
"""Every code with its category and its meaning in a line; a code is never reused."""

_PAGES = Path(__file__).parent / "rules" / "pages"


def page(code: str) -> str:
    """A code's page with a worked example; "" where none is written."""
    try:
        return (_PAGES / f"{code}.md").read_text(encoding="utf-8").rstrip()
    except OSError:
        return ""
