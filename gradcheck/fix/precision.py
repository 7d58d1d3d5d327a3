"""Gradients that are off by the round-off of the float32 that the code itself computes in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gradcheck.blame.judged import Judged
from gradcheck.compare import Verdict
from gradcheck.fix.excused import Excuse
from gradcheck.rules.evidence import place
from gradcheck.rules.finding import Finding

_SINGLE = re.compile(r"(?<![\w])(?:float32|single|f4)(?![\w])")


def _doubled(text: str) -> str:
    """The text with float64 in the place of float32."""
    return _SINGLE.sub(lambda found: "f8" if found.group() == "f4" else "float64", text)


def _findings(excused: Sequence[Judged]) -> list[Finding]:
    """One of each line that was at fault."""
    return [_finding(judged) for judged in excused if judged.verdict is Verdict.FAIL]


def _finding(judged: Judged) -> Finding:
    name, found = judged.gradient.name, judged.agreement
    assert found is not None
    return Finding(
        "GC612",
        "dtype",
        "warning",
        f"{name} is rounded to float32 on its way",
        f"{name} is off by {found.rel_error:.1g} of its scale. That is the round-off of the float32 that the code"
        f" computes in: with float64 in its place {name} agrees with the numeric derivative. It is no bug; that part of"
        " the code can only be checked to about this error.",
        "rounded to float32",
        name,
        **place(judged.gradient.value.site),
        evidence={"rel_error": found.rel_error},
    )


ROUND_OFF = Excuse(_doubled, _findings)
