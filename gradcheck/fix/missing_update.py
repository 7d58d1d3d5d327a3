"""An update that is missing for some parameters, in the form that the others have theirs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcheck.blame.judged import Judged
from gradcheck.capture.program import Program
from gradcheck.fix.blocks import Place, before, behind
from gradcheck.fix.edit import Edit
from gradcheck.fix.line import Line, line_of_site
from gradcheck.gradients import updated
from gradcheck.patch import Splice
from gradcheck.probing import Probe


@dataclass(frozen=True, slots=True)
class _Sibling:
    """A parameter that is updated, and the line that does it."""

    judged: Judged
    line: Line
    order: int
    """Where its parameter stands among all."""


def missing_updates(
    found: Probe, unmoved: Collection[str], overlay: Mapping[str, str]
) -> list[list[tuple[Line, Edit, frozenset[str]]]]:
    """Of each parameter that has no update, the lines that may be missing, the likeliest first."""
    order = _order(found.program, found.judged)
    siblings = sorted(_siblings(found, order, overlay), key=lambda s: s.order)
    ways: dict[tuple[Line, str], list[tuple[Line, Edit]]] = {}
    names: dict[tuple[Line, str], frozenset[str]] = {}
    for j in found.judged:
        if j.gradient.kind == "parameter" and j.gradient.of.name in unmoved:
            of = list(_ways(j, order[j.gradient.name], siblings))
            key = next(((line, edit.new) for line, edit in of), None)
            if key is not None:  # one line of a loop over layers moves them all
                ways.setdefault(key, of)
                names[key] = names.get(key, frozenset()) | {j.gradient.of.name}
    return [[(line, edit, names[key]) for line, edit in of] for key, of in ways.items()]


def _order(program: Program, judged: Sequence[Judged]) -> dict[str, int]:
    """In which order the parameters were handed over or came into being, by the names of their gradients."""
    roots = {path: i for i, path in enumerate(program.roots)}
    known = {j.gradient.name: (j.gradient.of.order, roots.get(str(j.gradient.of.ref), 0)) for j in judged}
    return {name: i for i, name in enumerate(sorted(known, key=known.__getitem__))}


def _siblings(found: Probe, order: Mapping[str, int], overlay: Mapping[str, str]) -> Iterator[_Sibling]:
    for j in found.judged:
        seen = updated(found.program, found.program.trace, j.gradient) if j.gradient.kind == "parameter" else None
        line = line_of_site(seen[0].site, overlay) if seen is not None else None
        if line is not None:
            yield _Sibling(j, line, order[j.gradient.name])


def _ways(judged: Judged, order: int, siblings: Sequence[_Sibling]) -> Iterator[tuple[Line, Edit]]:
    """Behind the parameter that comes before it, before the one that comes after it, behind all of them."""
    earlier = [s for s in siblings if s.order < order]
    later = [s for s in siblings if s.order > order]
    last = max(siblings, key=lambda s: s.line.start, default=None)
    for cost, sibling, put in ((1.0, earlier[-1:], behind), (1.1, later[:1], before), (1.2, [last], behind)):
        for one in filter(None, sibling):
            place = one.line.places[0]
            text = _renamed(place, one.judged, judged)
            if text != place.text:
                yield one.line, _put_in(one.line, cost, put(place, text), text)


def _put_in(line: Line, cost: float, splice: Splice, text: str) -> Edit:
    return Edit(line.text, "update-missing", cost, new=text, around=(splice,))


def _renamed(place: Place, sibling: Judged, judged: Judged) -> str:
    """The sibling's statement with its names exchanged, whether they are names, attributes or keys."""
    names = {
        _last(sibling.gradient.of.name): _last(judged.gradient.of.name),
        _last(sibling.gradient.name): _last(judged.gradient.name),
    }
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", lambda found: names[found.group()], place.text)


def _last(name: str) -> str:
    """W of layer.W, of W[0] and of p['W']."""
    key = re.search(r"\['([^']+)'\]$", name)
    return key.group(1) if key else re.sub(r"(\[[^]]*\])+$", "", name).rpartition(".")[2]
