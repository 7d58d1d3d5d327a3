"""A batch small enough to be run hundreds of times, cut out of the data with which a script trains.

All that shares the samples' axis is cut alike, to samples that show every class; counts of the samples that the code
has read off the whole data, `m`, `1 / m`, become those of the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.roots import assign
from gradcheck.capture.state import IsMine
from gradcheck.script.held import FEW, Held, axis_of, dims_of, everything, is_data

Array = NDArray[Any]
CLASSES = 128
"""Most classes of which one sample each is taken."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples' axis of a script's data."""

    count: int
    """How many there are."""
    held: tuple[Held, ...]
    """All that is cut or counts them."""
    sizes: frozenset[int]
    """Every other dimension there is."""
    classes: int
    """How many classes their labels have, 0 for none."""
    elsewhere: tuple[str, ...] = ()
    """Numbers that count other, more samples: "m = 1600"."""
    few: int = FEW
    """Lists with up to so many items are no samples."""


def samples(
    handed: MutableMapping[str, Any],
    others: Iterable[MutableMapping[str, Any]],
    is_mine: IsMine,
    parameters: frozenset[str],
    used: frozenset[str],
    few: int = FEW,
) -> Samples | None:
    """The samples' axis: the size above `few` that most arrays share and no parameter has; None where there is none.

    `used` are names that the step itself reads: of several sizes, theirs is meant.
    """
    held = everything(handed, others, is_mine, few)
    sized = [h for h in held if is_data(h.value, few)]
    own = {n for h in sized if h.name in parameters for n in dims_of(h.value)}
    data = [h for h in sized if h.name not in parameters]
    # a module's X is not read by a function that is handed an X
    read = [h for h in data if h.where[1][0] in used and (h.handed or h.where[1][0] not in handed)]
    given = read or [h for h in data if h.handed] or data
    counted = Counter(n for h in _once(given) for n in set(dims_of(h.value)) if n > few and n not in own)
    if not counted:
        return None
    count = max(counted, key=lambda n: (counted[n], n))
    rest = (h for h in held if h.name not in parameters)
    found = tuple(h for h in rest if axis_of(h.value, count, few) is not None or _counts(h.value, count))
    sizes = frozenset(n for h in sized for n in dims_of(h.value)) - {count}
    classes = max((_classes(h.value, count) for h in found), default=0)
    whole = {dims_of(h.value)[0] for h in data if axis_of(h.value, count, few) is None} - {*range(count + 1)}
    counts = (h for h in held if type(h.value) is int and h.value in whole and h.name.isidentifier())
    return Samples(count, found, sizes, classes, tuple({h.name: f"{h.name} = {h.value}" for h in counts}.values()), few)


def batch_for(found: Samples) -> int:
    """A number of samples that is no other dimension and shows every class: 7, if that will do."""
    least = max(7, found.classes + 3 if found.classes else 0)
    return next(n for n in range(least, least + 1000) if n not in found.sizes and n != 10)


def cut(found: Samples, batch: int) -> None:
    """Cut everything to so many samples, in place of what holds it."""
    if batch >= found.count:
        return
    chosen = _chosen(found, batch)
    made: dict[int, Any] = {}
    for held in found.held:
        value = held.value
        if id(value) not in made or type(value) in (int, float):
            axis = axis_of(value, found.count, found.few)
            made[id(value)] = _count_of(value, found.count, batch) if axis is None else _taken(value, axis, chosen)
        assign(held.where, made[id(value)])


def _taken(value: Any, axis: int, chosen: Array) -> Any:
    if isinstance(value, np.ndarray):
        taken = np.take(value, chosen, axis)
        # an order of the samples stays one
        return taken.argsort().argsort().astype(value.dtype) if _is_order(value) else taken
    return type(value)([value[i] for i in chosen])


def _chosen(found: Samples, batch: int) -> Array:
    """One sample of each class, the last ones first so that the greatest label is among them; then whatever comes."""
    first: list[int] = []
    for held in found.held:
        labels = _labels(held.value)
        if labels is not None and _classes(held.value, found.count):
            first += np.unique(labels, return_index=True)[1].tolist()
    rest = range(found.count)
    return np.sort(np.array(list(dict.fromkeys([*first, *rest]))[:batch]))


def _is_order(value: Array) -> bool:
    return value.ndim == 1 and value.dtype.kind in "iu" and bool((np.sort(value) == np.arange(len(value))).all())


def _classes(value: Any, count: int) -> int:
    """How many classes an array of labels has; 0 for what is none."""
    labels = _labels(value)
    if labels is None or len(labels) != count or _is_order(labels):
        return 0
    classes = len(np.unique(labels))
    return classes if classes <= CLASSES else 0


def _labels(value: Any) -> Array | None:
    if isinstance(value, np.ndarray) and value.dtype.kind in "iufb" and value.size and value.size == max(value.shape):
        flat = value.reshape(-1)
        return flat if bool(np.all(np.equal(np.mod(flat, 1), 0))) else None
    return None


def _counts(value: Any, count: int) -> bool:
    """Whether a plain number is the number of samples, or one over it."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    return value == count or value == 1 / count


def _count_of(value: Any, count: int, batch: int) -> Any:
    return type(value)(batch if value == count else 1 / batch)


def _once(held: Iterable[Held]) -> list[Held]:
    return list({id(h.value): h for h in held}.values())
