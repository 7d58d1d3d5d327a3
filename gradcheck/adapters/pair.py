"""A forward/backward pair of functions, as a target: the driver hands the cache on and draws the upstream gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.adapters.inputs import home_of, input_names, random_inputs, required
from gradcheck.errors import UsageError
from gradcheck.target import Target


def pair(
    text: str,
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    shapes: str = "",
    cache: bool = True,
) -> Target:
    """A forward/backward pair: `out[, cache] = forward(x, ...)`, `dx, ... = backward(dout[, cache])`.

    Its inputs are `args`, or are drawn by the `shapes` of the forward's arguments; the upstream gradient is random.
    With `cache` False the backward is handed the inputs. The driver is code like any other: what it assigns is seen.
    """
    names = input_names(forward, args)
    given = ", ".join(names)
    module = next((m for f in (backward, forward) if (m := home_of(f)) is not None), None)
    drivers = _PairDrivers(forward, backward, dict(kwargs or {}), names, args, cache, text, shapes)
    return Target(
        text,
        module=module,
        setup=f"{given}{',' if len(names) == 1 else ''} = _draw(seed)\ndout = _upstream(({given},), seed)",
        call=f"out, cache = _forward({given})\n{', '.join(f'd{n}' for n in names)}{',' if len(names) == 1 else ''}"
        f" = _backward(dout, cache, ({given},))",
        loss="(out * dout).sum()",
        names={
            "_draw": drivers.draw,
            "_upstream": drivers.upstream,
            "_forward": drivers.forward,
            "_backward": drivers.backward,
            **owners(forward, backward),
        },
        shapes=shapes,
        seeded=True,
        traced=True,
    )


def owners(*functions: Callable[..., Any]) -> dict[str, Any]:
    """The objects whose methods are driven: their state is the user's, and is put back."""
    found = {id(o): o for f in functions if (o := getattr(f, "__self__", None)) is not None}
    return {("self" if i == 0 else f"self{i}"): o for i, o in enumerate(found.values())}


@dataclass(frozen=True, slots=True)
class _PairDrivers:
    """What drives a pair, whatever it returns: a bare output, a cache or none, gradients in a tuple or a dict."""

    f: Callable[..., Any]
    b: Callable[..., Any]
    kwargs: Mapping[str, Any]
    names: Sequence[str]
    args: Sequence[Any] | None
    cache: bool
    text: str
    shapes: str

    def draw(self, seed: int) -> tuple[Any, ...]:
        """The inputs: copies of what was given, or drawn from the standard normal."""
        if self.args is not None:
            return tuple(np.array(a) if isinstance(a, (np.ndarray, list)) else a for a in self.args)
        return random_inputs(self.names, self.shapes, self.text, seed)

    def upstream(self, inputs: tuple[Any, ...], seed: int) -> Any:
        """A random gradient of the output's shape."""
        out, _ = self.forward(*(np.array(i) if isinstance(i, np.ndarray) else i for i in inputs))
        return np.random.default_rng(seed).standard_normal(np.shape(out))

    def forward(self, *inputs: Any) -> tuple[Any, Any]:
        """(output, cache) of a forward that returns either the output or both."""
        result = self.f(*inputs, **self.kwargs)
        if self.cache and isinstance(result, tuple) and len(result) == 2:
            out, cache = result
        else:
            out, cache = result, None
        if not isinstance(out, (np.ndarray, np.generic, float)):
            raise UsageError(
                f"{self.text}: the forward returned {type(out).__name__}, expected an array, or (array, cache)."
            )
        return np.asarray(out) if isinstance(out, float) else out, cache

    def backward(self, dout: Any, cache: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """One gradient for each input, in order; None for one that the backward does not compute."""
        second: tuple[Any, ...] = (
            inputs if not self.cache else () if cache is None and len(required(self.b)) < 2 else (cache,)
        )
        result = self.b(dout, *second)
        if isinstance(result, dict):
            return tuple(result.get(f"d{n}", result.get(n)) for n in self.names)
        found = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        smooth = [np.asarray(value).dtype.kind in "fc" for value in inputs]
        if len(found) == sum(smooth) < len(inputs):  # indices have no gradient, and most backwards return none
            left = iter(found)
            return tuple(next(left) if has else None for has in smooth)
        if len(found) != len(self.names):
            raise UsageError(
                f"{self.text}: the backward returned {len(found)} gradients for the {len(self.names)} inputs"
                f" {', '.join(self.names)}; expected one for each, in that order, or a dict by name."
            )
        return found
