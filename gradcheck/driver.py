"""Drives a target: sets it up at given sizes, opens a Program on it, and puts everything back."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from gradcheck.capture import state
from gradcheck.capture.install import compile_script, instrument, project_modules
from gradcheck.capture.program import BaseOf, Program, quiet
from gradcheck.errors import TargetError, UsageError
from gradcheck.source import told, traced
from gradcheck.target import Target

Array = NDArray[Any]


class Driver:
    """A target with its project instrumented; opens Programs at any sizes, one inside another if need be."""

    def __init__(self, target: Target, *, base_of: BaseOf, output: TextIO | None = None) -> None:
        self.target = target
        self._base_of = base_of
        self._output = output
        self._folder, self._package = _project(target)
        self._instrument()

    def _instrument(self) -> None:
        self._modules = project_modules(self._folder, self._package)
        self._instrumentation = instrument(self._modules)

    @contextlib.contextmanager
    def open(
        self,
        sizes: Mapping[str, int] | None = None,
        *,
        seed: int = 0,
        values: Mapping[str, Array] | None = None,
        dtype: Any = None,
    ) -> Iterator[Program]:
        """A Program of one step at these sizes.

        `values` take the place of inputs and parameters that the setup made, by name; `dtype` casts every floating
        input and parameter. Everything is as it was when the context ends. Raises TargetError when setup fails.
        """
        sizes = {**self.target.sizes, **(sizes or {})}
        names: dict[str, Any] = {**sizes, "seed": seed, **self.target.names}
        with contextlib.ExitStack() as stack:
            stack.enter_context(quiet())
            stack.enter_context(_put_back([vars(m) for m in self._modules], self._is_mine))
            stack.enter_context(_folder_in_path(self._folder))
            self._set_up(names)
            stack.enter_context(self._instrumentation.active())
            program = self._program(names, values or {}, dtype)
            if len(project_modules(self._folder, self._package)) > len(self._modules):
                # the run itself imported more of the project: take that in too
                stack.close()
                self._instrument()
                with self.open(sizes, seed=seed, values=values, dtype=dtype) as program:
                    yield program
                return
            yield program

    def _set_up(self, names: dict[str, Any]) -> None:
        for text, what in ((self.target.imports, "imports"), (self.target.setup, "setup")):
            self._execute(text, f"the {what} of {self.target.name}", names)

    def _execute(self, text: str, what: str, names: dict[str, Any]) -> None:
        if text:
            try:
                exec(_compiled(text, what), vars(self.target.module) if self.target.module else {}, names)
            except (Exception, SystemExit) as error:
                raise TargetError(f"{what} raised {told(error)}\n  {text}\n{traced(error)}".rstrip()) from None

    def _program(self, names: dict[str, Any], values: Mapping[str, Array], dtype: Any) -> Program:
        namespaces = [names, *(vars(m) for m in self._modules)]
        _override(namespaces, self._is_mine, values, dtype)
        return Program(
            self._instrumentation,
            self._entry(names),
            namespaces,
            self._is_mine,
            base_of=self._base_of,
            output=self._output,
        )

    def _entry(self, names: dict[str, Any]) -> Callable[[], object]:
        target, made = self.target, self._instrumentation
        if target.script is not None:
            file = str(target.script.resolve())
            code = compile_script(target.script.read_text(encoding="utf-8-sig"), file, made.sites)

            def run_script() -> None:
                namespace = {"__name__": "__main__", "__file__": file, "__builtins__": __builtins__, **made.installed}
                exec(code, namespace)

            return run_script
        home = vars(target.module) if target.module else {}
        if target.traced:
            code = compile_script(target.call, f"<call of {target.name}>", made.sites)
            return lambda: exec(code, {"__builtins__": __builtins__, **made.installed}, names)
        code = _compiled(target.call, "--call")
        return lambda: exec(code, home, names)

    def _is_mine(self, kind: type) -> bool:
        own = {m.__name__ for m in self._modules} | {"__main__"}
        return getattr(kind, "__module__", None) in own


_NEVER = ("numpy", "scipy", "gradcheck")
"""Rewriting these would put probes into what the probes are made of."""


def _compiled(text: str, what: str) -> Any:
    try:
        return compile(text, f"<{what}>", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise UsageError(f"{what}: {text!r} is not Python: {error.msg}, at column {error.offset}.") from None


def _project(target: Target) -> tuple[Path, str | None]:
    """The folder whose modules are rewritten: the target's top-level package, or the folder of a script or file."""
    if target.script is not None:
        return target.script.resolve().parent, None
    module = target.module
    if module is not None and module.__name__.partition(".")[0] in _NEVER:
        return Path(__file__).parent / "nothing of the user's", None
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        return Path.cwd(), None
    top = module.__name__.partition(".")[0]
    if top != module.__name__ or hasattr(module, "__path__"):
        package = sys.modules.get(top)
        root = getattr(package, "__file__", None) or file
        return Path(root).resolve().parent, top
    return Path(file).resolve().parent, None


def _override(namespaces: list[Any], is_mine: state.IsMine, values: Mapping[str, Array], dtype: Any) -> None:
    missing = set(values)
    for root in state.roots(namespaces, is_mine):
        name = root.path if root.path in values else root.name
        if name in values:
            missing.discard(name)
            _assign(root, values[name])
        elif dtype is not None and isinstance(root.value, np.ndarray) and root.value.dtype.kind == "f":
            _assign(root, root.value.astype(dtype))
    if missing:
        raise UsageError(f"no input or parameter is named {', '.join(sorted(missing))}.")


def _assign(root: state.Root, value: Any) -> None:
    for place in root.places:
        state.assign(place, value)


@contextlib.contextmanager
def _put_back(namespaces: list[dict[str, Any]], is_mine: state.IsMine) -> Iterator[None]:
    saved = state.save(namespaces, is_mine)
    try:
        yield
    finally:
        saved.restore_all()


@contextlib.contextmanager
def _folder_in_path(folder: Path) -> Iterator[None]:
    before = list(sys.path)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before
