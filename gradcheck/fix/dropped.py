"""A call whose result nothing takes: `block.backward(dx)` for `dx = block.backward(dx)`.

The line behind it that reads the old value is right in what it does with the name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from gradcheck.blame.judged import Judged
from gradcheck.capture.rewrite import BACKWARD
from gradcheck.compare import Verdict
from gradcheck.fix.edit import Edit
from gradcheck.fix.guilty import Guilty
from gradcheck.fix.line import Line, line_of_site
from gradcheck.patch import Splice


def kept(
    guilty: Sequence[Guilty], judged: Sequence[Judged], overlay: Mapping[str, str]
) -> Iterator[tuple[Guilty, Edit]]:
    """Such a call with what it hands back given to a name that a guilty line reads, the nearest first."""
    wrong = tuple(j for j in judged if j.verdict is Verdict.FAIL)
    for at in (g.line for g in guilty if not g.line.whole):
        read = [n for n in ast.walk(ast.parse(f"(\n{at.text}\n)")) if isinstance(n, ast.Name)]
        function = (n for s in at.places[-1].block for n in ast.walk(s))
        before = [n for n in function if isinstance(n, ast.Expr) and n.lineno <= at.site.line and _hands_on(n.value)]
        calls = (_line(at, n.value, overlay) for n in sorted(before, key=lambda n: -n.lineno))
        for line, name in product(filter(None, calls), dict.fromkeys(n.id for n in read)):
            new = Splice(line.start, line.start, f"{name} = ")
            edit = Edit(line.text, "dropped", 1.0, line.text, f"{name} = {line.text}", around=(new,))
            yield Guilty(line, wrong, ()), edit


def _hands_on(call: ast.expr) -> bool:
    """Whether it is a call of something that gradients go through."""
    name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
    return bool(BACKWARD.search(name.rpartition(".")[2]))


def _line(near: Line, call: ast.expr, overlay: Mapping[str, str]) -> Line | None:
    span = call.lineno, call.col_offset, call.end_lineno or call.lineno, call.end_col_offset or 0
    site = replace(near.site, number=-1, name=ast.unparse(call), kind="result", line=call.lineno, span=span)
    return line_of_site(site, overlay)
