"""What is to be checked, and how to drive it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True, slots=True)
class Engine:
    """An autograd engine that a script trains with."""

    kind: type
    """The class of its nodes."""
    module: ModuleType
    """Where that is defined."""
    file: str
    """Where the script calls its backward, as the user would write the path."""
    line: int
    """1-based."""
    used: frozenset[str]
    """The methods that a step calls; with other shapes for their operands as "__add__ broadcast"."""


@dataclass(frozen=True, slots=True)
class Target:
    """A backward pass and how to drive it."""

    name: str
    """As the user named it."""
    module: ModuleType | None = None
    """Where `imports`, `setup` and `call` are run; None for a script that has not been run."""
    script: Path | None = None
    """A file that is run as `__main__`."""
    imports: str = ""
    """Statements run first."""
    setup: str = ""
    """Statements run once, uninstrumented; they see the sizes and `seed`."""
    call: str = ""
    """One step: statements or an expression; what is checked happens in here."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Sizes by symbol; a target that has some can be rebuilt at others."""
    shapes: str = ""
    """Shape conventions, as `--shapes` takes them."""
    inputs: str = ""
    """What it is driven with, in the reader's words; {m} stands for a size."""
    loss: str = "auto"
    """As `--loss` takes it."""
    params: tuple[str, ...] = ()
    """What to check; empty for everything with a gradient."""
    grads: Mapping[str, str] = field(default_factory=dict)
    """Gradient names that no convention covers: {"update_W": "W"}."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """Objects that `call` may name beside those of the module."""
    seeded: bool = False
    """True when another seed makes other inputs, though the sizes are fixed."""
    asks: str = ""
    """Another way to read it that fits as well, and the option that says which is meant."""
    traced: bool = False
    """True when the values that `call` itself assigns are part of the backward pass: a forward/backward pair."""
    step: Callable[[Mapping[str, str], Mapping[str, Any]], Callable[[], object]] | None = None
    """From other texts for some files, and the driver's names, to what runs one step: takes the place of `call`."""
    ahead: Callable[[Mapping[str, Any]], Callable[[], object]] | None = None
    """From the driver's names to what computes a loss ahead of the step, which its callers compute behind it."""
    shorter: Callable[[Collection[int]], AbstractContextManager[str] | None] | None = None
    """From how often lines of a step are passed to what makes it one over a few turns for a while, and tells how."""
    folder: str = ""
    """The folder that is the current one for the step; "" for the one that is."""
    engine: Engine | None = None
    """What it trains with: where it is wrong, its operations are checked."""
    notes: tuple[str, ...] = ()
    """What the reader should know of how it came about."""

    @property
    def redrawable(self) -> bool:
        """Whether another seed makes other numbers."""
        return self.seeded or bool(self.sizes)
