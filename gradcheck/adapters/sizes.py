"""Constructor arguments that say how large something is: each dimension of a world has a size unlike all others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from gradcheck.adapters.worlds import World

_OF = "size sizes dim dims feature features unit units node nodes neuron neurons width len length n".split()


def _words(firsts: str, seconds: Iterable[str], others: str) -> frozenset[str]:
    """Names without underscores: "input" and "size" make inputsize and sizeinput, ninput and numinput."""
    both = {(a, b) for a in firsts.split() for b in seconds}
    joined = {a + b for a, b in both} | {b + a for a, b in both}
    counted = {n + a for n in ("n", "num", "no", "nb") for a in (*firsts.split(), *joined)}
    return frozenset(joined | counted | set(others.split()))


_MAPS = ("channel", "channels", "ch", "maps")
_SYMBOLS = {
    "c": _words("in input c", (*_MAPS, "depth"), "channels numchannels nchannels depth cin"),
    "f": _words("out output", _MAPS, "filters numfilters nfilters kernels numkernels cout"),
    "h": _words(
        "hidden hiddens h hid", _OF, "units nunits numunits neurons nneurons numneurons nh na hidden statesize m h"
    ),
    "out": _words("out output outputs class classes label labels", _OF, "fanout outfeatures ny output outputs nout"),
    "v": frozenset("vocab vocabsize vocabulary vocabularysize dictsize numembeddings v".split()),
    "d": _words(
        "in input inputs inp visible x embed embedding wordvec",
        _OF,
        "fanin infeatures nx input inputs dim size d features numfeatures nfeatures featuredim dmodel modeldim nin"
        " prevunits prevsize inshape",
    ),
}
_LISTS = re.compile(
    r"(layer)?(sizes|dims|dimensions|units|nodes|neurons|structure|topology|architecture|shapes)|layers?"
)
_HIDDEN = re.compile(r"hidden(dims|sizes|units|layers|layersizes)")
_SHAPES = re.compile(r"(input|in|image|x)(shape|dim|size)")


def sizes_of(name: str, names: Sequence[str], world: World) -> list[Any] | None:
    """What an argument may be that says how large something is; [] where this world has no such size.

    None for an argument that says nothing of the kind.
    """
    plain, all_plain = _plain(name), [_plain(n) for n in names]
    dense = "h" in world.sizes
    if _HIDDEN.fullmatch(plain) or _LISTS.fullmatch(plain):
        if plain in ("units", "nodes", "neurons"):
            return [world.sizes["h"], [world.sizes[s] for s in "dhk"]] if dense else []
        chain = "hk" if _HIDDEN.fullmatch(plain) else "dhk"
        return [[world.sizes[s] for s in chain]] if dense else []
    if _SHAPES.fullmatch(plain) and not dense and len(world.alternatives("data")[0]) == 4:
        return [world.alternatives("data")[0][1:]]
    if _SHAPES.fullmatch(plain) and plain.endswith("shape") and dense:
        return [(world.sizes["d"],), world.sizes["d"]]
    symbols = [s for s, known in _SYMBOLS.items() if plain in known]
    if not symbols:
        return None
    symbol = next(
        (s for s in symbols if s in world.sizes or s == "out"), symbols[0]
    )  # n_in counts features, of images channels
    if symbol == "out":
        listed = any(map(_HIDDEN.fullmatch, all_plain))
        symbol = "v" if listed else "k" if any(n in _SYMBOLS["h"] for n in all_plain) else "h"
    if symbol == "d" and not dense:
        symbol = "c"
    return [world.sizes[symbol]] if symbol in world.sizes else []


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
