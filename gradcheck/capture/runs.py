"""Runs of the user's code: probes installed, roots replaced, and everything as it was afterwards."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from types import GeneratorType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture import state
from gradcheck.capture.ambient import Ambient
from gradcheck.capture.evaluate import Evaluator
from gradcheck.capture.probes import Probes, StopRun, install, installed, is_stop, stands
from gradcheck.capture.record import as_like
from gradcheck.capture.roots import assign, hander, look
from gradcheck.capture.streams import nowhere
from gradcheck.capture.trace import Ref

Array = NDArray[Any]
WORTH_HANDING = 4096
"""Entries of an array from which on it takes longer to copy it than to put it in its place."""


class Runs:
    """Runs one step of the user's as often as it is asked to."""

    def __init__(
        self, entry: Callable[[], object], roots: Mapping[str, state.Root], saved: state.State, is_mine: state.IsMine
    ) -> None:
        self._step = entry
        self._roots = roots
        self._saved = saved
        self._is_mine = is_mine
        self._ambient = Ambient()
        self._nowhere = nowhere()
        self._pristine: dict[str, Array] = {}
        self._moved: set[str] = set()
        """Roots whose own buffer holds other numbers now."""
        self._handers: dict[str, tuple[Callable[[Array], None], Callable[[], None]]] = {}
        self._back: dict[str, Callable[[], None]] = {}
        """What puts a root in its place again from which another has been handed."""

    def entry(self) -> None:
        """The step itself."""
        _exhausted(self._step())

    def run(
        self,
        probes: Probes,
        replace: Mapping[Ref, Array],
        *,
        then: Callable[[], None] | None = None,
        entry: Callable[[], object] | None = None,
        thorough: bool = True,
        edited: Sequence[Any] = (),
        silent: bool = True,
    ) -> BaseException | None:
        """Run the user's code with probes installed, then `then` on what it leaves, and put everything back.

        Everything is compared with what it was if `thorough`, else what has been seen to change: `edited` has.
        """
        before, stderr = installed(), sys.stderr
        undo = [self._replace(ref, np.asarray(a)) for ref, a in replace.items() if isinstance(ref, str)]
        settings = self._ambient.look(thorough)
        try:
            install(probes)
            if silent:
                sys.stderr = self._nowhere
            raised = self._enter(entry or self.entry)
            if then is not None:
                then()
            return raised
        finally:
            install(before)
            sys.stderr = stderr
            self._ambient.put_back(settings)
            for put_back in reversed(undo):
                put_back()
            self._touched(edited)
            self._saved.restore_all() if thorough else self._saved.restore()

    def begin_row(self) -> Callable[[], None]:
        """Before calls of `next`, between which a root may stay as it was moved; what ends the row."""
        before, stderr = installed(), sys.stderr
        sys.stderr = self._nowhere

        def end() -> None:
            install(before)
            sys.stderr = stderr

        return end

    def next(self, run: Evaluator) -> None:
        """One of several runs in a row: what it is seen to change is put back, but for what the row replaces."""
        settings = self._ambient.look(False) if self._ambient.changing else ()
        try:
            if not stands(run.probes):
                install(run.probes)
            try:
                _exhausted(self._step())
            except StopRun:
                pass
            except BaseException as error:
                self._theirs(error)
            run.measure()
        finally:
            if settings:
                self._ambient.put_back(settings)
            if run.edited or self._saved.touched:
                self._touched(run.edited)
                self._saved.restore()

    def _touched(self, edited: Sequence[Any]) -> None:
        for array in edited:
            self._saved.touch(array)

    def _enter(self, entry: Callable[[], object]) -> BaseException | None:
        try:
            entry()
        except StopRun:
            return None
        except BaseException as error:
            return self._theirs(error)
        return None

    def _theirs(self, error: BaseException) -> BaseException | None:
        """An error of the user's code, which ends a run; None for the end itself. Raises what is neither."""
        if isinstance(error, (Exception, SystemExit)) or self._is_mine(type(error)):
            return error
        if not is_stop(error):
            raise error
        return None

    # -- roots

    def reaches(self, replace: Mapping[Ref, Array]) -> bool:
        """Whether the code would see a root's replacement wherever it holds the root: a view can't change its type."""
        for ref, array in replace.items():
            if isinstance(ref, str) and not self.fits(ref, array) and ref in self._viewed:
                return False
        return True

    @functools.cached_property
    def _viewed(self) -> frozenset[str]:
        """Roots that share memory with another array of the state."""
        arrays = {path: r.value for path, r in self._roots.items() if isinstance(r.value, np.ndarray)}
        others = [kept.item for kept in self._saved.kept if isinstance(kept.item, np.ndarray)]
        return frozenset(
            path for path, a in arrays.items() if any(b is not a and np.may_share_memory(a, b) for b in others)
        )

    def fits(self, path: str, array: Array) -> bool:
        """Whether a root's own buffer can hold another value."""
        old = self._roots[path].value
        array_like = isinstance(old, np.ndarray) and old.shape == array.shape and old.dtype == array.dtype
        return array_like and old.flags.writeable

    def move(self, path: str, array: Array) -> None:
        """Write another value into a root's own buffer, so that every alias and view sees it."""
        old = self._roots[path].value
        if path not in self._pristine:
            self._pristine[path] = np.array(old)
        self._moved.add(path)
        np.copyto(old, array)

    def unmoved(self, path: str) -> None:
        """What `move` wrote over, in the place from which another array may have been handed."""
        if path in self._back:
            self._back.pop(path)()
        if path not in self._moved:
            return
        self._moved.remove(path)
        old, kept = self._roots[path].value, self._pristine[path]
        if old.shape != kept.shape:  # the code has given it another one in place
            old.resize(kept.shape, refcheck=False)
        np.copyto(old, kept)

    def handing(self, path: str) -> Callable[[Array], None] | None:
        """What has a root be another array instead of copying that into its own; None where it isn't worth trying.

        It is for large ones that have one place and share their memory with nothing. Whether the code holds the root
        elsewhere as well is for the caller to find out.
        """
        root = self._roots[path]
        own = root.value
        if type(own) is not np.ndarray or own.size < WORTH_HANDING or len(root.places) > 1 or path in self._viewed:
            return None
        if path not in self._handers:
            self._handers[path] = hander(root.places[0])
        (put, back), handed, strides = self._handers[path], self._back, own.strides

        def hand(array: Array) -> None:
            if array.strides != strides:  # sums of another layout are rounded in another order
                array, given = np.empty_like(own), array
                np.copyto(array, given)
            handed[path] = back
            put(array)

        return hand

    def _replace(self, path: str, array: Array) -> Callable[[], None]:
        if self.fits(path, array):
            self.move(path, array)
            return lambda: self.unmoved(path)
        root = self._roots[path]
        old = root.value
        for place in root.places:
            assign(place, as_like(array, old))

        def put_back() -> None:
            for place in root.places:
                assign(place, old)

        return put_back

    def now(self, path: str) -> Callable[[], Any]:
        """What tells what a root holds at the moment."""
        holder, steps = place = self._roots[path].places[0]
        if isinstance(holder, dict) and len(steps) == 1:
            return functools.partial(dict.__getitem__, holder, steps[0])
        return functools.partial(look, place)


def _exhausted(result: object) -> None:
    """A training loop may be a generator, which runs only if someone asks for its values."""
    if isinstance(result, GeneratorType):
        for _ in result:
            pass
