"""The narrow waist: the user's code, instrumented, able to run again with any value replaced.

Everything after capture knows only this: `trace`, `loss(replace)`, `forward(replace)` and `backward(replace)`.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture import state
from gradcheck.capture.install import Instrumentation
from gradcheck.capture.record import Evaluator, Key, Recorder, StopRun, Value, as_like
from gradcheck.capture.rewrite import Site
from gradcheck.capture.state import Root
from gradcheck.evaluation import Evaluation

Array = NDArray[Any]
Ref = Key | str
"""A value that can be replaced: a key of a site, or the path of a root of the state."""
BaseOf = Callable[[str], Sequence[str]]
"""Names that a gradient's name may belong to: dW1 -> (W1, w1); () for a name that is no gradient's."""

_BINDS = frozenset({"assign", "augment", "modify", "unpack", "return", "element", "loop"})


@dataclass(frozen=True, slots=True)
class Variable:
    """A value of the forward that can be perturbed."""

    name: str
    """W1, Z1, x."""
    ref: Ref
    """How to replace it."""
    array: Array
    """Its value in the first run."""
    site: Site | None
    """Where it is assigned; None for a root (a parameter, an input)."""
    order: int
    """Position in the trace; -1 for a root."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One run: what was recorded, and how it ended."""

    values: tuple[Value, ...]
    """In the order in which they came into being."""
    signature: tuple[tuple[int, Array], ...]
    """The kinks passed: site number and pattern."""
    raised: BaseException | None = None
    """What the user's code raised; evidence, not an error of the run."""
    unfinished: bool = False
    """True when the run was ended early (second step reached, or too many values)."""
    objects: tuple[object, ...] = ()
    """The recorded values themselves, beside `values`, as the run left them: a copy that differs was edited later."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar function of named values of the forward: the loss."""

    expression: str
    """As the reader would write it."""
    variables: Mapping[str, Variable]
    """What it is a function of, by the names that `function` takes."""
    function: Callable[[Mapping[str, Any]], Any]
    """From their values to the scalar."""


class Program:
    """The user's step, ready to run again. Use inside the context that opened it."""

    def __init__(
        self,
        instrumentation: Instrumentation,
        entry: Callable[[], object],
        namespaces: Sequence[state.Namespace],
        is_mine: state.IsMine,
        *,
        base_of: BaseOf,
        output: TextIO | None = None,
    ) -> None:
        self.instrumentation = instrumentation
        self.sites = instrumentation.sites
        self.evaluations = 0
        self._entry = entry
        self._base_of = base_of
        self._saved = state.save(namespaces, is_mine)
        self.roots = {root.path: root for root in state.roots(namespaces, is_mine)}
        self._scalar: Scalar | None = None
        self._labels: dict[int, str] = {}
        self._end: frozenset[Key] = frozenset()
        self.trace = self._first_run(output)

    # -- running

    def loss(self, replace: Mapping[Ref, Array] | None = None) -> Evaluation:
        """Run the forward with values replaced; the loss there, and the signature of every kink passed."""
        if self._scalar is None:
            raise RuntimeError("with_loss comes first")
        return self.evaluate(self._scalar, replace or {})

    def with_loss(self, scalar: Scalar) -> None:
        """From now on `loss` is this scalar; its value as the code stands is `base_value`."""
        self._scalar = scalar
        self.base_value = float(np.real(self.evaluate(scalar, {}).value))

    def evaluate(self, scalar: Scalar, replace: Mapping[Ref, Array]) -> Evaluation:
        """Any scalar of the forward with values replaced. A run that raises or never gets there has the value nan."""
        self.evaluations += 1
        wanted = {name: v.ref for name, v in scalar.variables.items()}
        run = Evaluator(
            frozenset(r for r in wanted.values() if isinstance(r, Key)),
            {r: a for r, a in replace.items() if isinstance(r, Key)},
        )
        with self._roots_replaced(replace):
            if run.wanted:
                self._run(run.probes())
            values = {name: self._found(ref, run.found) for name, ref in wanted.items()}
            # what the loss itself computes is probed too: user code called from --loss has kinks
            value = np.nan if any(v is None for v in values.values()) else self._scalar_value(scalar, values)
        return Evaluation(value, tuple([(self._label(site), pattern) for site, pattern in run.signature]))

    def forward(self, replace: Mapping[Ref, Array] | None = None) -> Trace:
        """Run until the loss is known, with values replaced, and record everything."""
        keys = [v.ref for v in self._scalar.variables.values()] if self._scalar else []
        return self._record(replace or {}, frozenset(k for k in keys[-1:] if isinstance(k, Key)))

    def backward(self, replace: Mapping[Ref, Array] | None = None) -> Trace:
        """Run the whole step, its update included, with values replaced; what each line computed is recorded first."""
        return self._record(replace or {}, self._end)

    # -- values

    def variable(self, name: str) -> Variable | None:
        """What `name` stands for in the forward: the last value it had there, or a root."""
        return self.variables.get(name)

    def site(self, number: int) -> Site:
        return self.sites[number]

    # -- inside

    def _label(self, number: int) -> str:
        """A kink's site as a reader knows it: "line 57: np.maximum(Z, 0)"."""
        label = self._labels.get(number)
        if label is None:
            site = self.sites[number]
            label = self._labels[number] = f"line {site.line}: {site.name}"
        return label

    def _first_run(self, output: TextIO | None) -> Trace:
        seen: dict[str, set[int]] = {}
        gradients: dict[int, list[set[int]]] = {}
        again: dict[int, int] = {}
        count = 0
        cut: tuple[int, Key] | None = None

        def second_step(value: Value) -> bool:
            """A gradient's line is reached again, after the line of what it is the gradient of was."""
            nonlocal count, cut
            number = value.site.number
            bases = self._base_of(value.name)
            known = [seen[b] for b in bases if b in seen]
            if number in gradients and any(s in again for sites in gradients[number] for s in sites):
                at = min(again[s] for sites in gradients[number] for s in sites if s in again)
                cut = (at, recorder.values[at].key)
                return True
            if known and value.site.kind in _BINDS:
                gradients.setdefault(number, known)
            elif value.site.kind in _BINDS:
                if gradients and any(number in sites for g in gradients.values() for sites in g):
                    again.setdefault(number, count)
                elif not gradients:
                    seen.setdefault(value.name, set()).add(number)
            count += 1
            return False

        recorder = Recorder(self.sites, watch=second_step)
        with contextlib.redirect_stdout(output) if output is not None else contextlib.nullcontext():
            raised = self._run(recorder.probes())
        values = recorder.values
        if cut is not None:
            values = values[: cut[0]]
            self._end = frozenset({cut[1]})
        self._alive = recorder.alive
        trace = Trace(tuple(values), tuple(recorder.signature), raised, cut is not None, tuple(recorder.alive))
        self._saved.restore_all()
        edited = self._saved.edited()
        changed = {id(item) for item in edited}
        self.edited = frozenset(path for path, root in self.roots.items() if id(root.value) in changed)
        """Roots whose array the step changes in place."""
        self.draws = any(not isinstance(item, np.ndarray) for item in edited)
        """Whether the step draws from a random generator of the state."""
        self.first_gradient = self._boundary(trace)
        self.variables = self._variables(trace)
        return trace

    def _boundary(self, trace: Trace) -> int:
        """Position of the first recorded value that is a gradient of an earlier one."""
        names = {root.name for root in self.roots.values()}
        for i, value in enumerate(trace.values):
            if any(base in names for base in self._base_of(value.name)) and value.site.kind in _BINDS:
                return i
            names.add(value.name)
        return len(trace.values)

    def _variables(self, trace: Trace) -> dict[str, Variable]:
        """Every name of the forward, with the value it stood for last."""
        held = {id(r.value): r for r in self.roots.values() if isinstance(r.value, np.ndarray)}
        found: dict[str, Variable] = {}
        for r in self.roots.values():
            found.setdefault(r.name, Variable(r.name, r.path, np.array(r.value), None, -1))
        first: dict[int, Variable] = {}
        for i, value in enumerate(trace.values[: self.first_gradient]):
            root = held.get(value.identity)
            if root is not None and value.site.kind not in ("augment", "modify"):
                known = Variable(value.name, root.path, value.array, None, -1)
            elif (
                value.plain
                and value.site.kind != "argument"
                and (value.identity not in first or value.site.kind in ("augment", "modify"))
            ):
                known = Variable(value.name, value.key, value.array, value.site, i)
                first[value.identity] = known
            elif value.identity in first:
                known = first[value.identity]
                if known.site is not None and known.site.kind in ("return", "element") and value.plain:
                    known = first[value.identity] = Variable(value.name, known.ref, value.array, value.site, i)
            else:
                continue
            if value.site.kind != "return":
                found[value.name] = known
            found.setdefault(value.path, known)
        return found

    def _record(self, replace: Mapping[Ref, Array], stop: frozenset[Key]) -> Trace:
        recorder = Recorder(self.sites, {r: a for r, a in replace.items() if isinstance(r, Key)}, stop)
        with self._roots_replaced(replace):
            raised = self._run(recorder.probes())
        return Trace(tuple(recorder.values), tuple(recorder.signature), raised, bool(stop), tuple(recorder.alive))

    def _run(self, probes: Mapping[str, Callable[..., Any]]) -> BaseException | None:
        raised: BaseException | None = None
        with self.instrumentation.probing(probes):
            try:
                self._entry()
            except StopRun:
                pass
            except (Exception, SystemExit) as error:
                raised = error
        self._saved.restore()
        return raised

    @contextlib.contextmanager
    def _roots_replaced(self, replace: Mapping[Ref, Array]) -> Iterator[None]:
        """Write into the root's own buffer where that holds the new value, so that every alias and view sees it."""
        undo: list[Callable[[], None]] = []
        try:
            for ref, array in replace.items():
                if isinstance(ref, str):
                    undo.append(_replace_root(self.roots[ref], np.asarray(array)))
            yield
        finally:
            for put_back in reversed(undo):
                put_back()

    def _found(self, ref: Ref, found: Mapping[Key, Any]) -> Any:
        if isinstance(ref, Key):
            return found.get(ref)
        holder, steps = self.roots[ref].places[0]
        value = holder
        for step in steps:
            value = value[step] if isinstance(value, (list, tuple, dict)) else getattr(value, step)
        return value

    def _scalar_value(self, scalar: Scalar, values: Mapping[str, Any]) -> complex | float:
        result = np.asarray(scalar.function(values))
        # a NumPy scalar keeps the precision in which the code computed it
        value: complex | float = result.reshape(-1)[0] if result.size == 1 else np.nan
        return value


def _replace_root(root: Root, array: Array) -> Callable[[], None]:
    old = root.value
    if isinstance(old, np.ndarray) and old.shape == array.shape and old.dtype == array.dtype and old.flags.writeable:
        kept = old.copy()
        np.copyto(old, array)
        return lambda: np.copyto(old, kept)
    for place in root.places:
        state.assign(place, as_like(array, old))

    def put_back() -> None:
        for place in root.places:
            state.assign(place, old)

    return put_back


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The user's prints, warnings and questions stay out of a run that is repeated hundreds of times."""
    stdin = sys.stdin
    sys.stdin = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(_Nowhere()):
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stdin = stdin


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)

    def writable(self) -> bool:
        return True
