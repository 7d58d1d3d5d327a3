"""The first run of a script: which function or loop holds its training step, by where forward and backward are."""

from __future__ import annotations

import functools
import sys
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from gradcheck.capture.install import SITES, compile_script
from gradcheck.capture.probes import install, installed, is_stop
from gradcheck.capture.program import FirstRun
from gradcheck.capture.project import root_of
from gradcheck.capture.record import Recorder, Value
from gradcheck.capture.steps import BINDS, BaseOf, FirstStep, is_counted
from gradcheck.script.sources import Place, forgotten, fresh, run

_Chain = tuple[tuple[FrameType, int], ...]
"""The user's frames from the outermost to the innermost, each with the line that it is at."""


@dataclass(frozen=True, slots=True)
class Scouted:
    """What the first run has shown."""

    places: tuple[tuple[Place, frozenset[int], frozenset[int]], ...]
    """The functions that hold the step, innermost first, and their lines that were at work: all, and those of the last
    round of forward and backward where there were several; () if none was seen."""
    updated: frozenset[str]
    """Names of what is updated, parameters; where no update was seen, of all that has a gradient."""
    raised: BaseException | None
    """What the script raised."""


@dataclass(slots=True)
class _Watch:
    """Follows a run, and keeps what all of the step's values have in common."""

    step: FirstStep
    files: set[str]
    """The project's own."""
    last: dict[str, _Chain] = field(default_factory=dict)
    """Where each name of the forward was assigned last."""
    common: _Chain | None = None
    lines: dict[FrameType, set[int]] = field(default_factory=dict)
    gradients: set[str] = field(default_factory=set)
    updated: set[str] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)
    latest: dict[FrameType, set[int]] = field(default_factory=dict)
    """The lines since the forward last came round."""
    rounds: bool = False
    """Whether a gradient has come again in that."""
    passed: set[tuple[int, int]] = field(default_factory=set)
    """Sites that have computed a gradient, and for which instance."""
    moved: bool = False
    """Whether something was added to or taken from since the first of them."""
    repeated: bool = False
    """Whether one of them has done so again after that."""
    begun: dict[int, tuple[object, int]] = field(default_factory=dict)
    """By id, arrays that bore a gradient's name and held zeros, and what they held last."""
    unnamed: deque[tuple[Value, _Chain]] = field(default_factory=lambda: deque(maxlen=20_000))
    """What came after the first line that moved something, in code that names no gradient."""

    def __call__(self, value: Value, leaf: Any, base_of: BaseOf) -> bool:
        if self._is_only_looked_at(value, leaf, base_of):
            return False
        binds = value.site.kind in BINDS
        gradient, comes_round = binds and self.step.is_gradient(value, leaf), self.step.comes_round
        if gradient:
            self.rounds = self.rounds or (comes_round and value.name in self.gradients)
            self.gradients.add(value.name)
            self.bases.update(base_of(value.name))
        elif binds and self.common is not None and value.name in self.bases:
            self.updated.add(value.name)
        ends = self.step.ends(value, leaf) or (gradient and self._comes_again((value.site.number, value.owner)))
        if self.step.comes_round and not comes_round:
            self.latest.clear()
        # dy[label] -= 1 makes a gradient, though what it is the gradient of has no name
        moves = value.site.form == "moved" and not is_counted(value) and not base_of(value.name)
        if binds and not gradient and moves:
            self.moved = True
            self.updated.update({value.name} if self.common is not None else ())
        if gradient or (binds and self.common is not None and value.name in self.bases):
            self.meet(self.chain())
        elif binds and self.common is None:
            chain = self.chain()
            self.last.pop(value.name, None)
            self.last[value.name] = chain
            if self.step.moves:
                self.unnamed.append((value, chain))
        return ends

    def _is_only_looked_at(self, value: Value, leaf: Any, base_of: BaseOf) -> bool:
        """Whether a call was handed an array, and has not written a gradient into it."""
        held = self.begun.get(id(leaf))
        if value.site.form == "handed" and held is None:
            return True
        if held is not None or (base_of(value.name) and not value.array.any()):
            self.begun[id(leaf)] = leaf, hash(value.array.tobytes())
        return value.site.form == "handed" and held == self.begun[id(leaf)]

    def _comes_again(self, gradient: tuple[int, int]) -> bool:
        """Whether a line computes its gradient once more after something was moved, be that of any name."""
        self.repeated = self.moved and gradient in self.passed
        self.moved = self.moved and bool(self.passed)  # what was moved before the first one was no parameter
        self.passed.add(gradient)
        return self.repeated

    def settle(self) -> bool:
        """Take all that is known into account; whether a step was seen."""
        if self.step.first_gradient is None:
            return self._of_moves()
        if (
            self.step.cut is None and not self.repeated
        ):  # of a single step, its gradients do not tell where its forward is
            self.meet(self._forward())
        return True

    def _of_moves(self) -> bool:
        """Of a step that names no gradient: all from what a line moved to where it moves that again."""
        if self.step.cut is None or not self.unnamed:
            return False
        again = self.unnamed[-1][0].site.number
        began = next(i for i, (value, _) in enumerate(self.unnamed) if value.site.number == again)
        for value, chain in list(self.unnamed)[began:]:
            self.meet(chain)
            self.updated.update({value.name} if value.site.form == "moved" else ())
        return True

    def _forward(self) -> _Chain:
        """Where the forward was last at work before the first gradient: what gradients belong to, else anything.

        A gradient of a parameter tells only where that was made, which may be long before.
        """
        chains = [c for name, c in self.last.items() if name in self.bases] or list(self.last.values())[-1:]
        return chains[-1] if chains else self.common or ()

    def chain(self) -> _Chain:
        """The user's frames as they are now."""
        found = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename in self.files:
                found.append((frame, frame.f_lineno))
            frame = frame.f_back
        return tuple(reversed(found))

    def meet(self, chain: _Chain) -> None:
        """Only what is on the way to this as well remains in common."""
        for frame, line in chain:
            self.lines.setdefault(frame, set()).add(line)
            self.latest.setdefault(frame, set()).add(line)
        if self.common is None:
            self.common = chain
        else:
            shared = [a for a, b in zip(self.common, chain) if a[0] is b[0]]
            self.common = tuple(shared)


def scout(path: Path, base_of: BaseOf, output: FirstRun | None) -> Scouted:
    """Run the script until its second step comes to a gradient, or to its end. Nothing of it stays imported."""
    base_of = functools.cache(base_of)
    files: set[str] = set()
    watch = _Watch(FirstStep(base_of, {}, lambda _: False), files)

    def watched(value: Value, leaf: Any) -> bool:
        ends = watch(value, leaf, base_of)
        recorder.phase = watch.step.phase
        return ends

    def compiled(text: bytes | str, file: str) -> Any:
        files.add(file)
        return compile_script(text, file)

    recorder = Recorder(SITES, watch=watched, naming=watch.step.naming, keeps=False)
    heard = nullcontext() if output is None else output(lambda: (recorder.passed, watch.step.gradients))
    before = installed()
    raised: BaseException | None = None
    try:
        with forgotten(root_of(path)), heard:
            install(recorder.probes())
            run(path, fresh(path), compiled)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raised = None if is_stop(error) else error
    finally:
        install(before)
    places = _places(watch) if watch.settle() else ()
    parameters = watch.updated or watch.bases
    return Scouted(places, frozenset(name.partition("[")[0] for name in parameters), raised)


def _places(watch: _Watch) -> tuple[tuple[Place, frozenset[int], frozenset[int]], ...]:
    found, latest = [], watch.latest if watch.rounds else {}
    for frame, _ in reversed(watch.common or ()):
        code = frame.f_code
        place = Place(code.co_filename, code.co_qualname, code.co_firstlineno)
        if "<" not in place.function.replace("<module>", "").replace("<locals>", ""):  # lambdas and comprehensions
            found.append((place, frozenset(watch.lines[frame]), frozenset(latest.get(frame, ()))))
    return tuple(found)
