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
        return self._all(self._data)

    def forward(self, *values: Array) -> float:
        """The loss with these numbers."""
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
        return float(np.sum(getattr(node, self._data)))

    def backward(self) -> tuple[Array, ...]:
        """The gradients that the backward of that loss leaves in each group."""
        with _unseen():
            self._back()
        return self._all(self._grad)

    def _all(self, name: str) -> tuple[Array, ...]:
        held = [[np.asarray(getattr(n, name)) for n in g.nodes] for g in self._groups]
        return tuple(
            np.array(h[0], float) if len(h) == 1 else np.concatenate([a.ravel() for a in h]) * 1.0 for h in held
        )

    def _write(self, group: Group, value: Array) -> None:
        at = 0
        for node in group.nodes:
            old = getattr(node, self._data)
            size = np.size(old)
            part = value.reshape(-1)[at : at + size].reshape(np.shape(old))
            at += size
            if isinstance(old, np.ndarray) and old.dtype.kind == "f":
                old[...] = part
            else:
                setattr(node, self._data, part.copy() if isinstance(old, np.ndarray) else float(part))


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
