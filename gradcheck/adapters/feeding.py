"""What a backward is handed, read by the names of its arguments: upstream gradients, a cache, the forward's own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.adapters import names as by_name
from gradcheck.adapters.inputs import optional, required
from gradcheck.adapters.pairs import Fed, Made, Pair, Stage, derivatives, read
from gradcheck.adapters.reading import Outcome
from gradcheck.adapters.taking import is_real

OPTIMIZER = "optimizer"
"""What the driver calls one."""
MOST = 24
"""Ways to call a backward that are looked at."""
RATE = 2.0**10
"""A learning rate handed in: so large that a change divided by it has lost nothing to the parameter's own size."""
RATES = frozenset("lr learning_rate alpha eta rate learningrate learn_rate l_rate lrate step_size".split())


def outcomes(stage: Stage) -> Iterator[Outcome]:
    """Every way in which the backward can be fed from the forward's inputs and results, run once."""
    pair = stage.pair
    wanted = required(pair.backward)
    for fed in itertools.islice(_ways(stage, wanted), MOST):
        yield read(stage, fed)
    yield from derivatives(stage) if pair.held is None else _of_a_loss(stage, wanted)


@dataclass(frozen=True, slots=True)
class _Handed:
    """What one argument of the backward may be."""

    text: str
    of: str = ""
    """The output whose gradient it is; "" for anything else."""
    label: str = ""
    """The kind of labels that it is; "" for anything else."""
    told: str = ""
    """Where no name says so."""


def _ways(stage: Stage, wanted: Sequence[str]) -> Iterator[Fed]:
    options = [_options(stage, p, wanted) for p in wanted]
    rates = [f"{name}={RATE!r}" for name in optional(stage.pair.backward) if name.lower() in RATES]
    for picked in itertools.product(*options):
        upstream = {p.text: p.of for p in picked if p.of}
        labels = {p.text: p.label for p in picked if p.label}
        texts = [p.text for p in picked] + rates
        one_each = len(set(texts)) == len(texts) and len(set(upstream.values())) == len(upstream)
        if (upstream or labels) and one_each:
            told = tuple(p.told for p in picked if p.told)
            yield Fed(f"{stage.pair.b}({', '.join(texts)})", upstream, labels, "", told)


def _of_a_loss(stage: Stage, wanted: Sequence[str]) -> Iterator[Outcome]:
    """A loss layer: nothing is handed back but what the forward was given, if anything."""
    out, b = stage.made.names[0], stage.pair.b
    if len(wanted) not in (0, len(stage.inputs)) or not is_real(stage.made.out):
        return
    call = f"{b}({', '.join(stage.inputs) if wanted else ''})"
    if np.ndim(stage.made.out) == 0:
        yield read(stage, Fed(call, {}, {}, out))
    elif any(by_name.LABELS.match(n) for n in stage.inputs):
        for scalar, how in ((f"np.mean({out})", "mean"), (f"np.sum({out})", "sum")):
            told = (f"the loss is taken to be the {how} of what {stage.pair.f} returns",)
            yield read(stage, Fed(call, {}, {}, scalar, told))


def _is_upstream(name: str, stage: Stage) -> bool:
    if name in stage.inputs or by_name.CACHES.match(name):
        return False
    returned = [own for own in stage.made.own if own]
    return bool(by_name.UPSTREAM.match(name)) or (name not in returned and by_name.belongs(name, returned) is not None)


def _options(stage: Stage, name: str, wanted: Sequence[str]) -> list[_Handed]:
    inputs, made, pair = stage.inputs, stage.made, stage.pair
    if name in inputs:
        # running statistics may go in by the name by which the cache comes out
        returned = [n for n, own in zip(made.names, made.own) if own == name and by_name.CACHES.match(name)]
        return [*map(_Handed, returned), _Handed(name)]
    if name.lower() in RATES and not (len(wanted) == 1 and name.lower() in ("eta", "alpha")):
        return [_Handed(repr(RATE))]
    if by_name.OPTIMIZERS.match(name):
        return [_Handed(OPTIMIZER)]
    if name in made.own and not _is_upstream(name, stage):
        return [_Handed(made.names[made.own.index(name)])]
    adjoint = len(wanted) == 1 and by_name.says_adjoint(pair.b.rpartition(".")[2])
    if by_name.LABELS.match(name) and name not in made.own and not adjoint:
        return [_Handed(by_name.free(name, [*inputs, *made.names]), label=kind) for kind in _kinds(made)]
    upstream = [w for w in wanted if _is_upstream(w, stage)]
    if name in upstream:
        return [_upstream(name, upstream.index(name), made, inputs)]
    labelled = any(map(by_name.LABELS.match, wanted)) and not adjoint
    if not upstream and name == wanted[0] and not labelled:
        return _first(name, wanted, made, inputs, pair)
    if (
        not upstream
        and not labelled
        and by_name.says_backward(pair.b.rpartition(".")[2])
        and _is_left(name, stage, wanted)
    ):
        first = _upstream(name, 0, made, inputs)
        return [_Handed(first.text, first.of, told=f"{name} of {pair.b} is taken for the gradient of {first.of}")]
    rest = made.names[1:]
    if rest and (by_name.CACHES.match(name) or len(rest) == 1):
        return [_Handed(rest[-1])]
    own = by_name.belongs(f"d{name}", [*inputs, *made.names])
    if own is not None:
        return [_Handed(own)]
    return _guessed(name, made, inputs, pair)


def _is_left(name: str, stage: Stage, wanted: Sequence[str]) -> bool:
    """Whether all others that a backward is handed are the forward's own: backward(x, prev)."""
    known = {*stage.inputs, *filter(None, stage.made.own), *stage.made.names}
    return not by_name.CACHES.match(name) and all(w in known for w in wanted if w != name)


def _guessed(name: str, made: Made, inputs: Mapping[str, Any], pair: Pair) -> list[_Handed]:
    one = [n for n, value in inputs.items() if is_real(value)][:1]
    told = f"{name} of {pair.b} is taken for"
    return [
        *(_Handed(n, told=f"{told} {n}, which {pair.f} is given") for n in one),
        _Handed(made.names[0], told=f"{told} {made.names[0]}, which {pair.f} returns"),
    ]


def _kinds(made: Made) -> list[str]:
    """Which labels suit an output: a distribution's are one-hot, a probability's are 0 or 1."""
    out: Any = np.asarray(made.out) if is_real(made.out) else np.zeros(())
    kinds = []
    if out.ndim == 2 and (out >= 0).all() and out.shape[1] > 1 and np.allclose(out.sum(axis=1), 1):
        kinds += ["one_hot", "classes"]
    elif out.ndim == 2 and (out >= 0).all() and out.shape[0] > 1 and np.allclose(out.sum(axis=0), 1):
        kinds += ["one_hot_columns"]
    elif ((out > 0) & (out < 1)).all():
        kinds += ["binary"]
    return [*kinds, "real"]


def _first(name: str, wanted: Sequence[str], made: Made, inputs: Mapping[str, Any], pair: Pair) -> list[_Handed]:
    """The first argument, where none is named like a gradient: handed that in all the same, unless it is the only one
    of what may be a derivative."""
    first = _upstream(name, 0, made, inputs)
    if by_name.says_backward(pair.b.rpartition(".")[2]):
        return [first]
    told = f"{name} of {pair.b} is taken for the gradient of {first.of}"
    return [_Handed(first.text, first.of, told=told)] if len(wanted) > 1 else []


def _upstream(name: str, at: int, made: Made, inputs: Mapping[str, Any]) -> _Handed:
    arrays = [n for n, part in zip(made.names, made.parts) if is_real(part)] or list(made.names[:1])
    own = by_name.belongs(name, [o or "" for o in made.own])
    of = made.names[made.own.index(own)] if own else arrays[min(at, len(arrays) - 1)]
    # not the author's name for it: his functions may bind that anew, and the loss must mean this one
    several = sum(map(is_real, made.parts)) > 1
    return _Handed(by_name.free(f"upstream_{of}" if several else "upstream", [*inputs, *made.names]), of)
