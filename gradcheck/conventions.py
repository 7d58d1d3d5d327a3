"""How people name gradients: which array is whose gradient."""

from __future__ import annotations

import re
from collections.abc import Mapping

_FORMS = (
    re.compile(r"^d(?:[LJE]|loss|Loss|cost)_?d_?(?P<base>\w+)$"),  # dLdW, dL_dW, dJdW, dloss_dW
    re.compile(r"^(?:grad|gradient|nabla|delta|g)_(?P<base>\w+)$"),  # grad_W, nabla_w, delta_W
    re.compile(r"^d_?(?P<base>\w+)$"),  # dW, d_W
    re.compile(r"^(?:grad|nabla)(?P<base>[A-Z]\w*)$"),  # gradW
    re.compile(r"^g(?P<base>[A-Z]\w*)$"),  # gW
    re.compile(r"^(?P<base>\w+?)_(?:grad|gradient|diff|bar)$"),  # W_grad, W_diff, W_bar
)
_INDEXED = re.compile(r"^(?P<name>\w+)(?P<index>(?:\[[^\]]*\])+)$")


def bases(name: str, told: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Names of what `name` may be the gradient of, likeliest first; () where no convention reads it as a gradient.

    >>> bases("dW1"), bases("dL_dW1"), bases("W1_grad"), bases("Z1")
    (('W1', 'w1'), ('W1', 'w1'), ('W1', 'w1'), ())
    >>> bases("update", {"update": "W1"})
    ('W1',)
    """
    if told and name in told:
        return (told[name],)
    indexed = _INDEXED.match(name)
    if indexed:
        return tuple(base + indexed["index"] for base in bases(indexed["name"]))
    found: list[str] = []
    for form in _FORMS:
        match = form.match(name)
        if match:
            base = match["base"]
            found += [b for b in (base, _other_case(base)) if b and b not in found]
    return tuple(found)


def _other_case(base: str) -> str:
    """dw may be W's gradient and dW w's; Z1 and z1 are the same to many authors."""
    return base[0].swapcase() + base[1:] if base[0].isalpha() else ""
