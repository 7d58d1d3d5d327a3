"""Programs from source text: written to a file, imported as a module, opened."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck import conventions
from gradcheck.capture.program import Program, Scalar
from gradcheck.driver import Driver
from gradcheck.target import Target

_numbers = itertools.count()


@contextlib.contextmanager
def imported(folder: Path, text: str | bytes, name: str = "") -> Iterator[ModuleType]:
    """A module of this text, in a folder of its own."""
    name = name or f"subject_{next(_numbers)}"
    home = folder / name
    home.mkdir()
    file = home / f"{name}.py"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.modules.pop(name, None)


def driver(
    module: ModuleType | None, call: str = "train()", *, told: Mapping[str, str] | None = None, **more: Any
) -> Driver:
    """A driver of one call of a module's function."""
    target = Target("subject", module=module, call=call, **more)
    return Driver(target, base_of=lambda name: conventions.bases(name, told))


@contextlib.contextmanager
def opened(folder: Path, text: str | bytes, call: str = "train()", **more: Any) -> Iterator[Program]:
    """The program of one call of a function in this text."""
    with imported(folder, text) as module, driver(module, call, **more).open() as program:
        yield program


def own_loss(program: Program, name: str = "loss") -> None:
    """Take the code's own scalar as the loss."""
    variable = program.variable(name)
    assert variable is not None, f"{name} is no value of the forward: {list(program.variables)}"
    program.with_loss(Scalar(name, {name: variable}, lambda values: values[name]))


def slope(program: Program, name: str, direction: Any = None, step: float = 1e-6) -> float:
    """The loss's derivative along a direction (all ones if none is given), by central differences."""
    variable = program.variable(name)
    assert variable is not None
    v = np.ones_like(variable.array) if direction is None else direction
    values = [program.loss({variable.ref: variable.array + t * v}).value for t in (step, -step)]
    return float((values[0] - values[1]).real / (2 * step))
