"""Environments as gym and gymnasium make them: what is observed and what is rewarded is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.standins.hints import Hints, random

OBSERVED: dict[str, tuple[tuple[int, ...], int]] = {
    "cartpole": ((4,), 2),
    "mountaincar": ((2,), 3),
    "acrobot": ((6,), 3),
    "lunarlander": ((8,), 4),
    "pendulum": ((3,), 1),
    "pong": ((210, 160, 3), 6),
    "breakout": ((210, 160, 3), 4),
}
"""The shape of an observation and the number of actions, by how an environment's name begins."""
LENGTH = 12
"""Steps until an episode ends."""


def contents(_: Hints) -> Mapping[str, Mapping[str, Any]]:
    """What the modules hold, by their names."""
    return {
        "gym": {"make": lambda name, **_: Environment(name, values=4)},
        "gymnasium": {"make": lambda name, **_: Environment(name, values=5)},
    }


class Environment:
    """Whatever is done, an episode takes as long, and what is seen is drawn."""

    def __init__(self, name: str, values: int) -> None:
        low = name.lower().replace("-", "")
        known = next((v for k, v in OBSERVED.items() if low.startswith(k)), None)
        if known is None:
            raise OSError(f"gradcheck has no stand-in for the environment {name!r}")
        self.shape, actions = known
        self._values, self._rng, self._steps = values, random(), 0
        self.observation_space = SimpleNamespace(shape=self.shape, high=np.ones(self.shape), low=-np.ones(self.shape))
        self.action_space = SimpleNamespace(n=actions, shape=(), sample=lambda: int(self._rng.integers(actions)))
        self.env = self.unwrapped = self

    def _seen(self) -> NDArray[Any]:
        if len(self.shape) == 3:
            return self._rng.integers(0, 256, self.shape, dtype=np.uint8)
        return self._rng.normal(0, 0.5, self.shape)

    def reset(self, **_: Any) -> Any:
        self._steps = 0
        return self._seen() if self._values == 4 else (self._seen(), {})

    def step(self, _: Any) -> tuple[Any, ...]:
        self._steps += 1
        ended = self._steps % LENGTH == 0
        reward = float(self._rng.choice([-1.0, 0.0, 1.0]))
        return (self._seen(), reward, ended, *([False] if self._values == 5 else []), {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None  # render, close, seed
