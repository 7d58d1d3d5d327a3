"""A run in which some lines compute something else than they are written to: an edit on trial, without recompiling.

This and `install` are the only places that know of the user's frames.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.capture.places import NOTHING, Step
from gradcheck.capture.probes import PASSING, Probes, probing
from gradcheck.capture.record import Recorder, found, written

Scope = dict[str, Any]
"""Every name that a line can read, with what it stands for there."""
LOCAL = "__local__"
"""Under this key, in a scope, which of the names are not the module's."""
Compute = Callable[[Scope, Any, Any], Any]
"""From the line's scope, what the line as it is written computes, and what its target held before, to the value."""


def otherwise(recorder: Recorder, computes: Mapping[int, Compute]) -> Probes:
    """The recorder's probes, but the values of some sites come from `computes`, by the number of the site."""
    probes = recorder.probes()

    def before(site: int, value: Any) -> Any:
        # layers share their lines: layer.W was another array a turn ago
        ways = (recorder.recorded_of(value), recorder.held_before(recorder.sites[site].name))
        return next((np.array(a) for a in ways if a is not None), None)

    def instead(site: int, value: Any, scope: Scope) -> Any:
        with probing(PASSING):  # what a candidate calls is not part of the run
            return computes[site](scope, value, before(site, value))

    def assigned(probe: str) -> Callable[..., Any]:
        def passed(site: int, value: Any, *rest: Any) -> Any:
            if site in computes:
                value = instead(site, value, _scope())
            return probes[probe](site, value, *rest)

        return passed

    def attribute(site: int, owner: Any, name: Any, value: Any) -> tuple[Any, ...]:
        if site in computes:
            value = instead(site, value, _scope())
        three: tuple[Any, ...] = probes["attribute"](site, owner, name, value)
        return three

    def augmented(site: int, value: Any) -> Any:
        if site in computes:
            value = written(instead(site, value, _scope()), value)
        return probes["augmented"](site, value)

    def seen(site: int, root: Any, steps: tuple[Step, ...], rest: tuple[Step, ...]) -> None:
        if site in computes:
            _, _, value, _ = found(recorder.sites[site], root, steps, rest)
            if value is not NOTHING:
                written(instead(site, value, _scope()), value)
        probes["seen"](site, root, steps, rest)

    own = {"value": assigned("value"), "owned": assigned("owned"), "held": assigned("held")}
    return {**probes, **own, "attribute": attribute, "augmented": augmented, "seen": seen}


def _scope() -> Scope:
    """The names of the user's frame that called the probe."""
    frame = sys._getframe(2)
    return {**frame.f_globals, **frame.f_locals, LOCAL: frozenset(frame.f_locals)}
