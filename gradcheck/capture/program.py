"""The narrow waist: the user's code, instrumented, able to run again with any value replaced.

Everything after capture knows only this: `trace`, `loss(replace)`, `forward(replace)` and `backward(replace)`.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from dataclasses import replace as replaced
from itertools import dropwhile, takewhile
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture import state
from gradcheck.capture.evaluate import Evaluator
from gradcheck.capture.install import Instrumentation
from gradcheck.capture.otherwise import Compute, otherwise
from gradcheck.capture.pairing import Group, first_update, pair
from gradcheck.capture.rates import rate_in
from gradcheck.capture.record import LARGE, NO_KEY, NOWHERE, Begun, Key, Recorder, StopRun, Value
from gradcheck.capture.rewrite import Site
from gradcheck.capture.roots import roots_and_instances
from gradcheck.capture.runs import Runs
from gradcheck.capture.steps import BaseOf, FirstStep, among_gradients, recomputed
from gradcheck.capture.trace import Ref, Scalar, Trace, Variable
from gradcheck.evaluation import Evaluation

__all__ = ["BaseOf", "FirstRun", "Program", "Ref", "Scalar", "Trace", "Variable"]

Array = NDArray[Any]
_Measured = TypeVar("_Measured")
FirstRun = Callable[[Callable[[], tuple[int, int]]], AbstractContextManager[object]]
"""Entered around the user's code the first time, the only time that its output is heard. It is handed what tells how
many values and how many gradients the code has come to by now, and may end the run by raising what `is_stop` knows."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """How far along its gradient an update goes."""

    name: str
    """lr, self.lr; "" for a number that is written there, or none at all."""
    value: float
    """1 where it is not known."""
    ref: Ref | None
    """How to replace it; None where it can't be."""


class Program:
    """The user's step, ready to run again. Use inside the context that opened it."""

    def __init__(
        self,
        instrumentation: Instrumentation,
        entry: Callable[[], object],
        namespaces: Sequence[state.Names],
        is_mine: state.IsMine,
        *,
        base_of: BaseOf,
        output: FirstRun | None = None,
        known: state.State | None = None,
        memory: dict[Any, Any] | None = None,
        once: bool = False,
    ) -> None:
        self.sites = instrumentation.sites
        self.evaluations = 0
        self.recorded = 0
        """Runs of the forward or of the whole step that recorded everything."""
        self._memory = memory
        self._once = once
        """Whether what is entered is one step: layers that share their lines begin no second one."""
        self.base_of = functools.cache(base_of)
        self._is_mine = is_mine
        self._saved = state.save(namespaces, is_mine, known=known)
        found, self._instances = roots_and_instances(namespaces, is_mine)
        self.roots = {root.path: root for root in found}
        self._runs = Runs(entry, self.roots, self._saved, is_mine)
        self._names: dict[tuple[Key, str], str] = {}
        self._moved: dict[str, Variable] = {}
        self._scalar: Scalar | None = None
        self._labels: dict[int, str] = {}
        self._evaluators: dict[tuple[frozenset[Key], frozenset[Key]], Evaluator] = {}
        self._end: frozenset[Key] = frozenset()
        self._twins: dict[Key, tuple[Key, ...]] = {}
        self._seen: set[frozenset[Ref]] = set()
        self._handed: dict[str, bool] = {}
        """Of large roots, whether the code doesn't mind to be handed another array instead of having it copied."""
        self.held: dict[Key, Array] = {}
        """Values that every run has as the first one drew them."""
        self.loose: frozenset[int] = frozenset()
        """Sites of kinks that are passed on another side each time, whatever is replaced."""
        self.steady = True
        """False where a run differs from the next one all the same."""
        self.trace = self._first_run(output)
        self.files = instrumentation.files | {value.site.file for value in self.trace.values}
        """The files of the user's project, as far as it is imported."""

    # -- running

    def loss(self, replace: Mapping[Ref, Array] | None = None) -> Evaluation:
        """Run the forward with values replaced; the loss there, and the signature of every kink passed."""
        return self.evaluate(self.scalar, replace or {})

    @property
    def scalar(self) -> Scalar:
        """What `loss` is. Raises RuntimeError before `with_loss`."""
        if self._scalar is None:
            raise RuntimeError("with_loss comes first")
        return self._scalar

    def with_loss(self, scalar: Scalar) -> None:
        """From now on `loss` is this scalar; its value as the code stands is `base_value`."""
        self._scalar = scalar
        self.base_value = float(np.real(self.evaluate(scalar, {}).value))

    def evaluate(self, scalar: Scalar, replace: Mapping[Ref, Array]) -> Evaluation:
        """Any scalar of the forward with values replaced. A run that raises or never gets there has the value nan."""
        self.evaluations += 1
        run = self._evaluator(scalar, replace)
        if self._runs.reaches(replace):
            entry = self._runs.entry if run.wanted else _nothing
            refs = frozenset(replace)
            thorough = self._is_new(refs, self.evaluations)
            self._seen.add(refs)
            self._runs.run(run.probes, replace, then=run.measure, entry=entry, thorough=thorough, edited=run.edited)
        return self._came_to(run)

    @contextlib.contextmanager
    def along(self, of: Variable) -> Iterator[Callable[[Array], Evaluation]]:
        """`loss` as a function of one value, for many evaluations in a row: what is around a run is seen to once.

        Nothing else is to be run before the context ends.
        """
        path = of.ref if isinstance(of.ref, str) else None
        runs, scalar, refs, seen = self._runs, self.scalar, frozenset({of.ref}), self._seen
        run = self._evaluator(scalar, {of.ref: of.array})
        held, shape, dtype = self._by_key({}), of.array.shape, of.array.dtype
        quick = bool(run.wanted) and (path is None or runs.fits(path, of.array))

        def loss(a: Array) -> Evaluation:
            number = self.evaluations + 1
            alike = path is None or (a.dtype is dtype and a.shape == shape)
            if not (quick and alike) or number & (number - 1) == 0 or refs not in seen:
                if path is not None:
                    runs.unmoved(path)
                return self.loss({of.ref: a})
            self.evaluations = number
            if move is not None:
                move(a)
            run.begin(scalar, held if path is not None else self._by_key({of.ref: a}), quick=True)
            runs.next(run)
            return Evaluation(run.value, tuple(signature)) if signature is not None else self._came_to(run)

        signature = None if self.loose else run.kinks.signature
        end_row = runs.begin_row()
        try:
            move = self._mover(path, run, held) if path is not None and quick else None
            yield loss
        finally:
            end_row()
            if path is not None:
                runs.unmoved(path)

    def _mover(self, path: str, run: Evaluator, held: Mapping[Key, Array]) -> Callable[[Array], None]:
        """How another value gets into a root: a large one's place may be handed the array itself."""
        runs, scalar = self._runs, self.scalar
        copy = functools.partial(runs.move, path)
        hand = runs.handing(path) if self._handed.get(path, True) else None
        if hand is None or self._handed.get(path):
            return hand or copy

        def came_to(move: Callable[[Array], None]) -> complex | float:
            self.evaluations += 1
            move(moved)
            run.begin(scalar, held)
            runs.next(run)
            runs.unmoved(path)
            return run.value

        # code that holds the root where nobody has looked, or edits it, comes to something else when it is handed over
        value = self.roots[path].value
        moved = _nudged(value)
        same = came_to(copy) == came_to(hand)
        self._handed[path] = same and np.array_equal(moved, _nudged(value))
        return hand if self._handed[path] else copy

    def _evaluator(self, scalar: Scalar, replace: Mapping[Ref, Array]) -> Evaluator:
        keys = self._by_key(replace)
        wanted = frozenset(v.ref for v in scalar.variables.values() if isinstance(v.ref, Key))
        kind = wanted, frozenset(keys)
        run = self._evaluators.get(kind)
        if run is None:
            run = self._evaluators[kind] = Evaluator(self.sites, *kind, self._runs.now, self._label)
        run.begin(scalar, keys)
        return run

    def _came_to(self, run: Evaluator) -> Evaluation:
        signature = run.kinks.signature
        if self.loose:
            loose = set(map(self._label, self.loose))
            signature = [(label, pattern) for label, pattern in signature if label not in loose]
        return Evaluation(run.value, tuple(signature))

    def remembered(self, scalar: Scalar, of: Variable, how: object, measure: Callable[[], _Measured]) -> _Measured:
        """What was measured of a value's derivative before, where the forward was the same, number for number.

        Only programs that were given a memory have one: mutants of a backward pass all have the forward's derivatives.
        """
        if self._memory is None:
            return measure()
        forward = [*self._held, *(_numbers(v.array) for v in (*scalar.variables.values(), of))]
        key = tuple(forward), scalar.expression, self._place(of.ref), how
        if key not in self._memory:
            self._memory[key] = measure()
        found: _Measured = self._memory[key]
        return found

    @functools.cached_property
    def _held(self) -> tuple[int, ...]:
        return tuple(_numbers(np.asarray(root.value)) for root in self.roots.values())

    def _place(self, ref: Ref) -> object:
        if isinstance(ref, str):
            return ref
        site = self.sites[ref.site]
        return site.file, site.span, site.name, site.kind, ref.occurrence

    def seen(self, variables: Iterable[Variable], replace: Mapping[Ref, Array]) -> Mapping[Ref, Any]:
        """What these values come to in a forward with others replaced; empty where it doesn't get to all of them."""
        found: dict[Ref, Any] = {}
        named = {str(i): v for i, v in enumerate(variables)}

        def keep(values: Mapping[str, Any]) -> float:
            found.update({named[i].ref: np.array(value) for i, value in values.items()})
            return 0.0

        self.evaluate(Scalar("", named, keep), replace)
        return found

    def forward(self, replace: Mapping[Ref, Array] | None = None) -> Trace:
        """Run until the loss is known, with values replaced, and record everything."""
        last = list(self._scalar.variables.values())[-1:] if self._scalar else []
        if any(v.ref in self._late for v in last):  # a loss that is written down behind the gradients
            stop = self.trace.values[self.first_gradient].key
            trace = self._record(replace or {}, frozenset({stop}))
            kept = sum(v.key != stop for v in trace.values)
            return replaced(trace, values=trace.values[:kept], objects=trace.objects[:kept])
        return self._record(replace or {}, frozenset(v.ref for v in last if isinstance(v.ref, Key)))

    def backward(
        self, replace: Mapping[Ref, Array] | None = None, computes: Mapping[int, Compute] | None = None
    ) -> Trace:
        """Run the whole step, its update included, with values replaced; what each line computed is recorded first.

        `computes` gives the sites of some lines, by number, another value to compute from what they can see.
        """
        return self._record(replace or {}, self._end, computes)

    def again(self, replace: Mapping[Ref, Array]) -> tuple[dict[str, Array], dict[Key, Array]] | None:
        """The step run a second time where the first one left off.

        The roots in between, and what the second time computes by the keys of the first. None where it can't be: the
        step is one turn of a longer run, or raises.
        """
        if self._end or self.trace.raised is not None:
            return None
        between: dict[str, Array] = {}

        def entry() -> None:
            self._runs.entry()
            now = {path: self._runs.now(path)() for path in self.roots}
            between.update({path: np.array(a) for path, a in now.items() if isinstance(a, np.ndarray)})
            self._runs.entry()

        self.recorded += 2
        recorder = Recorder(self.sites, self._by_key(replace), naming=self._naming)
        if self._runs.run(recorder.probes(), replace, entry=entry) is not None:
            return None
        passed = Counter(v.key.site for v in self.trace.values if v.plain)
        first = {v.key for v in self.trace.values}
        second = ((Key(v.key.site, v.key.occurrence - passed[v.key.site]), v) for v, _ in recorder.values() if v.plain)
        return between, {key: v.array for key, v in second if key in first}

    # -- values

    def variable(self, name: str) -> Variable | None:
        """What `name` stands for in the forward: the last value it had there, or a root."""
        return self.variables.get(name)

    @property
    def forward_values(self) -> tuple[Value, ...]:
        """What was recorded before the first gradient."""
        return self.trace.values[: self.first_gradient]

    def site(self, number: int) -> Site:
        return self.sites[number]

    def _label(self, number: int) -> str:
        """A kink's site as a reader knows it: "line 57: np.maximum(Z, 0)"."""
        label = self._labels.get(number)
        if label is None:
            site = self.sites[number]
            label = self._labels[number] = f"line {site.line}: {site.name}"
        return label

    # -- the first run

    def _first_run(self, output: FirstRun | None, *, silent: bool = False) -> Trace:
        ordered = sorted(self.roots.values(), key=lambda root: not among_gradients(root.path))
        # W1 is the parameter, not the entry of grads; a driver tells paths, layer.W1
        held = {root.path: root.value for root in ordered} | {root.name: root.value for root in ordered}
        step = FirstStep(self.base_of, held, self._changed)
        step.whole = self._once

        def watch(value: Value, leaf: Any) -> bool:
            ends = step.ends(value, leaf) and not self._once
            step.cut = None if self._once else step.cut
            recorder.phase = step.phase
            return ends

        self._begun = self._held_before(step.naming)
        step.borne = {key: v.name for key, (v, _) in self._begun.last.items() if self.base_of(v.name)}
        recorder = Recorder(self.sites, watch=watch, naming=step.naming, begun=self._begun)
        heard = nullcontext() if output is None else output(lambda: (recorder.passed, step.gradients))

        interrupted = False

        def entry() -> None:
            nonlocal interrupted
            try:
                with heard:
                    self._runs.entry()
            except StopRun:
                interrupted = True
                raise

        raised = self._runs.run(recorder.probes(), {}, entry=entry, silent=silent)
        recorded = recorder.values()
        cut = next((i for i, (value, _) in enumerate(recorded) if value.key == step.cut), len(recorded))
        end = step.cut
        if end is None and interrupted:  # it would run on: every later run ends where this one did
            end = next((v.key for v, _ in reversed(recorded) if v.site.kind != "argument"), None)
        self._end = frozenset() if end is None else frozenset({end})
        trace = _trace(recorded[:cut], recorder, raised, step.cut is not None)
        edited = self._saved.edited()
        changed = {id(item) for item in edited}
        self.edited = frozenset(path for path, root in self.roots.items() if id(root.value) in changed)
        """Roots whose array the step changes in place."""
        self.draws = any(not isinstance(item, np.ndarray) for item in edited)
        """Whether the step draws from a random generator of the state."""
        keys = [value.key for value in trace.values]
        self._twins, self._naming = recomputed(trace.values), step.naming
        both = list(zip(trace.values, trace.objects))
        if step.first_gradient is None:
            step.begin(trace.values, first_update(both, step.moves, self.roots, self._instances, self._feeds))
        if step.first_gradient is not None and step.first_gradient not in keys:
            # a loop fills it entry by entry: of all its versions the last is kept
            step.first_gradient = next((key for key in keys if key.site == step.first_gradient.site), None)
        self.first_gradient = keys.index(step.first_gradient) if step.first_gradient in keys else len(keys)
        """Position of the first recorded value that is a gradient of an earlier one."""
        self._late = step.late
        self.next = step.next
        """Where the first gradient of another step is computed, which follows this one in the same turn of a loop."""
        self._before_gradients = step.first_gradient
        pairing = pair(both, step, self.roots, self._instances, self.base_of, self._feeds, self._rests)
        if misread := self._misread(pairing.gradients, step):
            base_of = self.base_of
            self.base_of = functools.cache(lambda name: () if name in misread else base_of(name))
            return self._first_run(None, silent=True)
        self.variables = pairing.variables
        self.rounds = pairing.rounds
        """The forward's values by name, once for each time that the step runs it: one a sample of a loop."""
        self.gradients = pairing.gradients
        """What the code computes that is the gradient of one of them, in order; those that can be judged."""
        named = ((v, g.name) for g in pairing.gradients for v in g.versions)
        self._names = {(v.key, v.path): name for v, name in named if v.name != name or (v.key, v.path) in step.called}
        self.rates = {g.name: self.rate_of(g.versions[0], trace) for g in pairing.gradients if g.moves}
        """By what the updates are divided from which gradients are had, by the gradients' names."""
        self._moved = {g.name: g.of for g in pairing.gradients if g.moves}
        for group in pairing.gradients:
            group.versions = [self._named(v) for v in group.versions]
        return replaced(trace, values=tuple(map(self._named, trace.values)))

    def _held_before(self, naming: Callable[[str, str], str]) -> Begun:
        """The arrays of the roots, as if they had been recorded before the run."""
        owners = {path: owner for owner, path in self._instances.items()}
        held = []
        for root in self.roots.values():
            at = self._saved.arrays.get(id(root.value))
            if at is not None and root.value.size <= LARGE and root.value.dtype.kind == "f":
                owner = owners.get(root.path.rpartition(".")[0], 0)
                name, was = naming(root.path, root.name), self._saved.kept[at].saved[0]
                held.append((Value(name, root.path, NOWHERE, NO_KEY, False, was, id(root.value), owner), root.value))
        return Begun(held)

    def _named(self, value: Value, replace: Mapping[Ref, Array] | None = None) -> Value:
        """The value under the name that tells it from others of its own name; a gradient, of an updated parameter."""
        name = self._names.get((value.key, value.path))
        if name is None or name not in self._moved:
            return value if name is None else replaced(value, name=name)
        of = self._moved[name]
        before = np.asarray((replace or {}).get(of.ref, of.array))
        if before.shape != value.array.shape:  # an edit on trial made another parameter of it
            return replaced(value, name=name, array=np.full(value.array.shape, np.nan))
        return replaced(value, name=name, array=(before - value.array) / self.rates[name].value)

    def _feeds(self, of: Variable, update: Value) -> bool:
        """Whether something that was computed before an update depends on what it updates."""
        before = {(v.key, v.path): v.array for v in self._record({}, frozenset({update.key})).values}
        after = self._record({of.ref: _nudged(of.array)}, frozenset({update.key})).values
        own = (v.key == of.ref or v.identity == of.identity or v.name == of.name or v.key == update.key for v in after)
        return any(
            not is_own and not np.array_equal(v.array, before.get((v.key, v.path), v.array), equal_nan=True)
            for v, is_own in zip(after, own)
        )

    def _misread(self, groups: Iterable[Group], step: FirstStep) -> frozenset[str]:
        """Names of what a loss is computed from that has not the size of a gradient: dp, distances, beside points p."""
        unlike = [g for g in groups if step.late and g.versions[0].array.size not in (1, g.of.array.size)]
        first = {g.name: g.versions[0] for g in unlike if g.versions[0].plain}

        def losses(replace: Mapping[Ref, Array]) -> list[bytes]:
            behind = dropwhile(lambda v: v.key != step.first_gradient, self._record(replace, self._end).values)
            unmoved = takewhile(lambda v: v.site.form != "moved" or self.base_of(v.name), behind)
            return [v.array.tobytes() for v in unmoved if v.key in step.late]

        before = losses({}) if first else []
        return frozenset(name for name, v in first.items() if losses({v.key: _nudged(v.array)}) != before)

    def _rests(self, of: Collection[Variable], made: Collection[Key], sites: Collection[int]) -> bool:
        """Whether what some sites compute first rests on some earlier values that are made of some variables."""

        def run(replace: Mapping[Ref, Array]) -> dict[Key, Array]:
            stop = frozenset({self._before_gradients}) if self._before_gradients is not None else self._end
            return {v.key: v.array for v in self._record(replace, stop).values if v.plain}

        base = run({})
        moved = run({v.ref: _nudged(v.array) for v in of})
        resting = [k for k in made if k in base and k in moved and not np.array_equal(base[k], moved[k])]
        again = run({key: _nudged(base[key]) for key in resting}) if resting else base
        return any(k.site in sites and not np.array_equal(a, base.get(k, a), equal_nan=True) for k, a in again.items())

    def rate_of(self, update: Value, trace: Trace) -> Stepped:
        """The rate of an update, as its line has it."""
        rate = rate_in(update.site)
        before = trace.values[: next(i for i, v in enumerate(trace.values) if v.key == update.key)]
        numbers = [v for v in before if v.name == rate.last and v.array.size == 1 and v.array.dtype.kind == "f"]
        if rate.name and numbers:
            named = numbers[-1]
            return Stepped(rate.name, float(named.array.item()), named.key if named.plain else None)
        held = [r for r in self.roots.values() if rate.name and r.name == rate.last and np.size(r.value) == 1]
        if held:
            return Stepped(rate.name, float(np.asarray(held[0].value).item()), held[0].path)
        return Stepped(rate.name, rate.number, None)

    def _changed(self, names: frozenset[str]) -> bool:
        """Whether a parameter of one of these names is not what it was when the run began."""
        own = (r for r in self.roots.values() if r.name in names and not among_gradients(r.path))
        positions = (self._saved.arrays.get(id(r.value)) for r in own)
        return any(i is not None and not self._saved.kept[i].same() for i in positions)

    # -- running

    def _record(
        self, replace: Mapping[Ref, Array], stop: frozenset[Key], computes: Mapping[int, Compute] | None = None
    ) -> Trace:
        self.recorded += 1
        others = {id(self.roots[ref].value): a for ref, a in replace.items() if isinstance(ref, str)}
        begun = self._begun.with_others(others)
        recorder = Recorder(self.sites, self._by_key(replace), stop, naming=self._naming, begun=begun)
        raised = self._runs.run(otherwise(recorder, computes) if computes else recorder.probes(), replace)
        trace = _trace(recorder.values(), recorder, raised, bool(stop))
        if not self._names:
            return trace
        return replaced(trace, values=tuple(self._named(v, replace) for v in trace.values))

    def _is_new(self, replaced: frozenset[Ref], number: int) -> bool:
        """Whether a run is to be looked at closely: of a kind not seen before, and now and then in any case."""
        return number & (number - 1) == 0 or replaced not in self._seen

    def _by_key(self, replace: Mapping[Ref, Array]) -> dict[Key, Array]:
        """What is replaced at sites, at every place where the code computes it."""
        keys = {**self.held, **{ref: a for ref, a in replace.items() if isinstance(ref, Key)}}
        if not self._twins:
            return keys
        return {**{twin: a for ref, a in keys.items() for twin in self._twins.get(ref, ())}, **keys}


def _nudged(array: Array) -> Array:
    return np.asarray(array + 1e-3 * (np.abs(array) + 1e-3))


def _numbers(array: Array) -> int:
    return hash((array.shape, array.dtype.str, array.tobytes()))


def _nothing() -> None:
    """What has to be run for a loss of roots alone."""


def _trace(recorded: list[tuple[Value, object]], run: Recorder, raised: BaseException | None, cut: bool) -> Trace:
    values, objects = tuple(v for v, _ in recorded), tuple(o for _, o in recorded)
    return Trace(values, tuple(run.kinks.signature), raised, cut or run.ended, objects)
