"""A drawn network: its sizes, a seed, and the numbers that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.properties.blueprint import Blueprint
from gradcheck.properties.drawing import written

WIDTH = 100
"""Columns of a written-out network."""


@dataclass(frozen=True, eq=False)
class Network:
    """One network, small enough to be worked by hand; `str` writes it out."""

    sizes: Mapping[str, int]
    """Size by symbol."""
    seed: int
    """What the numbers are drawn from."""
    values: Mapping[str, Any]
    """Inputs and parameters by name."""

    @property
    def key(self) -> tuple[tuple[int, ...], int]:
        """What tells it from other networks of the same target."""
        return tuple(self.sizes.values()), self.seed

    def __str__(self) -> str:
        head = " ".join(f"{symbol}={size}" for symbol, size in self.sizes.items())
        return "\n".join([f"{head or 'at its own inputs,'} seed {self.seed}", *written_out(self.values)])

    __repr__ = __str__


def network_of(blueprint: Blueprint, sizes: Mapping[str, int], seed: int) -> Network:
    """The network of these sizes and this seed."""
    return Network(dict(sizes), seed, blueprint.values(sizes, seed))


def written_out(values: Mapping[str, Any]) -> list[str]:
    """Lines of `name = value`, as many to a line as fit."""
    lines: list[str] = []
    for name, value in values.items():
        item = f"{name} = {written(np.asarray(value))}"
        if lines and len(lines[-1]) + 2 + len(item) <= WIDTH:
            lines[-1] += "  " + item
        else:
            lines.append(item)
    return lines
