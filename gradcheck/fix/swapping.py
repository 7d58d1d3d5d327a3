"""Names that were given each other's values, `dhb, dhf = np.split(d, 2)`: right once they are exchanged.

No line of the backward computes anything wrong then, and no edit of one expression puts it right.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, islice

from gradcheck.blame.judged import Array, Judged, came_right
from gradcheck.blame.rerun import in_run
from gradcheck.capture.program import Program, Ref
from gradcheck.capture.record import Value
from gradcheck.compare import Verdict
from gradcheck.fix.blocks import span
from gradcheck.fix.edit import Edit
from gradcheck.fix.guilty import Guilty
from gradcheck.fix.line import Line, targets_of
from gradcheck.fix.upstream import moved, reaches_forward

PAIRS = 24
"""Pairs of names that are tried, each in one run of the step."""


def swaps(
    program: Program, judged: Sequence[Judged], forward: Collection[Ref], overlay: Mapping[str, str]
) -> dict[Guilty, list[Edit]]:
    """Of a statement that names several values an exchange of two names that puts right all that is wrong."""
    for a, b in islice(_pairs(program), PAIRS):
        keys = {v.key for v in (*a, *b)}
        fed: dict[Ref, Array] = {x.key: y.array for x, y in (*zip(a, b), *zip(b, a))}
        trace = program.backward(fed)
        own = [j for j in judged if j.gradient.key in keys]
        others = [j for j in judged if j.gradient.key not in keys]
        resting = [j for j in others if _is_wrong(j) and moved(j, trace)]
        sound = [j for j in others if j.right or _is_wrong(j)]
        line = targets_of(a[0].site, overlay)
        if line is None or not resting or reaches_forward(program, trace, forward):
            continue
        if all(map(came_right, in_run(program, sound, trace))):
            return {Guilty(line, (*own, *resting), ()): [_exchanged(line, a[0], b[0])]}
    return {}


def _is_wrong(judged: Judged) -> bool:
    return judged.verdict in (Verdict.FAIL, Verdict.INHERITED)


def _pairs(program: Program) -> Iterator[tuple[list[Value], list[Value]]]:
    """Two names of one statement and what each is given, of the same shapes; the latest statement first."""
    by_line: dict[tuple[str, int], dict[int, list[Value]]] = {}
    for v in program.trace.values:
        if v.site.kind == "unpack" and v.plain and v.array.dtype.kind == "f" and v.array.any():
            by_line.setdefault((v.site.file, v.site.line), {}).setdefault(v.site.number, []).append(v)
    for names in reversed(by_line.values()):
        for a, b in combinations(names.values(), 2):
            if [_seen(v) for v in a] == [_seen(v) for v in b]:
                yield a, b


def _seen(value: Value) -> tuple[int, tuple[int, ...]]:
    return value.key.occurrence, value.array.shape


def _exchanged(line: Line, a: Value, b: Value) -> Edit:
    """The names in their new order."""
    targets = line.statement.targets[0] if isinstance(line.statement, ast.Assign) else None
    assert isinstance(targets, (ast.Tuple, ast.List))
    texts = {t: line.source.segment(t) for t in targets.elts}
    one, other = (next(t for t in targets.elts if _is_at(t, v)) for v in (a, b))
    new = {**texts, one: texts[other], other: texts[one]}
    start, _ = span(line.source, targets.elts[0])
    text, at = "", start
    for t in targets.elts:
        begins, ends = span(line.source, t)
        text, at = text + line.source.text[at:begins] + new[t], ends
    return Edit(text, "exchanged", 1.0, texts[other], ", ".join(new[t] for t in targets.elts))


def _is_at(target: ast.expr, value: Value) -> bool:
    return (target.lineno, target.col_offset) == value.site.span[:2]
