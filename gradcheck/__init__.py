"""Find the wrong line in a hand-written backward pass.

>>> import gradcheck
>>> gradcheck.check("reference_net").verdict.value
'pass'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcheck.api import check, check_vjp, diff
    from gradcheck.compare import Comparison, Verdict
    from gradcheck.errors import GradcheckError, NothingToCheck, TargetError, UsageError, WrongGradientError
    from gradcheck.numeric import Estimate, numeric_gradient
    from gradcheck.options import Options
    from gradcheck.report import DiffReport, Report
    from gradcheck.rules.finding import Finding, Fix

__version__ = "0.1.0"

__all__ = [
    "Comparison",
    "DiffReport",
    "Estimate",
    "Finding",
    "Fix",
    "GradcheckError",
    "NothingToCheck",
    "Options",
    "Report",
    "TargetError",
    "UsageError",
    "Verdict",
    "WrongGradientError",
    "check",
    "check_vjp",
    "diff",
    "numeric_gradient",
]

_HOMES = {
    "gradcheck.api": ("check", "check_vjp", "diff"),
    "gradcheck.compare": ("Comparison", "Verdict"),
    "gradcheck.errors": ("GradcheckError", "NothingToCheck", "TargetError", "UsageError", "WrongGradientError"),
    "gradcheck.numeric": ("Estimate", "numeric_gradient"),
    "gradcheck.options": ("Options",),
    "gradcheck.report": ("DiffReport", "Report"),
    "gradcheck.rules.finding": ("Finding", "Fix"),
}


def __getattr__(name: str) -> Any:
    """Public names load on first use: a test session that has the plugin installed and never uses it pays nothing."""
    for home, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
