"""A step over a long sequence, made one over a few turns and samples: what is wrong in it is found there in a fraction
of the time.

The length is a number of a name like seq_length, or the size of what the step is handed, as often as it passes a line;
lists and arrays that are as long are cut alike, and then the samples that are left to each turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from gradcheck.capture.roots import assign
from gradcheck.capture.state import IsMine
from gradcheck.script.cut import Samples, batch_for, cut, samples
from gradcheck.script.held import Held, axis_of, dims_of, everything, is_data

LONG = 8
"""Sequences up to this many turns are left as they are."""
LEAST = 4
"""Turns that are left, or the next number above that is no other dimension."""
_LENGTH = re.compile(
    r"(?i)((seq|sequence)_?(len|length|size)?|(n|num|max)?_?(time)?_?steps?|bptt(_\w+)?|unroll(ed)?(_\w+)?)$"
)
"""Names of a number of turns, beside a T among a module's or a function's own names."""
Shorter = Callable[[Collection[int]], AbstractContextManager[str] | None]
"""From how often lines of the step are passed to what cuts the state while it lasts, and tells how."""


def shorter(
    handed: MutableMapping[str, Any],
    others: Iterable[MutableMapping[str, Any]],
    is_mine: IsMine,
    parameters: frozenset[str],
    used: frozenset[str] = frozenset(),
) -> Shorter:
    """What cuts the longest sequence to a few turns, and the batch; None of a step that goes through none.

    `used` are names that the step itself reads.
    """
    names = [handed, *others]

    def says_how_long(h: Held) -> bool:
        own = h.name == "T" and any(h.where[0] is namespace for namespace in names)
        return type(h.value) is int and h.value > LONG and (own or _LENGTH.match(h.name) is not None)

    def made(turns: Collection[int]) -> AbstractContextManager[str] | None:
        held = everything(handed, names[1:], is_mine, LONG)
        sized = [h for h in held if is_data(h.value, LONG)]
        own = {n for h in sized if h.name in parameters for n in dims_of(h.value)}
        lengths = [h for h in held if says_how_long(h)]
        data = [h for h in sized if h.name not in parameters]
        along = (n for h in data if h.handed for n in dims_of(h.value) if n in turns and n > LONG and n not in own)
        count = max((h.value for h in lengths), default=None) or max(along, default=None)
        if count is None:
            return None
        lengths = [h for h in lengths if h.value == count]
        data = [h for h in data if count not in own and axis_of(h.value, count, LONG) is not None]
        sizes = {n for h in sized for n in dims_of(h.value)}
        few = next((n for n in range(LEAST, count) if n not in sizes), None)
        if few is None or not (lengths or data):
            return None
        return _both(
            _cut(count, few, lengths, data), lambda: samples(handed, names[1:], is_mine, parameters, used, LONG)
        )

    return made


@contextmanager
def _both(turns: AbstractContextManager[str], found: Callable[[], Samples | None]) -> Iterator[str]:
    """The sequence cut, and then the batch."""
    with turns as told:
        batch = found()
        few = batch_for(batch) if batch is not None else 0
        if batch is None or few >= batch.count:
            yield told
            return
        cut(batch, few)
        try:
            yield f"{told}, {few} samples instead of {batch.count}"
        finally:
            for h in batch.held:
                assign(h.where, h.value)


@contextmanager
def _cut(count: int, turns: int, lengths: list[Held], data: list[Held]) -> Iterator[str]:
    made = {id(h.value): _taken(h.value, count, turns) for h in data}
    try:
        for h in lengths:
            assign(h.where, turns)
        for h in data:
            assign(h.where, made[id(h.value)])
        yield f"{lengths[0].name if lengths else f'the length of {data[0].name}'} = {turns} instead of {count}"
    finally:
        for h in (*lengths, *data):
            assign(h.where, h.value)


def _taken(value: Any, count: int, turns: int) -> Any:
    axis = axis_of(value, count, LONG)
    assert axis is not None
    return np.take(value, range(turns), axis) if isinstance(value, np.ndarray) else value[:turns]
