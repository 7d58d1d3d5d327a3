"""What is under check, driven as an example call has it, but for numbers and sizes that would hide an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, TypeVar

from gradcheck.adapters.examples import example_calls
from gradcheck.adapters.overheard import Call
from gradcheck.adapters.pairs import Pair
from gradcheck.adapters.plan import Drawn, Plan
from gradcheck.adapters.reading import explains
from gradcheck.adapters.resizing import Arguments, grown, has_more, own_values, shapes_of, unhidden
from gradcheck.adapters.seeking import Found, found_with, is_finite
from gradcheck.adapters.trying import Sandbox

Takes = Callable[[Plan, int], bool]
"""Whether the code takes what a plan draws for a seed."""


@dataclass(frozen=True, slots=True)
class Exampled:
    """What came of looking for example calls of a pair."""

    found: Found | None = None
    """Of the first call for which forward and backward go through; else of the first that the forward takes."""
    notes: tuple[str, ...] = ()
    """What the reader should know of it: sizes that hide something, a call that could not be had again."""
    asks: str = ""
    """What is for the user to say."""

    @property
    def arguments(self) -> Arguments:
        """What it is driven with."""
        return self.found.plan.arguments if self.found is not None else {}

    @property
    def fits(self) -> bool:
        """Whether forward and backward go through."""
        return self.found is not None and self.found.settled.taken is not None


def from_examples(sandbox: Sandbox, module: ModuleType, pair: Pair) -> Exampled:
    """The pair, driven by an example call of its forward."""

    def takes(plan: Plan, seed: int) -> bool:
        inputs = dict(zip(plan.arguments, plan.draw(seed)))
        tried = sandbox.run(f"_result = {pair.f}({', '.join(inputs)})", inputs)
        return bool(tried) and is_finite(tried.names["_result"])

    first = Exampled()
    for call in example_calls(module, pair.forward, backward=pair.backward):
        sandbox.put_back()
        tried = [
            Exampled(found, square_notes(shapes_of(plan.arguments)))
            for plan in plans(call, call.arguments, takes, lambda: sandbox.time_is_up)
            if (found := found_with(sandbox, pair, plan)) is not None
        ]
        going = [one for one in tried if one.fits]
        if going:
            taken, asks = between(going, lambda one: one.arguments, lambda one: _explained(sandbox, one))
            return replace(taken, notes=(*taken.notes, *filter(None, [asks])), asks=asks)
        first = first if first.found else (tried or [Exampled(notes=(not_again(call),))])[0]
    sandbox.put_back()
    return first


def _explained(sandbox: Sandbox, one: Exampled) -> bool:
    taken = one.found.settled.taken if one.found is not None else None
    return taken is not None and explains(sandbox, taken, 0)


def plans(call: Call, arguments: Mapping[str, Any], takes: Takes, is_late: Callable[[], bool]) -> Iterator[Plan]:
    """What the code takes of a call's arguments: with several of what there is one of, with other sizes where some
    would hide errors, then with its own.

    Another seed draws other numbers, if the code takes those.
    """
    own = own_values(arguments)
    if not takes(Plan(own, ""), 0):
        return

    def goes(other: Arguments) -> bool:
        return takes(Plan(other, ""), 0)

    changed = unhidden(own, goes, is_late)
    more = list(grown(changed, goes, is_late))[::-1]
    for some in [*more, *([changed, own] if any(changed[n] is not own[n] for n in own) else [own])]:
        plan = Plan(some, _told(call, own, some, more))
        yield plan if takes(plan, 1) else replace(plan, arguments={n: _fixed(d) for n, d in some.items()})


T = TypeVar("T")


def between(tried: Sequence[T], arguments: Callable[[T], Arguments], is_right: Callable[[T], bool]) -> tuple[T, str]:
    """The one with other sizes; the one with the call's own where that alone is right, and what to ask then. One with
    several of what there is one of in the call only if it is right: it may be meant for one."""
    own = tried[-1]
    more = [one for one in tried if has_more(arguments(one), arguments(own))]
    right = next(filter(is_right, more), None)
    if right is not None:
        return right, ""
    other = next(one for one in tried if one not in more)
    if other is own or is_right(other) or not is_right(own):
        return other, ""
    wrong, taken = "with other sizes it goes through as well, and is wrong there", shapes_of(arguments(other))
    shapes = " ".join(f"{name}:({','.join(map(str, shape))})" for name, shape in taken.items())
    return own, wrong if taken == shapes_of(arguments(own)) else f'{wrong}; to check those: --shapes "{shapes}"'


def _fixed(drawn: Drawn) -> Drawn:
    """The same numbers for every seed."""
    if drawn.entries is not None:
        return replace(drawn, entries={k: _fixed(v) for k, v in drawn.entries.items()})
    return drawn if drawn.value is None else Drawn(value=drawn.value)


def _told(call: Call, own: Arguments, taken: Arguments, more: Sequence[Arguments]) -> str:
    """Where a plan came from, and what of it is not as it was there."""
    shapes = [f"there {name} is {own[name]}" for name in taken if str(own[name]) != str(taken[name])]
    drawn = [name for name in taken if str(own[name]) == str(taken[name]) and own[name] is not taken[name]]
    alike = [f"{' and '.join(drawn)} drawn, since all alike there"] if drawn else []
    most = more[0] if more else own
    with_more = [f"{name} {most[name]}" for name in own if str(most[name]) not in (str(own[name]), str(taken[name]))]
    alone = [f"with {' and '.join(with_more)} it goes through as well, and was not found to be right"] * bool(with_more)
    said = "; ".join(filter(None, [", ".join([*shapes, *alike]), *alone]))
    return f"from the call at {call.at}{'; ' if said else ''}{said}"


def not_again(call: Call) -> str:
    """Of a call that could not be used."""
    return f"the call at {call.at} could not be had again by itself"


def square_notes(shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """A warning of matrices whose transposes have their shape."""
    found = [f"{name} {s}" for name, s in shapes.items() if len(s) == 2 and s[0] == s[1] > 1]
    are = "is" if len(found) == 1 else "are"
    told = f"{' and '.join(found)} {are} square, and other sizes were not taken: a transpose has the same shape"
    return (told,) if found else ()
