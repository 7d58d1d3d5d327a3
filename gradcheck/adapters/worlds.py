"""What an argument may be by its name: for each layout that networks are written in, shapes whose sizes all differ.

A world is one such layout: samples as rows, as columns, images, sequences. Within a world every role (data, weight,
bias, ...) has one shape or a few alternatives, in symbols whose sizes belong to the world.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class World:
    """One layout."""

    name: str
    """As the report says it."""
    sizes: Mapping[str, int]
    """Of its symbols."""
    shapes: Mapping[str, str]
    """Role to shapes in symbols, alternatives parted by a bar: "d h | h d"."""
    scalars: Mapping[str, object] = field(default_factory=dict)
    """What arguments that are plain numbers are here, by name."""
    hints: str = ""
    """A pattern: where it is found in the names, this world is tried first."""
    degenerate: bool = False
    """True where it hides bugs: tried only if no other world is taken."""

    def alternatives(self, role: str, layer: int = 1) -> list[Shape]:
        """Shapes for a role, likeliest first; of the second and later layers, in a chain with the first."""
        return [self._shape(one, layer) for one in self.shapes.get(role, "").split("|") if role in self.shapes]

    def _shape(self, text: str, layer: int) -> Shape:
        chain = ["d", "h", "k", "k2", "k3"]
        at = max(min(layer - 1, 2), 0)
        moved = {"d": chain[at], "h": chain[at + 1]} if layer > 1 else {}
        return tuple(int(s) if s.isdigit() else self.sizes[moved.get(s, s)] for s in text.split())


_SIZES = {"n": 5, "d": 4, "h": 3, "k": 6, "k2": 2, "k3": 7, "t": 6, "v": 7}


def _gated(gates: int) -> dict[str, int]:
    return {**_SIZES, "g": gates * _SIZES["h"], "s": _SIZES["h"] + _SIZES["d"]}


_ROWS = {
    "data": "n d",
    "weight": "d h | h d | d 1 | d | n d",
    "bias": "h | 1 h | 1 | 1 d | d | n d",
    "gain": "d | 1 d",
    "state": "n h",
    "input_weight": "d g",
    "state_weight": "h g",
    "output_weight": "h k",
    "output_bias": "k | 1 k",
    "gate_weight": "s h",
    "gate_bias": "h | 1 h",
    "recurrent_bias": "g | 1 g",
    "same": "n d",
    "classes": "n",
}
_ONE_OUTPUT = {**_ROWS, "weight": "d | d 1", "bias": " | 1 | 1 1", "binary": "n | n 1"}
_COLUMNS = {
    "data": "d n",
    "weight": "h d | d h",
    "bias": "h 1 | h",
    "gain": "d 1 | d",
    "state": "h n",
    "input_weight": "g d",
    "state_weight": "h h",
    "output_weight": "k h",
    "output_bias": "k 1",
    "gate_weight": "h s",
    "gate_bias": "h 1",
    "recurrent_bias": "g 1",
    "same": "d n",
    "classes": "n",
}
_SEQUENCE = {**_ROWS, "data": "n t d", "same": "n t d", "classes": "n t | n"}
_STEPS_FIRST = {**_SEQUENCE, "data": "t n d", "same": "t n d"}
_STEPS_LAST = {**_COLUMNS, "data": "d n t", "same": "d n t"}
_IMAGES = {
    "data": "n c i j",
    "weight": "f c p q",
    "bias": "f | f 1 | 1 f",
    "gain": "c | 1 c 1 1",
    "same": "n c i j",
    "classes": "n",
}
_IMAGES_LAST = {
    "data": "n i j c",
    "weight": "p q c f",
    "bias": "1 1 1 f | f",
    "gain": "c | 1 1 1 c",
    "same": "n i j c",
}
_IMAGE = {"data": "c i j", "weight": "f c p q", "bias": "f | f 1", "gain": "c", "same": "c i j"}
_PICTURE = {"data": "i j", "weight": "p q", "bias": "1", "same": "i j"}
_VECTOR = {
    "data": "d",
    "weight": "h d | d h | d",
    "bias": "h | 1",
    "gain": "d",
    "state": "h",
    "input_weight": "g d",
    "state_weight": "g h",
    "output_weight": "k h",
    "output_bias": "k",
    "gate_weight": "h s",
    "gate_bias": "h",
    "recurrent_bias": "g",
    "same": "d",
}
_COLUMN_BY_COLUMN = {**_COLUMNS, "data": "t d 1", "state": "h 1", "same": "t d 1"}
_COLUMN = {**_COLUMNS, "data": "d 1", "state": "h 1", "same": "d 1"}


def _sliding(stride: int, pad: int, height: int, width: int) -> dict[str, object]:
    return {
        **dict.fromkeys(("stride", "strides", "s", "stride_h", "stride_w"), stride),
        **dict.fromkeys(("pad", "padding", "p"), pad),
        **dict.fromkeys(("pool_height", "pool_h", "filter_h", "filter_height", "fh", "hh", "kernel_height"), height),
        **dict.fromkeys(("pool_width", "pool_w", "filter_w", "filter_width", "fw", "ww", "kernel_width"), width),
        **dict.fromkeys(
            ("pool_size", "kernel_size", "filter_size", "ksize", "size", "f", "k", "pool", "window"), height
        ),
    }


_ODD = {"n": 2, "c": 3, "i": 7, "j": 4, "f": 5, "p": 3, "q": 2}
_SQUARE = {**_ODD, "j": 5, "f": 4, "q": 3}
_EVEN = {**_ODD, "i": 6, "j": 4, "q": 3}
_OF_IMAGES = r"conv|pool|spatial|image|im2col|flatten|stride|pad"
_OF_TIME = r"rnn|lstm|gru|recurrent|temporal|sequence|hidden|time"

WORLDS = (
    World("samples as rows", _gated(1), _ROWS),
    World("samples as rows, one output", _gated(1), _ONE_OUTPUT),
    World("samples as columns", _gated(1), _COLUMNS),
    World("samples as rows, four gates", _gated(4), _ROWS, hints="lstm"),
    World("samples as rows, three gates", _gated(3), _ROWS, hints="gru"),
    World("sequences", _gated(1), _SEQUENCE, hints=r"temporal|sequence|attention|^rnn_(forward|backward)|embed"),
    World("sequences, four gates", _gated(4), _SEQUENCE, hints="lstm"),
    World("sequences of columns", _gated(1), _COLUMN_BY_COLUMN, hints=_OF_TIME),
    World("sequences, steps first", _gated(1), _STEPS_FIRST),
    World("sequences, steps last", _gated(1), _STEPS_LAST, hints=r"(rnn|lstm)(?!.*step)"),
    World("images", _ODD, _IMAGES, _sliding(2, 1, 3, 2), _OF_IMAGES),
    World("images, square filters", _SQUARE, _IMAGES, _sliding(2, 1, 3, 3), _OF_IMAGES),
    World("images, step by step", _EVEN, _IMAGES, _sliding(1, 1, 3, 3), _OF_IMAGES),
    World("images, tiled", _EVEN, _IMAGES, _sliding(2, 0, 2, 2), _OF_IMAGES),
    World("images, channels last", _SQUARE, _IMAGES_LAST, _sliding(2, 1, 3, 3), _OF_IMAGES),
    World("images, channels last, tiled", _EVEN, _IMAGES_LAST, _sliding(2, 0, 2, 2), _OF_IMAGES),
    World("one image", _SQUARE, _IMAGE, _sliding(2, 1, 3, 3), _OF_IMAGES),
    World("one image, tiled", _EVEN, _IMAGE, _sliding(2, 0, 2, 2), _OF_IMAGES),
    World("one channel", _SQUARE, _PICTURE, _sliding(1, 1, 3, 3), _OF_IMAGES),
    World("vectors", _gated(1), {**_VECTOR, "data": "d | h | k2", "same": "d | h | k2"}, hints="^of_a_vector"),
    World("one sample as a column", _gated(1), _COLUMN, degenerate=True),
    World("one sample", _gated(1), _VECTOR, degenerate=True),
    World("numbers", _gated(1), dict.fromkeys(_ROWS, ""), degenerate=True),
)

_ROLES = (
    ("labels", r"y|t|labels?|targets?|y_?true|truth|y_?batch|y_?train|y_?hot|one_?hot|ground_?truth|classes|target_?y"),
    ("input_weight", r"w_?x|w_?x_?h|w_?h_?x|w_?a_?x|w_?ih|u|w_?xg|w_?in"),
    ("state_weight", r"w_?h|w_?h_?h|w_?a_?a|w_?rec"),
    ("output_weight", r"w_?y|w_?h_?y|w_?y_?h|w_?y_?a|w_?out|v"),
    ("output_bias", r"b_?y|b_?out"),
    ("gate_weight", r"w_?[fico]"),
    ("gate_bias", r"b_?[fico]"),
    ("recurrent_bias", r"b_?[ha]|b_?x_?h"),
    ("gain", r"gamma|beta|scale|shift|gain|(running|moving|pop)_\w+"),
    ("state", r"\w*prev\w*|[hca]_?0|h|hidden|state|\w*_state|s_?0|h_?t|old_\w+|last_\w+"),
    ("bias", r"b\d*|bias\w*|intercept"),
    ("weight", r"w\d*|weight\w*|theta\w*|kernels?|filters?|embedding\w*|coef\w*|w_\w+"),
    ("data", r"x\w*|inputs?|inp|data|features?|a|z|images?|img|scores?|logits|signal"),
)


def role_of(name: str, others: Sequence[str] = ()) -> tuple[str, int]:
    """The role of an argument and the number of its layer: ("weight", 2) for W2; "same" for what says nothing."""
    role, layer = _by_name(name)
    roles = {_by_name(other)[0] for other in others if other != name}
    recurrent = "state_weight" in roles | {role} and ("state" in roles | {role} or "input_weight" in roles | {role})
    if role == "state" and not roles & {"data", "input_weight", "state_weight"}:
        return "data", layer  # a previous layer's activation is the input where there is no other
    if role == "bias" and recurrent:
        return "recurrent_bias", layer
    if role in ("input_weight", "state_weight", "output_weight") and not recurrent:
        return ("weight" if name[0].lower() == "w" else "same"), layer
    return role, layer


def _by_name(name: str) -> tuple[str, int]:
    plain = re.sub("^(initial|init|test)_", "", name.strip("_").lower())
    digits = re.search(r"(\d+)$", plain)
    bare = plain[: digits.start()].rstrip("_") if digits and not re.fullmatch("[hacs]_?0", plain) else plain
    role = next((role for role, pattern in _ROLES if re.fullmatch(pattern, bare)), "same")
    return role, max(int(digits[1]), 1) if digits else 1


def ordered(hint: str) -> list[World]:
    """Every world, those first whose pattern is found in the hint: names of functions and arguments."""
    return sorted(WORLDS, key=lambda w: (w.degenerate, not (w.hints and re.search(w.hints, hint, re.IGNORECASE))))
