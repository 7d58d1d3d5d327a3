"""Runs a source plain and instrumented, and tells what can be observed of either."""

from __future__ import annotations

import contextlib
import io
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from gradcheck.capture import install
from gradcheck.capture.evaluate import Evaluator
from gradcheck.capture.install import compile_script
from gradcheck.capture.probes import PASSING, Probes, probing
from gradcheck.capture.record import Recorder

CORPUS = Path(__file__).parent / "corpus"


def sources() -> list[Path]:
    """The corpus, as far as this Python can read it."""
    later = [p for p in sorted(CORPUS.glob("py3*.txt")) if sys.version_info >= (3, int(p.name[3:5]))]
    return [*sorted(CORPUS.glob("*.py")), *later]


def modes() -> dict[str, Probes]:
    """Every set of probes that gradcheck installs."""
    # not imported by its name: a list that a module of this project holds is state, put back after every run
    sites = install.SITES
    evaluating = Evaluator(sites, frozenset(), frozenset(), root=dict[str, Any]().get, label=str).probes
    return {
        "passing": PASSING,
        "recording": Recorder(sites).probes(),
        "evaluating": evaluating,
        "evaluating an argument": {**evaluating, "binding": True},
    }


@dataclass(frozen=True)
class Observed:
    """What can be told of a run from outside."""

    result: str
    printed: str
    raised: list[Any]
    names: list[tuple[str, str]]


def plain(text: bytes | str, file: str) -> CodeType:
    return compile(text, file, "exec", dont_inherit=True)


def instrumented(text: bytes | str, file: str) -> CodeType:
    return compile_script(text, file)


def observe(code: CodeType, name: str, probes: Probes = PASSING) -> Observed:
    """Run a module's code and its `main`, in a module of its own."""
    module = ModuleType(name)
    module.__file__ = code.co_filename
    result, raised, printed = None, [], io.StringIO()
    with _imported(module), contextlib.redirect_stdout(printed), probing(probes):
        try:
            exec(code, vars(module))
            if hasattr(module, "main"):
                result = repr(module.main())
        except Exception as error:
            raised = told(error)
    names = [(k, repr(v)) for k, v in vars(module).items() if isinstance(v, (int, float, str, list, tuple, dict, set))]
    return Observed(str(result), printed.getvalue(), raised, [n for n in names if not n[0].startswith("__")])


def told(error: BaseException | None) -> list[Any]:
    """Types, messages and exact places of an error and of what led to it."""
    found = []
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)[1:]
        places = [(f.filename, f.name, f.lineno, f.end_lineno, f.colno, f.end_colno) for f in frames]  # type: ignore[attr-defined]
        found.append((type(error).__name__, str(error), places))
        error = error.__cause__ or error.__context__
    return found


@contextlib.contextmanager
def _imported(module: ModuleType) -> Iterator[None]:
    sys.modules[module.__name__] = module
    try:
        yield
    finally:
        del sys.modules[module.__name__]
