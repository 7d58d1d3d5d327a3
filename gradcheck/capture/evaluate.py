"""Forward runs for the loss alone: values are replaced, what the loss needs is kept, and the run ends with that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.capture.places import NOTHING, Step
from gradcheck.capture.probes import PASSING, Probes, StopRun, ended_at_once, install, stop
from gradcheck.capture.record import Array, Key, as_like, found, written
from gradcheck.capture.rewrite import BINDING, Site
from gradcheck.capture.signature import Kinks
from gradcheck.capture.trace import Scalar


class Evaluator:
    """The probes of runs of one kind. Most values that pass are nobody's business and must cost next to nothing."""

    def __init__(
        self,
        sites: list[Site],
        wanted: frozenset[Key],
        replaced: frozenset[Key],
        root: Callable[[str], Callable[[], Any]],
        label: Callable[[int], str],
    ) -> None:
        self.sites = sites
        self._root = root
        self.wanted = wanted
        self.replace: Mapping[Key, Array] = {}
        self.found: dict[tuple[int, int], Any] = {}
        """What was wanted."""
        self.scalar: Scalar | None = None
        self._computed: list[tuple[str, Key]] = []
        """The names that the scalar has for what is computed."""
        self._held: list[tuple[str, Callable[[], Any]]] = []
        """Its names for roots, and what tells the value of each."""
        self.value: complex | float = np.nan
        """What the scalar came to."""
        self.edited: list[Any] = []
        """Arrays that the code has been seen to edit in place."""
        self.clean = True
        """Whether no run so far has gone on after its end."""
        self._quick = False
        """Whether this run leaves its probes installed, which then have nothing more to look for."""
        self._passed = 0
        """Kinks that it passed before its end."""
        self._sites = frozenset(key.site for key in (*wanted, *replaced))
        self._hot: set[int] = set()
        """Those of them that values are still taken from or replaced at."""
        self.kinks = Kinks(label)
        self._counts: dict[int, int] = {}
        self.after = {**PASSING, **self.kinks.probes()}
        """The probes of what is done with the values that were wanted, in which user code may be called again."""
        self.probes = self._probes()

    def begin(self, scalar: Scalar, replace: Mapping[Key, Array], quick: bool = False) -> None:
        """Forget the last run; in the next one these values are replaced, and this is what they are wanted for.

        After a quick one, of many in a row, the probes stay where they are.
        """
        self._quick = quick and self.clean
        self._hot.update(self._sites)
        self.value = np.nan
        self.replace = replace
        if scalar is not self.scalar:
            self.scalar = scalar
            refs = [(n, v.ref) for n, v in scalar.variables.items()]
            self._computed = [(n, ref) for n, ref in refs if isinstance(ref, Key)]
            self._held = [(n, self._root(ref)) for n, ref in refs if isinstance(ref, str)]
        self.found.clear()
        self.edited.clear()
        self.kinks.begin()
        self._counts.clear()

    def measure(self) -> None:
        """The scalar, of what the run has left; it stays nan where the run didn't get to all of that."""
        found = self.found
        if not self._quick:
            self.clean = self.clean and ended_at_once()
        if self.scalar is not None and len(found) == len(self.wanted):
            del self.kinks.signature[self._passed :]  # what cleans up may pass some that have nothing to do with it
            values: dict[str, Any] = {}
            for n, key in self._computed:
                values[n] = found[key]
            for n, held in self._held:
                values[n] = held()
            if not self._quick:  # what the loss itself computes is probed too: user code called from --loss has kinks
                install(self.after)
            self.value = _scalar_value(self.scalar.function, values)

    def _end(self) -> None:
        """Nothing more is looked for, and StopRun is to be raised, if this doesn't."""
        self._hot.clear()
        self._passed = len(self.kinks.signature)
        if not self._quick:
            stop()

    def _probes(self) -> Probes:
        counts, wanted, kept, needed, hot = self._counts, self.wanted, self.found, len(self.wanted), self._hot

        def value(site: int, value: Any, _: Any = None) -> Any:
            if site not in hot:
                return value
            occurrence = counts.get(site, 0)
            counts[site] = occurrence + 1
            passed = site, occurrence  # equal to its Key, and made in a fraction of the time
            if passed in self.replace:
                value = as_like(self.replace[Key(*passed)], value)
            if passed in wanted:
                kept[passed] = value.copy() if type(value) is np.ndarray else np.array(value)
                if len(kept) == needed:
                    self._end()
                    raise StopRun  # here rather than deeper: each frame on the way out takes its time
            return value

        def attribute(site: int, owner: Any, name: Any, new: Any) -> tuple[Any, ...]:
            return owner, name, value(site, new)

        def augmented(site: int, new: Any) -> Any:
            self.edited.append(new)
            return written(value(site, new), new) if site in hot else new

        def seen(site: int, root: Any, steps: tuple[Step, ...], rest: tuple[Step, ...]) -> None:
            _, _, edited, _ = found(self.sites[site], root, steps, rest)
            self.edited.append(edited)
            if site in hot:
                replacement = value(site, edited)
                if edited is not NOTHING:
                    written(replacement, edited)

        def arguments(site: int, *values: Any) -> tuple[Any, ...]:
            return tuple(value(number, v) for number, v in enumerate(values, site))

        return {
            **PASSING,
            "binding": any(self.sites[site].kind in BINDING for site in self._sites),
            "value": value,
            "owned": value,
            "held": value,
            "attribute": attribute,
            "augmented": augmented,
            "seen": seen,
            "arguments": arguments,
            **self.kinks.probes(),
        }


def _scalar_value(function: Callable[[Mapping[str, Any]], Any], values: Mapping[str, Any]) -> complex | float:
    try:
        result: np.float64 | Array = function(values)
        if type(result) is np.float64:
            return result
        result = np.asarray(result)
    except Exception:  # where the values leave its domain, the loss has none
        return np.nan
    # a NumPy scalar keeps the precision in which the code computed it
    value: complex | float = result.reshape(-1)[0] if result.size == 1 else np.nan
    return value
