"""Properties that should hold of every network, tried by Hypothesis on networks drawn at any sizes.

run_properties(driver)                       every property, as `gradcheck run` tries them
reproduce("net.py:train", NAME, m=1, h=2)    one property on one network
networks("net.py:train"), network_sizes      strategies for tests of your own
softmax_underflow(program)                   rows of logits for which a softmax is not finite

Names load on first use: a rule that asks about a softmax need not import Hypothesis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcheck.properties.catalogue import NAMES
    from gradcheck.properties.network import Network
    from gradcheck.properties.run import reproduce, run_properties
    from gradcheck.properties.strategies import network_sizes, networks
    from gradcheck.rules.softmax import Softmax, Underflow, softmax_underflow, softmaxes

__all__ = [
    "NAMES",
    "Network",
    "Softmax",
    "Underflow",
    "network_sizes",
    "networks",
    "reproduce",
    "run_properties",
    "softmax_underflow",
    "softmaxes",
]

_HOMES = {
    "gradcheck.properties.catalogue": ("NAMES",),
    "gradcheck.properties.network": ("Network",),
    "gradcheck.properties.run": ("reproduce", "run_properties"),
    "gradcheck.rules.softmax": ("Softmax", "Underflow", "softmax_underflow", "softmaxes"),
    "gradcheck.properties.strategies": ("network_sizes", "networks"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
