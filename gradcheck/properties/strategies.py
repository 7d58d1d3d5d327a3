"""Hypothesis strategies: sizes, and networks of a target at any sizes."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from gradcheck import conventions
from gradcheck.driver import Driver
from gradcheck.options import Options
from gradcheck.properties.blueprint import Blueprint
from gradcheck.properties.network import Network, network_of
from gradcheck.properties.subject import subject_of
from gradcheck.resolve import resolve
from gradcheck.target import Target

LARGEST = 4
"""Size up to which networks are drawn: a wrong axis shows between 1 and 3, and a person can still work 4."""
_SEED_BITS = 7


def network_sizes(symbols: Iterable[str], max: int = LARGEST) -> st.SearchStrategy[dict[str, int]]:
    """A size from 1 to `max` for each symbol; shrinks towards 1.

    >>> from hypothesis import given, settings
    >>> from gradcheck.properties import network_sizes
    >>> @settings(database=None)
    ... @given(network_sizes(["m", "d", "h"], max=3))
    ... def test_sizes(sizes):
    ...     assert list(sizes) == ["m", "d", "h"] and all(1 <= n <= 3 for n in sizes.values())
    >>> test_sizes()
    """
    if max < 1:
        raise ValueError(f"max: expected a size of 1 or more, got {max}")
    names = list(symbols)
    return st.tuples(*(_up_to(max) for _ in names)).map(lambda sizes: {s: n + 1 for s, n in zip(names, sizes)})


def networks(target: str | Driver, max: int = LARGEST) -> st.SearchStrategy[Network]:
    """Networks of a target at sizes up to `max`, their numbers with two decimals; shrinks towards the smallest.

    `network.values` holds inputs and parameters by name. What the target's own setup has to make (class numbers, rows
    that sum to one) is left out of them.

    >>> from hypothesis import given, settings
    >>> from gradcheck.properties import networks
    >>> from reference_net.corrected import Parameters, forward
    >>> @settings(max_examples=20, database=None, deadline=None)
    ... @given(networks("reference_net"))
    ... def test_probabilities(network):
    ...     x, W1, b1, W2, b2 = (network.values[name] for name in ("x", "W1", "b1", "W2", "b2"))
    ...     A2 = forward(Parameters(W1, b1, W2, b2), x)[3]    # x (m, d) -> A2 (m, c)
    ...     assert abs(A2.sum(axis=1) - 1).max() < 1e-12
    >>> test_probabilities()
    """
    driver = target if isinstance(target, Driver) else driver_of(target)
    return networks_of(subject_of(driver, Options()).blueprint, max)


def driver_of(target: str, options: Options | None = None) -> Driver:
    """A driver for a TARGET text."""
    options = options or Options()
    return driving(resolve(target, call=options.call, shapes=options.shapes), options)


def driving(target: Target, options: Options) -> Driver:
    """A driver for a target."""
    told = {**target.grads, **options.grads}
    return Driver(target, base_of=lambda name: conventions.bases(name, told))


def networks_of(blueprint: Blueprint, max: int = LARGEST) -> st.SearchStrategy[Network]:
    """Networks of a target that is known already."""
    seeds = _up_to(2**_SEED_BITS) if blueprint.seeded else st.just(0)
    return st.builds(lambda sizes, seed: network_of(blueprint, sizes, seed), network_sizes(blueprint.sizes, max), seeds)


def _up_to(count: int) -> st.SearchStrategy[int]:
    """A whole number below `count`, from booleans.

    Hypothesis' own integers are at times taken from constants in the user's source files, so that a run would depend
    on which modules happen to be imported, and every one of them would be parsed first.
    """
    bits = (count - 1).bit_length()
    return st.lists(st.booleans(), min_size=bits, max_size=bits).map(lambda b: _number(b) % count)


def _number(bits: list[bool]) -> int:
    return sum(bit << i for i, bit in enumerate(reversed(bits)))
