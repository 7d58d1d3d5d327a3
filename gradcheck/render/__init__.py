"""Reports as text: `render(report, "text")`, or markdown, or json."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.errors import UsageError
from gradcheck.render.as_json import render_json
from gradcheck.render.diff import render_diff
from gradcheck.render.markdown import render_markdown
from gradcheck.render.mutation import MUTATION_FORMATS, render_mutation
from gradcheck.render.text import render_several, render_shapes, render_text
from gradcheck.report import Report

__all__ = [
    "FORMATS",
    "MUTATION_FORMATS",
    "render",
    "render_diff",
    "render_json",
    "render_markdown",
    "render_mutation",
    "render_shapes",
    "render_text",
]

FORMATS = {"text": render_text, "json": render_json, "markdown": render_markdown}
"""What is built; each function takes a report."""
PLANNED = ("html", "github", "sarif", "junit")
"""What the contract names besides."""


def render(
    reports: Report | Sequence[Report],
    format: str = "text",
    *,
    width: int = 100,
    color: bool = False,
    verbose: int = 0,
    ascii: bool = False,
    unchecked: int = 0,
) -> str:
    """One report or several in one of the formats; the options are for text.

    A sequence of one is one report; several come below one another, with a count, `unchecked` of what there is no
    report of.
    """
    if format not in FORMATS:
        known = ", ".join(FORMATS)
        problem = "is not built yet" if format in PLANNED else "is not known"
        raise UsageError(f"--format {format} {problem}; there are {known}")
    one = reports if isinstance(reports, Report) else reports[0] if len(reports) == 1 else None
    if format == "json":
        return render_json(reports if unchecked else one or reports, unchecked)
    if format == "markdown":
        return render_markdown(one or reports)
    if one and not unchecked:
        return render_text(one, width=width, color=color, verbose=verbose, ascii=ascii)
    several = [one] if one else list(reports)  # type: ignore[arg-type]
    return render_several(several, width=width, color=color, verbose=verbose, ascii=ascii, unchecked=unchecked)
