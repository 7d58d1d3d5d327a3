"""An iteration of a script that trains with an autograd engine, as a function of the numbers in its nodes."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture.probes import PASSING, StopRun, install, installed
from gradcheck.script.nodes import DATA, GRAD, Group, attribute_of

Array = NDArray[Any]


class _Reached(StopRun):
    """Ends an iteration where its backward is called."""


class EngineRun:
    """One iteration as a function of the numbers in its nodes."""

    def __init__(self, entry: Callable[[], object], kind: type, groups: Sequence[Group]) -> None:
        self._entry = entry
        self._groups = groups
        self._home = next(k for k in kind.__mro__ if "backward" in vars(k))
        first = groups[0].nodes[0]
        self._data = attribute_of(first, DATA)
        self._grad = next((n for n in GRAD if hasattr(first, n)), "grad")
        self._back: Callable[[], object] = lambda: None

    def values(self) -> tuple[Array, ...]:
        """The numbers of each group."""
        return tuple(_held(group, self._data).astype(float) for group in self._groups)

    def forward(self, *values: Array) -> np.floating[Any]:
        """The loss with these numbers, in the precision in which the code computes it."""
        for group, value in zip(self._groups, values):
            self._write(group, np.asarray(value))
        reached: list[Any] = []

        def backward(node: Any, *args: Any, **kwargs: Any) -> None:
            reached.append((node, args, kwargs))
            raise _Reached

        own = vars(self._home)["backward"]
        setattr(self._home, "backward", backward)  # noqa: B010  # a class
        try:
            with _unseen():
                self._entry()
        except _Reached:
            pass
        finally:
            setattr(self._home, "backward", own)  # noqa: B010
        if not reached:
            raise RuntimeError("the iteration ends without a backward")
        node, args, kwargs = reached[0]
        self._back = lambda: node.backward(*args, **kwargs)
        total = np.asarray(getattr(node, self._data)).sum()
        return total if isinstance(total, np.floating) else np.float64(total)

    def backward(self) -> tuple[Array, ...]:
        """The gradients that the backward of that loss leaves in each group."""
        with _unseen():
            self._back()
        return tuple(_held(group, self._grad) for group in self._groups)

    def _write(self, group: Group, value: Array) -> None:
        at = 0
        for node in group.nodes:
            old = getattr(node, self._data)
            size = np.size(old)
            part = value.reshape(-1)[at : at + size].reshape(np.shape(old))
            at += size
            is_float = isinstance(old, np.ndarray) and old.dtype.kind == "f"
            if is_float and (old.dtype == part.dtype or old.base is not None):  # a part of another one stays one
                old[...] = part
            else:
                setattr(node, self._data, part.copy() if isinstance(old, np.ndarray) else float(part))


def _held(group: Group, name: str) -> Array:
    """What the nodes of a group hold under a name, a float32 as such: its round-off is known by that."""
    arrays = [np.asarray(getattr(node, name)) for node in group.nodes]
    held = np.array(arrays[0]) if len(arrays) == 1 else np.concatenate([a.ravel() for a in arrays])
    return held if held.dtype.kind == "f" else held.astype(float)


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    """While this holds, nothing but kinks is seen of what the user's code does.

    Nor is garbage collected: nodes hold their parents and are held by closures, so that each look for some would go
    through thousands of objects that are all in use.
    """
    before, collects = installed(), gc.isenabled()
    gc.disable()
    install({**PASSING, **{name: before[name] for name in ("operand", "compared", "kink")}})
    try:
        yield
    finally:
        install(before)
        if collects:
            gc.enable()
