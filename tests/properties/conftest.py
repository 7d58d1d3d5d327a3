"""Networks of tests/properties/nets as targets, each file imported once under a name of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gradcheck.driver import Driver
from gradcheck.properties.strategies import driver_of

NETS = Path(__file__).parent / "nets"
Open = Callable[[str], Driver]


@pytest.fixture(scope="session")
def opened() -> Open:
    """`opened("zoo:regression")` is a driver of that network; each is made once a session."""
    made: dict[str, Driver] = {}

    def driver(name: str) -> Driver:
        file, _, target = name.partition(":")
        if name not in made:
            made[name] = driver_of(name if file == "reference_net" else f"{NETS / file}.py:{target}")
        return made[name]

    return driver
