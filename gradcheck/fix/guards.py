"""Gradients that are off by a small number that guards a division or a logarithm: a / (b + 1e-8)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from gradcheck.blame.judged import Judged
from gradcheck.fix.excused import Excuse, off_a_little
from gradcheck.patch import SourceText, Splice, read, spliced
from gradcheck.rules.evidence import place
from gradcheck.rules.finding import Finding
from gradcheck.small_numbers import added


def _unguarded(text: str) -> str:
    """The text with zero in the place of small numbers that are added, each as long as what it stands for."""
    source = SourceText("", text, "", "")
    spans = {_span(source, node) for node, _ in _guards(text)}
    return spliced(text, [Splice(start, end, "0.".ljust(end - start, "0")[: end - start]) for start, end in spans])


def _span(source: SourceText, node: ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return source.offset(node.lineno, node.col_offset), source.offset(node.end_lineno, node.end_col_offset)


def _guards(text: str) -> Iterator[tuple[ast.expr, float]]:
    try:
        yield from added(ast.parse(text))
    except (SyntaxError, ValueError):
        return


def _findings(excused: Sequence[Judged]) -> list[Finding]:
    """GC613, a warning, once: what is off in one line is off in those that rest on it."""
    first = excused[0]
    name = first.gradient.name
    source = read(first.gradient.value.site.file)
    guards = dict.fromkeys((n, node.lineno) for node, n in _guards(source.text if source else ""))
    where = " and ".join(f"{number:g} at line {line}" for number, line in guards)
    off = max(found.rel_error for j in excused if (found := off_a_little(j)) is not None)
    names = ", ".join(j.gradient.name for j in excused)
    return [
        Finding(
            "GC613",
            "loss-mismatch",
            "warning",
            f"{name} is off by no more than a guard against zero",
            f"{names}: off by at most {off:.1g} of the scale. Without the small numbers that the code adds"
            f" ({where}) they agree with the numeric derivative: the loss has such a number and its"
            " gradient leaves it out, or the other way round. It is no bug; those lines can only be checked to about"
            " this error.",
            "off by a guard",
            name,
            **place(first.gradient.value.site),
            evidence={"rel_error": off, "guards": [number for number, _ in guards]},
        )
    ]


GUARDS = Excuse(_unguarded, _findings)
