"""Drives a target: sets it up at given sizes, opens a Program on it, and puts everything back."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture import ambient, state
from gradcheck.capture.install import compile_script, instrument
from gradcheck.capture.program import FirstRun, Program
from gradcheck.capture.project import functions_in, is_library, owners_in, project_of
from gradcheck.capture.roots import assign, roots
from gradcheck.capture.runs import Runs
from gradcheck.capture.steps import BaseOf
from gradcheck.capture.streams import quiet
from gradcheck.cells import units
from gradcheck.errors import TargetError, UsageError
from gradcheck.patch import read
from gradcheck.source import told, traced
from gradcheck.target import Target

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Staged:
    """A target that is set up and instrumented."""

    runs: Runs
    """Runs it."""
    roots: Mapping[str, state.Root]
    """Its inputs and parameters, by path."""
    names: Mapping[str, Any]
    """The driver's own names."""


class Driver:
    """A target with its project instrumented; opens Programs at any sizes, one inside another if need be.

    `overlay` holds other texts for some of its files, {absolute path: source}: an edit on trial. Functions get their
    bodies from it; what a module does when it is imported is not done again. `without` takes something out of every
    text that runs, and leaves each place where it is. `memory` keeps numeric derivatives for whoever hands it to the
    next driver.
    """

    def __init__(
        self,
        target: Target,
        *,
        base_of: BaseOf,
        output: FirstRun | None = None,
        overlay: Mapping[str, str] | None = None,
        without: Callable[[str], str] | None = None,
        memory: dict[Any, Any] | None = None,
    ) -> None:
        self.target = target
        self.overlay = overlay or {}
        self.without = without
        self._memory = memory
        self._base_of = base_of
        self._output = output
        self._functions = functions_in(target.names.values())
        self._project = project_of(target.module, target.script, self._functions)
        self._modules: list[ModuleType] = []
        self._instrument()

    def edited(self, overlay: Mapping[str, str]) -> Driver:
        """A driver of the same target that runs other texts in place of some files."""
        return self._like({**self.overlay, **overlay}, self.without)

    def less(self, without: Callable[[str], str]) -> Driver:
        """A driver of the same target from whose texts something is taken out, beside what is already."""
        before = self.without
        return self._like(self.overlay, without if before is None else lambda text: without(before(text)))

    def _like(self, overlay: Mapping[str, str], without: Callable[[str], str] | None) -> Driver:
        return Driver(self.target, base_of=self._base_of, overlay=overlay, without=without, memory=self._memory)

    @property
    def _texts(self) -> Mapping[str, str]:
        """What runs in place of files: edits on trial, and in all of them less what is to be taken out."""
        if self.without is None:
            return self.overlay
        whole = [*(m.__file__ for m in self._modules if m.__file__), *self._handed_files()]
        cells = {unit.file for file in whole if file.endswith(".ipynb") for unit in units(Path(file))}
        files = {*self.overlay, *whole} | cells
        texts = {file: self.overlay.get(file) or (source.text if (source := read(file)) else "") for file in files}
        return {file: self.without(text) for file, text in texts.items() if text}

    def _handed_files(self) -> list[str]:
        script = self.target.script
        return [*(f.__code__.co_filename for f in self._functions), *([str(script.resolve())] if script else [])]

    def _instrument(self) -> None:
        self._imported = len(sys.modules)
        # what was known stays: the target goes on with a module that is in sys.modules no longer, or once more
        known = [*self._project.modules(), *self._started(), *self._modules]
        self._modules = list({module.__name__: module for module in known}.values())
        self._defined = self._definitions()
        self._instrumentation = instrument(
            self._modules, [f for f in self._functions if not is_library(f.__module__ or "")], self._texts
        )
        mine = {m.__name__ for m in self._modules} | {f.__module__ for f in self._functions} | {"__main__"}
        self._mine = {name for name in mine if name and not is_library(name)}

    @contextlib.contextmanager
    def open(
        self,
        sizes: Mapping[str, int] | None = None,
        *,
        seed: int = 0,
        values: Mapping[str, Any] | None = None,
        dtype: Any = None,
    ) -> Iterator[Program]:
        """A Program of one step at these sizes.

        `values` take the place of inputs and parameters that the setup made, by name or path, and may be functions of
        those; `dtype` casts every floating input and parameter. Afterwards everything is as it was. Raises TargetError
        when setup fails.
        """
        sizes = {**self.target.sizes, **(sizes or {})}
        with contextlib.ExitStack() as stack:
            names, saved = self._stage(stack, sizes, seed)
            program = self._program(names, values or {}, dtype, saved)
            imported = self._unknown()
            if imported:
                # the run itself imported more of the project: it is imported once more, as it was before the run
                stack.pop_all().close()
                self._import_anew(imported)
                with self.open(sizes, seed=seed, values=values, dtype=dtype) as program:
                    yield program
                return
            yield program

    @contextlib.contextmanager
    def staged(self) -> Iterator[Staged]:
        """The target ready to be run, by this entry or by another, without a Program."""
        with contextlib.ExitStack() as stack:
            names, saved = self._stage(stack, self.target.sizes, 0)
            namespaces = [names, *self._handed(), *(vars(m) for m in self._modules)]
            found = {root.path: root for root in roots(namespaces, self._is_mine)}
            saved = state.save(namespaces, self._is_mine, known=saved)
            yield Staged(Runs(self._entry(names), found, saved, self._is_mine), found, names)

    def _stage(
        self, stack: contextlib.ExitStack, sizes: Mapping[str, int], seed: int
    ) -> tuple[dict[str, Any], state.State]:
        """Import and set up, instrument, and have all of it put back when the stack is left."""
        stack.enter_context(ambient.kept())
        stack.enter_context(quiet())
        self._use_folder()
        names = _Names(vars(self.target.module) if self.target.module else {})
        names.update({**sizes, "seed": seed, **self.target.names})
        self._execute(self.target.imports, f"the imports of {self.target.name}", names)
        if self._unknown() or self._definitions().keys() - self._defined.keys():
            self._instrument()
        given = [dict(self.target.names), *self._handed(), *(vars(m) for m in self._modules)]
        saved = stack.enter_context(_put_back(given, self._is_mine))
        self._execute(self.target.setup, f"the setup of {self.target.name}", names)
        stack.enter_context(self._instrumentation.active())
        return names, saved

    def _started(self) -> list[ModuleType]:
        """The `__main__` of a script that has been run up to its step: it is imported nowhere."""
        return [self.target.module] if self.target.script is not None and self.target.module is not None else []

    def _unknown(self) -> list[ModuleType]:
        if len(sys.modules) == self._imported:  # nothing was imported since this was last asked
            return []
        self._imported = len(sys.modules)
        known = {m.__name__ for m in self._modules}
        return [m for m in self._project.modules() if m.__name__ not in known]

    def _definitions(self) -> dict[int, Any]:
        """The functions and classes that the modules hold, by id: others after a reload."""
        held = (value for module in self._modules for value in list(vars(module).values()))
        return {id(value): value for value in held if issubclass(type(value), (FunctionType, type))}

    def _import_anew(self, modules: list[ModuleType]) -> None:
        with ambient.kept(), quiet():
            self._use_folder()
            for module in modules:
                del sys.modules[module.__name__]
            for module in modules:
                try:
                    importlib.import_module(module.__name__)
                except (Exception, SystemExit):
                    sys.modules[module.__name__] = module
        self._instrument()

    def _use_folder(self) -> None:
        script = self.target.script
        folder = str(self._project.folder if script is None else script.resolve().parent)
        if self.target.script is not None or folder not in sys.path:
            sys.path.insert(0, folder)
        if self.target.folder:
            os.chdir(self.target.folder)

    def _execute(self, text: str, what: str, names: dict[str, Any]) -> None:
        if text:
            try:
                exec(_compiled(text, what), names)
            except (Exception, SystemExit) as error:
                raise TargetError(f"{what} raised {told(error)}\n  {text}\n{traced(error)}".rstrip()) from None

    def _program(self, names: dict[str, Any], values: Mapping[str, Any], dtype: Any, saved: state.State) -> Program:
        namespaces = [names, *self._handed(), *(vars(m) for m in self._modules)]
        _override(roots(namespaces, self._is_mine), values, dtype)
        return Program(
            self._instrumentation,
            self._entry(names),
            namespaces,
            self._is_mine,
            base_of=self._base_of,
            output=self._output,
            known=saved,
            memory=self._memory,
            once=self.target.traced,
        )

    def _handed(self) -> list[dict[str, Any]]:
        """What belongs to the functions that were handed over: the instances of methods, the variables of closures."""
        owned = {type(owner).__name__: owner for owner in owners_in(self.target.names.values())}
        return [owned, {f.__name__: f for f in self._functions if f.__closure__}]

    def _entry(self, names: dict[str, Any]) -> Callable[[], object]:
        entry = self._step(names)
        if self.target.ahead is None:
            return entry
        loss = self.target.ahead(names)
        return lambda: (loss(), entry())

    def _step(self, names: dict[str, Any]) -> Callable[[], object]:
        target = self.target
        if target.step is not None:
            return target.step(self._texts, names)
        if target.script is not None and target.module is None:
            return _script(target.script.resolve(), self._texts)
        if target.traced:
            code = compile_script(target.call, f"<call of {target.name}>")
            return lambda: exec(code, names)
        value = _expression(target.call)
        if value is None:
            code = _compiled(target.call, "--call")
            return lambda: exec(code, names)
        return FunctionType(value, names)  # which takes half the time of eval

    def _is_mine(self, kind: Any) -> bool:
        return getattr(kind, "__module__", None) in self._mine


class _Names(dict[str, Any]):
    """The driver's names, and behind them those of the target's module: comprehensions and lambdas see both."""

    def __init__(self, home: Mapping[str, Any]) -> None:
        super().__init__(__builtins__=__builtins__)
        self._home = home

    def __missing__(self, name: str) -> Any:
        return self._home[name]


def _script(path: Path, overlay: Mapping[str, str]) -> Callable[[], None]:
    codes = [compile_script(overlay.get(unit.file) or unit.text, unit.file) for unit in units(path)]

    def run() -> None:
        before, arguments = sys.modules["__main__"], sys.argv
        module = ModuleType("__main__")
        vars(module).update(__file__=str(path), __builtins__=__builtins__)
        sys.modules["__main__"], sys.argv = module, [str(path)]
        try:
            for code in codes:
                exec(code, vars(module))
        finally:
            sys.modules["__main__"], sys.argv = before, arguments

    return run


def _expression(text: str) -> CodeType | None:
    try:
        return compile(text.strip(), "<--call>", "eval", dont_inherit=True)
    except SyntaxError:
        return None


def _compiled(text: str, what: str) -> CodeType:
    try:
        return compile(text, f"<{what}>", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise UsageError(f"{what}: {text!r} is not Python: {error.msg}, at column {error.offset}.") from None


def _override(found: list[state.Root], values: Mapping[str, Any], dtype: Any) -> None:
    missing = set(values)
    for root in found:
        # the first of a name is the driver's own; a global of another module may share it
        name = root.path if root.path in missing else root.name
        value = values.get(name) if name in missing else None
        if callable(value):
            value = value(root.value)
        if value is None and dtype is not None and isinstance(root.value, np.ndarray) and root.value.dtype.kind == "f":
            value = root.value.astype(dtype)
        if value is not None:
            missing.discard(name)
            for place in root.places:
                assign(place, value)
    if missing:
        raise UsageError(f"no input or parameter is named {', '.join(sorted(missing))}.")


@contextlib.contextmanager
def _put_back(namespaces: list[dict[str, Any]], is_mine: state.IsMine) -> Iterator[state.State]:
    saved = state.save(namespaces, is_mine)
    try:
        yield saved
    finally:
        saved.restore_all()
