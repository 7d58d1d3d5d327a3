"""A gradient that is made on several lines: of the lines where it can be put right, which is it.

`d = -mask; d[k] = d.sum(); d /= m` is put right by `d /= -m` as well as by `d = mask`, and a first line that is twice
what it should be by taking it off again on the next: the smaller edit is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from gradcheck.blame.judged import Array, Judged
from gradcheck.capture.program import Program, Ref
from gradcheck.capture.record import Value
from gradcheck.fix.allowance import Share
from gradcheck.fix.edit import Edit, Kind
from gradcheck.fix.guilty import Guilty
from gradcheck.fix.line import line_of_site
from gradcheck.fix.search import Search

TRIED = 8
"""Edits of one line that are run."""
CLEARER = 0.25
"""How much less an edit must cost than the one of the last line."""
_CONSTANT: frozenset[Kind] = frozenset({"sign", "factor-missing", "factor-extra", "factor-wrong", "literal"})
_PUT_RIGHT_BY: frozenset[Kind] = _CONSTANT | {"term-missing", "term-extra"}
"""What an earlier line's fault is put right by on the last one: the same, or one more term of what is added there."""


def earlier_lines(
    program: Program,
    one: Guilty,
    edits: Sequence[Edit],
    fed: Mapping[Ref, Array],
    overlay: Mapping[str, str],
    holding: Callable[[Guilty, Sequence[Edit]], Iterator[Edit]],
    share: Share,
) -> Iterator[tuple[Guilty, list[Edit]]]:
    """Lines before the last one of a gradient with smaller edits that hold as well, the last such line first."""
    if len(one.judged) != 1 or not edits or edits[0].kind not in _PUT_RIGHT_BY or one.line.turns:
        return
    (judged,) = one.judged
    constant = edits[0].kind in _CONSTANT
    for value in share.within(_before(judged, one)[::-1]):
        line = line_of_site(value.site, overlay)
        if line is None or line.statement is one.line.statement:
            continue
        search = Search(line, {value.key.occurrence: None}, settled=False, free=True, share=share)
        program.backward(fed, {line.site.number: search})
        near = [e for e in search.found if e.cost <= edits[0].cost - CLEARER]
        if constant:
            near = [e for e in near if e.kind in _CONSTANT][:TRIED]
        there = Guilty(line, one.judged, (value,))
        found = list(holding(there, near))
        if found:
            yield there, found


def _before(judged: Judged, one: Guilty) -> list[Value]:
    """What the gradient was as other lines had left it, each once."""
    versions = {v.site.number: v for v in judged.gradient.versions if v.plain and v.site.file == one.line.site.file}
    versions.pop(one.line.site.number, None)
    return list(versions.values())
