"""Rewriting never changes what code computes, in which order, what it raises, and where that is said to come from."""

from __future__ import annotations

import copy
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semantics import Observed, instrumented, modes, observe, plain, sources

from gradcheck.capture.install import _nested, _rewritten
from gradcheck.capture.probes import PASSING, Probes


@pytest.mark.parametrize("mode", modes())
@pytest.mark.parametrize("source", sources(), ids=lambda p: p.name)
def test_nothing_can_be_told_from_outside(source: Path, mode: str) -> None:
    text = source.read_bytes()
    expected = observe(plain(text, str(source)), "corpus")
    assert expected.raised == [], "the corpus itself does not run"
    assert differences(expected, observe(instrumented(text, str(source)), "corpus", modes()[mode])) == {}


def differences(a: Observed, b: Observed) -> dict[str, tuple[Any, Any]]:
    """The fields in which two observations differ, each from where it does."""
    found = {}
    for field in ("result", "printed", "raised", "names"):
        x, y = str(getattr(a, field)), str(getattr(b, field))
        if x != y:
            at = next((i for i, (c, d) in enumerate(zip(x, y)) if c != d), min(len(x), len(y)))
            found[field] = x[max(at - 200, 0) : at + 60], y[max(at - 200, 0) : at + 60]
    return found


def _called(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: function(*args, **kwargs)


MEDDLING: dict[str, Probes] = {
    "a value is copied": {"value": lambda _, v: copy.copy(v)},
    "an attribute's value is copied": {"owned": lambda _, v, o: copy.copy(v)},
    "a property is read": {"owned": lambda _, v, o: (getattr(o, "value", None), v)[1]},
    "what is stored under a key is copied": {"held": lambda _, v: copy.copy(v)},
    "a key is another": {"index": lambda _, key: str(key) + "x"},
    "a sum is another": {"augmented": lambda _, v: v + v},
    "arguments are exchanged": {"binding": True, "arguments": lambda _, *vs: vs[::-1]},
    "an operand is another": {"operand": lambda _, v: v + 1 if isinstance(v, int) else v},
    "a comparison is turned into a bool": {"compared": lambda _, result, *vs: bool(np.all(result))},
    "calls have a frame between": {"kink": lambda _, f, *axis: _called(f)},
    "an edited container is asked": {"seen": lambda _, root, *rest: list(root) if hasattr(root, "keys") else None},
    "what is caught is raised again": {"caught": lambda: (_ for _ in ()).throw(RuntimeError)},
}


@pytest.mark.parametrize("meddling", MEDDLING)
def test_a_probe_that_meddles_is_noticed(meddling: str) -> None:
    for source in sources():
        text = source.read_bytes()
        expected = observe(plain(text, str(source)), "corpus")
        if differences(expected, observe(instrumented(text, str(source)), "corpus", MEDDLING[meddling])):
            return
    pytest.fail(f"the corpus does not notice that {meddling}")


OPERATORS = ["+", "-", "*", "/", "//", "%", "<<", "|", "<", "<=", ">", ">=", "==", "!=", "and", "or", "is", "in"]
NAMES = st.sampled_from(["a", "b", "c"])
LEAVES = st.one_of(
    st.integers(-3, 3).map(lambda n: f"note({n})"),
    st.sampled_from(["1.5", "-0.5", "2", "'t'", "None", "True", "()", "[]"]).map(lambda v: f"note({v})"),
    NAMES,
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.sampled_from(["<", "<=", ">", "=="]), inner, st.sampled_from(["<", ">="]), inner).map(
            lambda t: f"({' '.join(t)})"
        ),
        st.tuples(st.sampled_from(["abs", "max", "min", "round", "sorted", "note", "sum", "any", "len"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(st.sampled_from(["max", "min", "divmod"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        pairs.map(lambda t: f"[{t[0]}, *[{t[1]}]]"),
        pairs.map(lambda t: f"{{{t[0]}: {t[1]}}}"),
        pairs.map(lambda t: f"({t[0]} if {t[1]} else note('else'))"),
        pairs.map(lambda t: f"(lambda x: ({t[0]}, x))({t[1]})"),
        pairs.map(lambda t: f"(lambda x: {t[0]})({t[1]})"),
        pairs.map(lambda t: f"[{t[0]} for c in [{t[1]}, 2.5] if c]"),
        inner.map(lambda e: f"(w := {e})"),
        inner.map(lambda e: f"f'{{{e}}}'" if "'" not in e else e),
        pairs.map(lambda t: f"{t[0]}[{t[1]}]"),
    )


EXPRESSIONS = st.recursive(LEAVES, _larger, max_leaves=6)
TARGETS = st.one_of(
    NAMES,
    st.just("thing.value"),
    st.just("thing.other"),
    EXPRESSIONS.map(lambda e: f"table[{e}]"),
    st.just("a, b"),
    st.just("a, *thing.value"),
    EXPRESSIONS.map(lambda e: f"(a, table[{e}])"),
)
STATEMENTS = st.one_of(
    st.tuples(TARGETS, EXPRESSIONS).map(lambda t: f"{t[0]} = {t[1]}"),
    st.tuples(NAMES, TARGETS, EXPRESSIONS).map(lambda t: f"{t[0]} = {t[1]} = {t[2]}"),
    st.tuples(TARGETS.filter(lambda t: "," not in t), st.sampled_from("+-*/|"), EXPRESSIONS).map(
        lambda t: f"{t[0]} {t[1]}= {t[2]}"
    ),
    st.tuples(TARGETS, EXPRESSIONS).map(lambda t: f"for {t[0]} in {t[1]}: note('body')"),
    EXPRESSIONS.map(lambda e: f"if {e}: note('if')"),
    EXPRESSIONS.map(lambda e: f"return {e}"),
    EXPRESSIONS.map(lambda e: f"return {e}, {e}"),
    EXPRESSIONS.map(lambda e: f"assert {e}, note('said')"),
    EXPRESSIONS.map(lambda e: f"nonlocal_ = [{e}]; del nonlocal_"),
    st.tuples(NAMES, EXPRESSIONS).map(lambda t: f"def inner({t[0]}={t[1]}, *rest): return {t[0]}"),
)
FRAME = """
notes = []
def note(value):
    notes.append(repr(value))
    return value
class Thing:
    def __init__(self):
        self._value = 0
    @property
    def value(self):
        note("read")
        return self._value
    @value.setter
    def value(self, new):
        note("written")
        self._value = new
class Table(dict):
    def __getitem__(self, key):
        note("looked up")
        return dict.get(self, key, 1)
    def __setitem__(self, key, value):
        note("stored")
        dict.__setitem__(self, str(key), value)
def run(a, b=1.5, *, c=[0.5, 2]):
    thing, table = Thing(), Table()
    thing.other = 0
    try:
{body}
    finally:
        note((thing._value, dict.copy(table), sorted(locals())))
def main():
    try:
        return run(2), notes
    except Exception as error:
        return type(error).__name__, str(error), error.__traceback__.tb_next.tb_lineno, notes
"""


@settings(max_examples=120, deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=5), st.sampled_from(sorted(modes())))
def test_random_programs(statements: list[str], mode: str) -> None:
    text = FRAME.replace("{body}", "\n".join(f"        {s}" for s in statements))
    try:
        code = plain(text, "<random>")
    except SyntaxError:
        return  # a walrus in a comprehension's own iterable, and the like
    expected = observe(code, "random_program")
    assert differences(expected, observe(instrumented(text, "<random>"), "random_program", modes()[mode])) == {}


def _library(every: int) -> list[Path]:
    folders = (Path(sysconfig.get_paths()["stdlib"]), Path(np.__file__).parent)
    files = [p for folder in folders for p in sorted(folder.rglob("*.py"))]
    small = [p for p in files if "site-packages" not in p.parts[-4:] and 0 < p.stat().st_size < 20_000]
    return small[::every]


@pytest.mark.parametrize("file", _library(every=60), ids=lambda p: "/".join(p.parts[-2:]))
def test_real_code_is_rewritten(file: Path) -> None:
    """A sample of the standard library and NumPy."""
    text = file.read_bytes()
    try:
        own = plain(text, str(file))
    except (SyntaxError, ValueError):
        pytest.skip("no source of this Python's")
    pairs = _rewritten(str(file), text, None)
    assert sum(len(found) for found in pairs.values()) == sum(1 for _ in _nested(own))
    for found in pairs.values():
        for code, new in found:
            assert _signature(new) == _signature(code)


def _signature(code: CodeType) -> tuple[Any, ...]:
    arguments = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    return code.co_qualname, code.co_firstlineno, code.co_varnames, code.co_freevars, code.co_cellvars, *arguments


def test_the_probes_are_in_nobodys_names() -> None:
    text = "def main():\n    x = max(1.5, 2)\n    return sorted(globals()), sorted(locals()), main.__code__.co_names"
    before = observe(plain(text, "<names>"), "corpus")
    after = observe(instrumented(text, "<names>"), "corpus", PASSING)
    assert eval(after.result)[:2] == eval(before.result)[:2]
