"""What a function is called with, as a plan that any seed fills with numbers; found by trying where nothing is said."""

from __future__ import annotations

import copy
import inspect
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.adapters.sizes import sizes_of
from gradcheck.adapters.worlds import Shape, World, ordered, role_of
from gradcheck.shapes import different_sizes, parse_spec
from gradcheck.shapes import resolve as shape_of

Array = NDArray[Any]
MOST = 48
"""Combinations of shapes tried within one world."""
BY_TRYING = "found by trying"
"""How a plan came about where nothing was said."""
CLASSES = 3
"""Class numbers that labels are drawn from: fewer than any dimension, so that each occurs and some occur twice."""


def _normal(rng: np.random.Generator, shape: Shape) -> Any:
    return rng.standard_normal(shape) if shape else float(rng.standard_normal())


def _positive(rng: np.random.Generator, shape: Shape) -> Any:
    return np.abs(rng.standard_normal(shape)) + 0.5


def _probability(rng: np.random.Generator, shape: Shape) -> Any:
    return rng.uniform(0.1, 0.9, shape)


def _distribution(rng: np.random.Generator, shape: Shape) -> Any:
    drawn = rng.uniform(0.2, 1.0, shape)
    return drawn / drawn.sum(axis=-1, keepdims=True)


def _classes(rng: np.random.Generator, shape: Shape) -> Any:
    return rng.integers(0, CLASSES, shape)


def _one_hot(rng: np.random.Generator, shape: Shape) -> Any:
    return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]


def _binary(rng: np.random.Generator, shape: Shape) -> Any:
    return rng.integers(0, 2, shape).astype(float)


def _bits(rng: np.random.Generator, shape: Shape) -> Any:
    return rng.integers(0, 2, shape)


_KINDS: Mapping[str, Callable[[np.random.Generator, Shape], Any]] = {
    "normal": _normal,
    "positive": _positive,
    "probability": _probability,
    "distribution": _distribution,
    "classes": _classes,
    "one_hot": _one_hot,
    "binary": _binary,
    "bits": _bits,
}
_SAID = {
    "classes": " class numbers",
    "one_hot": " one-hot",
    "binary": " zeros and ones",
    "bits": " zeros and ones",
    "distribution": " rows that sum to 1",
    "probability": " between 0 and 1",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One argument: an array to be drawn, a value that is handed over as it is, or a dict of these."""

    shape: Shape | None = None
    """Of an array; None for anything else."""
    kind: str = "normal"
    """A key of `_KINDS`."""
    value: Any = None
    """Where there is neither shape nor entries; with a shape, the user's own numbers, which the first seed draws."""
    entries: Mapping[str, Drawn] | None = None
    """Of a dict."""
    parts: tuple[Drawn, ...] | None = None
    """Of a tuple."""
    said: str = ""
    """How a reader knows the value, where it is an object."""

    def draw(self, rng: np.random.Generator, *, first: bool = False) -> Any:
        """The argument, anew for each seed; `first` for the first of them."""
        if self.entries is not None:
            return {k: v.draw(rng, first=first) for k, v in self.entries.items()}
        if self.parts is not None:
            return tuple(part.draw(rng, first=first) for part in self.parts)
        if self.shape is None or (first and self.value is not None):
            return copy.deepcopy(self.value)
        return _KINDS[self.kind](rng, self.shape)

    def __str__(self) -> str:
        if self.entries is not None:
            return "{" + ", ".join(f"{k!r}: {v}" for k, v in self.entries.items()) + "}"
        if self.parts is not None:
            return f"({', '.join(map(str, self.parts))})"
        if self.shape is not None:
            return f"{self.shape}{_SAID.get(self.kind, '')}"
        return self.said or _described(self.value)


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.shape}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_described(v)}" for k, v in value.items()) + "}"
    return f"{value!r:.40}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What every argument is, by name."""

    arguments: Mapping[str, Drawn]
    """In the order in which they are handed over."""
    how: str
    """found by trying, from the call at test_net.py:40, from --call."""
    world: str = ""
    """The layout in which it was found."""

    def draw(self, seed: int) -> tuple[Any, ...]:
        """One value for each argument."""
        rng = np.random.default_rng(seed)
        return tuple(argument.draw(rng, first=seed == 0) for argument in self.arguments.values())

    def __str__(self) -> str:
        return ", ".join(f"{name} {argument}" for name, argument in self.arguments.items())


class Unfilled(dict[str, Any]):
    """A dict argument on trial, which makes up what the code looks for in it, and remembers that."""

    def __init__(self, known: Mapping[str, Drawn], make: Callable[[str], Drawn], rng: np.random.Generator) -> None:
        super().__init__({name: one.draw(rng) for name, one in known.items()})
        self.plan = dict(known)
        self._make = make
        self._rng = rng

    def __missing__(self, key: str) -> Any:
        if not isinstance(key, str):
            raise KeyError(key)
        self.plan[key] = made = self._make(key)
        self[key] = value = made.draw(self._rng)
        return value


_PENALTY = re.compile(
    r"(?i)(reg|regulari[sz]ation|lam|lambda?|lamda|lmbda|l2|weight_decay|penalty)_?"
    r"(reg|l2|strength|lambda?|penalty|coef\w*|factor|term|rate)?"
)
_SCALARS: Mapping[str, object] = {
    **dict.fromkeys(("eps", "epsilon"), 1e-5),
    **dict.fromkeys(("momentum", "decay"), 0.9),
    **dict.fromkeys(
        "keep_prob keep_probability dropout drop_prob dropout_prob dropout_rate p_dropout p_keep rate ratio".split(),
        0.7,
    ),
    **dict.fromkeys(("alpha", "slope", "leak", "negative_slope", "delta", "margin"), 0.3),
    **dict.fromkeys(("training", "train", "is_training", "is_train", "train_flg"), True),
    **dict.fromkeys(("lr", "learning_rate", "eta", "step_size"), 0.1),
    "mode": "train",
    **dict.fromkeys(("activation", "activation_type", "nonlinearity"), "relu"),
    **dict.fromkeys(("seed", "axis"), 1),
    **dict.fromkeys(("g", "groups", "group", "n_heads", "num_heads"), 1),
    **dict.fromkeys(("m", "n", "batch_size", "num_train"), 5),
    **dict.fromkeys(("temperature", "temp", "scale_factor"), 1.7),
}
_DICT = re.compile(r"(?i).*(param(s|eters?)?|config|cfg|options|opts)$|^d$")
_POSITIVE = re.compile(r"(?i).*(var|sigma|std|prob)\w*$")
_IN_DICT: Mapping[str, tuple[str, ...]] = {
    "conv_param": ("stride", "pad"),
    "pool_param": ("pool_height", "pool_width", "stride"),
    "bn_param": ("mode",),
    "dropout_param": ("mode", "p", "seed"),
}
"""What must be in a dict though the forward may not look for it."""


def trials(
    names: Sequence[str],
    hint: str,
    annotations: Mapping[str, Any],
    *,
    labels: bool = False,
    known: Mapping[str, Drawn] | None = None,
    sized: Collection[str] = (),
    likely: str = "",
    objects: Mapping[str, Callable[[World], list[Drawn]]] | None = None,
    unpacked: Mapping[str, tuple[str, ...]] | None = None,
) -> Iterator[Trial]:
    """What the arguments may be, likeliest first.

    `labels` says that y is what is to be predicted, not a second x; `sized` are a constructor's, which may be sizes;
    `likely` is the kind of numbers that go into a loss, where that is known; `objects` make what is no array or number;
    `unpacked` has the parts of what is taken apart.
    """
    for world in ordered(f"{hint} {' '.join(names)}"):
        choices = []
        for name in names:
            values = sizes_of(name, names, world) if name in sized else None
            if known and name in known:
                choices.append([known[name]])
            elif values is not None or (objects and name in objects):
                made = objects[name](world) if objects and name in objects else []
                choices.append([*made, *(Drawn(value=v) for v in values or ())])
            elif unpacked and name in unpacked:
                of = unpacked[name]
                choices.append([Drawn(parts=tuple(_choices(n, [*names, *of], world, None, False)[0] for n in of))])
            else:
                choices.append(_choices(name, names, world, annotations.get(name), labels, likely))
        if all(choices):
            best_first = sorted(itertools.product(*map(range, map(len, choices))), key=sum)[:MOST]
            for picked in best_first:
                yield Trial(names, [c[i] for c, i in zip(choices, picked)], world, names)


def _choices(
    name: str, names: Sequence[str], world: World, annotation: Any, labels: bool, likely: str = ""
) -> list[Drawn]:
    if _DICT.fullmatch(name) or annotation is dict:
        known = {**_SCALARS, "p": 0.7, **world.scalars}
        return [Drawn(entries={k: Drawn(value=known[k]) for k in _IN_DICT.get(name, ()) if k in known})]
    scalar = _scalar(name, world, annotation)
    if scalar is not None:
        return scalar
    if name == "mask":
        return [Drawn(shape, "binary") for role in ("classes", "same") for shape in world.alternatives(role)]
    role, layer = role_of(name, names)
    kind = "positive" if _POSITIVE.match(name) else "normal"
    if role == "labels":
        same = [Drawn(shape) for shape in world.alternatives("same")]
        return _labels(world, same) if labels else same
    if labels and role in ("data", "same"):
        shapes = world.alternatives(role, layer) or world.alternatives("same")
        kinds = sorted(("normal", "distribution", "probability"), key=lambda kind: kind != likely)
        return [Drawn(shape, kind) for kind in kinds for shape in shapes]
    shapes = world.alternatives(role, layer) or world.alternatives("same")
    rows = [Drawn((world.sizes["n"], world.sizes["t"]), "classes")] if role == "data" and "t" in world.sizes else []
    return [*(Drawn(shape, kind) for shape in shapes), *rows]  # at last the rows of a table that is looked up


def _labels(world: World, same: Sequence[Drawn]) -> list[Drawn]:
    shapes = world.alternatives("classes")
    hot = [Drawn(d.shape, "one_hot") for d in same if d.shape and len(d.shape) > 1]
    binary = [Drawn(d.shape, "binary") for d in same]
    single = [Drawn(s, "binary") for s in world.alternatives("binary")]
    return [*single, *(Drawn(s, "classes") for s in shapes), *hot, *binary, *same, *(Drawn((*s, 1)) for s in shapes)]


def _scalar(name: str, world: World, annotation: Any) -> list[Drawn] | None:
    """What an argument that is no array may be; None for one that is."""
    known = {**_SCALARS, **world.scalars}
    if annotation in (bool, "bool"):
        return [Drawn(value=True)]
    if is_penalty(name):
        return [Drawn(value=0.1)]
    if name.lower() in known and not (len(name) == 1 and annotation is None and not world.scalars):
        value = known[name.lower()]
        others: list[object] = ["sigmoid", "tanh"] if value == "relu" else []
        return [Drawn(value=v) for v in (value, *others)]
    if annotation in (int, "int"):
        return [Drawn(value=v) for v in (3, 1)]
    return [Drawn(())] if annotation in (float, "float") else None


def scalar_of(name: str, world: World) -> object | None:
    """What an argument that is no array and no size is likeliest, by its name; None where that says nothing."""
    known = _scalar(name, world, None)
    return known[0].value if known else None


@dataclass(slots=True)
class Trial:
    """One set of arguments to be tried; after the call it knows what the code looked for in its dicts."""

    names: Sequence[str]
    drawn: list[Drawn]
    world: World
    all_names: Sequence[str]
    _handed: list[Any] = field(default_factory=list)

    def arguments(self, seed: int) -> list[Any]:
        """What to call with; what is handed over is remembered."""
        rng = np.random.default_rng(seed)

        def make(key: str) -> Drawn:
            return _choices(key, [*self.all_names, *self._keys()], self.world, None, True)[0]

        self._handed = [Unfilled(d.entries, make, rng) if d.entries is not None else d.draw(rng) for d in self.drawn]
        return self._handed

    def _keys(self) -> list[str]:
        return [k for h in self._handed if isinstance(h, Unfilled) for k in h.plan]

    def plan(self) -> Plan:
        """The arguments as they were taken."""
        both = zip(self.drawn, self._handed, strict=True)
        both = zip(self.drawn, self._handed, strict=True)
        taken = (Drawn(entries=h.plan) if isinstance(h, Unfilled) else d for d, h in both)
        return Plan(dict(zip(self.names, taken)), BY_TRYING, self.world.name)


def is_positive(name: str) -> bool:
    """Whether a name says that what it is of is positive: a variance."""
    return bool(_POSITIVE.match(name))


def is_penalty(name: str) -> bool:
    """Whether an argument is the strength of a penalty, which is no use at its default of 0."""
    return bool(_PENALTY.fullmatch(name))


def reads_logarithms(function: Callable[..., Any]) -> str:
    """The kind of numbers that a loss needs which takes their logarithm as they are: "distribution"; else ""."""
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        return ""
    return "distribution" if "log(" in text and "exp(" not in text and "softmax" not in text else ""


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Annotations by argument, unresolved."""
    try:
        return {
            n: p.annotation for n, p in inspect.signature(function).parameters.items() if p.annotation is not p.empty
        }
    except (TypeError, ValueError):
        return {}


def by_spec(shapes: str | None, names: Sequence[str]) -> dict[str, Drawn]:
    """What a spec says of these arguments."""
    spec = parse_spec(shapes) if shapes else None
    if spec is None:
        return {}
    sizes = different_sizes(spec)
    return {e.name: Drawn(shape_of(e.shape, sizes)) for e in spec if e.name in names}
