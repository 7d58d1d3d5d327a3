"""A forward and a backward function, read by the names of their arguments and of what they return."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.adapters import names as by_name
from gradcheck.adapters.inputs import required
from gradcheck.adapters.reading import Outcome, Reading, outcome
from gradcheck.adapters.taking import is_real, leaves_of, shape_of, taken_apart
from gradcheck.adapters.trying import Sandbox, copied

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two functions, under the names by which the driver calls them."""

    forward: Function
    backward: Function
    f: str
    b: str


@dataclass(frozen=True, slots=True)
class Made:
    """What the forward returns, by names that are free in the driver."""

    names: tuple[str, ...]
    parts: tuple[Any, ...]
    own: tuple[str | None, ...]
    """As the function itself writes them."""


def made_by(function: Function, inputs: Mapping[str, Any], result: Any) -> Made:
    """Names for what a forward returned: the author's own where they are free."""
    parts = tuple(result) if isinstance(result, tuple) else (result,)
    own = by_name.returned(function, len(parts))
    names: list[str] = []
    for i, name in enumerate(own):
        fallback = "cache" if i and i == len(parts) - 1 else "out"
        usable = name is not None and name not in inputs and name != "_"
        names.append(by_name.free(str(name) if usable else fallback, [*inputs, *names]))
    return Made(tuple(names), parts, tuple(own))


def upstream_of(made: Made, outputs: Mapping[str, str], seed: int) -> dict[str, Any]:
    """Random gradients of outputs: {"dout": "out"}."""
    rng = np.random.default_rng(seed)
    shapes = {u: np.shape(made.parts[made.names.index(o)]) for u, o in outputs.items()}
    return {u: rng.standard_normal(s) if s else float(rng.standard_normal()) for u, s in shapes.items()}


def outcomes(sandbox: Sandbox, pair: Pair, inputs: Mapping[str, Any], result: Any, seed: int) -> Iterator[Outcome]:
    """Every way in which the backward can be fed from the forward's inputs and results, run once."""
    made = made_by(pair.forward, inputs, result)
    forward = f"{', '.join(made.names)} = {pair.f}({', '.join(inputs)})"
    for arranged in _arranged(pair, inputs, made):
        upstream = upstream_of(made, arranged.upstream, seed)
        yield _taken(sandbox, pair, forward, arranged, inputs, upstream)
    yield from _derivatives(sandbox, pair, forward, made, inputs, seed)


# -- a backward that is handed the upstream gradient


@dataclass(frozen=True, slots=True)
class _Handed:
    """What one argument of the backward may be."""

    text: str
    of: str = ""
    """The output whose gradient it is; "" for anything else."""
    told: str = ""
    """Where no name says so."""


@dataclass(frozen=True, slots=True)
class _Arranged:
    call: str
    upstream: Mapping[str, str]
    """{"dout": "out"}"""
    told: tuple[str, ...]


def _arranged(pair: Pair, inputs: Mapping[str, Any], made: Made) -> Iterator[_Arranged]:
    wanted = required(pair.backward)
    options = [_options(p, wanted, made, inputs, pair) for p in wanted]
    for picked in itertools.islice(itertools.product(*options), 24):
        upstream = {p.text: p.of for p in picked if p.of}
        texts = [p.text for p in picked]
        if upstream and len(set(texts)) == len(texts) and len(set(upstream.values())) == len(upstream):
            yield _Arranged(f"{pair.b}({', '.join(texts)})", upstream, tuple(p.told for p in picked if p.told))


def _is_upstream(name: str, inputs: Mapping[str, Any]) -> bool:
    return name not in inputs and bool(by_name.UPSTREAM.match(name)) and not by_name.CACHES.match(name)


def _options(name: str, wanted: Sequence[str], made: Made, inputs: Mapping[str, Any], pair: Pair) -> list[_Handed]:
    if name in inputs:
        return [_Handed(name)]
    if name in made.own and not _is_upstream(name, inputs):
        return [_Handed(made.names[made.own.index(name)])]
    upstream = [w for w in wanted if _is_upstream(w, inputs)]
    if name in upstream:
        return [_upstream(name, upstream.index(name), made, inputs)]
    if not upstream and name == wanted[0]:
        return _first(name, wanted, made, inputs, pair)
    rest = made.names[1:]
    if rest and (by_name.CACHES.match(name) or len(rest) == 1):
        return [_Handed(rest[-1])]
    one = [n for n, value in inputs.items() if is_real(value)][:1]
    told = f"{name} of {pair.b} is taken for"
    return [
        *(_Handed(n, told=f"{told} {n}, which {pair.f} is given") for n in one),
        _Handed(made.names[0], told=f"{told} {made.names[0]}, which {pair.f} returns"),
    ]


def _first(name: str, wanted: Sequence[str], made: Made, inputs: Mapping[str, Any], pair: Pair) -> list[_Handed]:
    """The first argument, where none is named like a gradient: handed that in all the same, unless it is the only one
    of what may be a derivative."""
    if by_name.says_backward(pair.b):
        return [_upstream(name, 0, made, inputs)]
    first = _upstream(name, 0, made, inputs)
    told = f"{name} of {pair.b} is taken for the gradient of {first.of}"
    return [replace(first, told=told)] if len(wanted) > 1 else []


def _upstream(name: str, at: int, made: Made, inputs: Mapping[str, Any]) -> _Handed:
    arrays = [n for n, part in zip(made.names, made.parts) if is_real(part)] or list(made.names[:1])
    own = by_name.belongs(name, [o or "" for o in made.own])
    of = made.names[made.own.index(own)] if own else arrays[min(at, len(arrays) - 1)]
    return _Handed(by_name.free(name, [*inputs, *made.names]), of)


def _taken(
    sandbox: Sandbox,
    pair: Pair,
    forward: str,
    arranged: _Arranged,
    inputs: Mapping[str, Any],
    upstream: Mapping[str, Any],
) -> Outcome:
    """Run it once to see what the backward returns, and once more with that taken apart."""
    outputs, told = tuple(arranged.upstream.values()), arranged.told
    first = sandbox.run(f"{forward}\n_result = {arranged.call}", {**copied(inputs), **upstream})
    bare = Reading(f"{forward}\n{arranged.call}", outputs, tuple(arranged.upstream), {}, told)
    if not first:
        return Outcome(bare, first, inputs, upstream)
    result = first.names["_result"]
    count = len(result) if isinstance(result, (tuple, list)) else 1
    taken = [*inputs, *upstream, *forward.partition(" = ")[0].split(", ")]
    leaves = {n: eval(at, {}, dict(inputs)) for n, at in leaves_of(inputs).items()}
    apart = taken_apart(arranged.call, result, by_name.returned(pair.backward, count), leaves, taken)
    if apart is None:
        return Outcome(bare, first, inputs, upstream)
    call = "\n".join((forward, *apart.lines))
    return outcome(sandbox, Reading(call, outputs, tuple(upstream), apart.gradients, told), inputs, upstream)


# -- a derivative, which is handed no upstream gradient


def _derivatives(
    sandbox: Sandbox, pair: Pair, forward: str, made: Made, inputs: Mapping[str, Any], seed: int
) -> Iterator[Outcome]:
    """f's derivative: the gradient of a scalar f, a factor entry by entry, or a Jacobian; of x or of f(x)."""
    wanted = required(pair.backward)
    smooth = [n for n, v in inputs.items() if is_real(v)]
    if not smooth or len(wanted) > len(inputs) or not is_real(made.parts[0]):
        return
    of, out = smooth[0], made.names[0]
    if np.ndim(made.parts[0]) == 0 and np.ndim(inputs[of]) > 0:
        yield from _gradient(sandbox, pair, forward, out, inputs)
        return
    upstream = upstream_of(made, {"upstream": out}, seed)
    inside = f"{pair.b} is handed what {pair.f} returns: a derivative in terms of the output"
    plain = f"{pair.b} is taken for the derivative itself" if by_name.says_backward(pair.b) else ""
    for given, told in ((", ".join(list(inputs)[: len(wanted)]), plain), (out, inside)):
        derivative = sandbox.run(f"{forward}\n_result = {pair.b}({given})", copied(inputs)).names.get("_result")
        forms = {np.shape(made.parts[0]): "upstream * {}"}
        forms.setdefault((*np.shape(made.parts[0]), *np.shape(inputs[of])), "np.tensordot(upstream, {}, upstream.ndim)")
        form = forms.get(shape_of(derivative))
        if form is not None and derivative is not None and (told != inside or len(wanted) == 1):
            call = f"{forward}\nd{of} = {form.format(f'{pair.b}({given})')}"
            reading = Reading(call, (out,), ("upstream",), {f"d{of}": of}, (told,) if told else ())
            yield outcome(sandbox, reading, inputs, upstream)


def _gradient(sandbox: Sandbox, pair: Pair, forward: str, out: str, inputs: Mapping[str, Any]) -> Iterator[Outcome]:
    given = ", ".join(inputs)
    arranged = _Arranged(f"{pair.b}({given})", {}, ())
    found = _taken(sandbox, pair, forward, arranged, inputs, {})
    yield Outcome(
        Reading(found.reading.call, (out,), (), found.reading.gradients), found.tried, inputs, {}, found.misfits
    )
