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
    "GC361": ("stale-weights", "a gradient is computed from a parameter that has been updated already"),
    "GC362": ("missing-path", "a gradient lacks what one use of its value contributes"),
    "GC363": ("missing-path", "a gradient counts one use of its value twice, or with the wrong sign"),
    "GC381": ("loss-mismatch", "a gradient belongs to another loss than the code's own"),
    "GC401": ("softmax-axis", "a softmax subtracts the maximum of the whole matrix"),
    "GC501": ("non-finite", "a gradient holds NaN or infinity"),
    "GC601": ("update", "the update raised"),
    "GC602": ("update", "the update moves a parameter up its gradient"),
    "GC603": ("update", "a parameter is updated with another one's gradient"),
    "GC604": ("update", "a parameter has a gradient that nothing uses"),
    "GC605": ("update", "a parameter has another shape after one step"),
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
