"""Runs know nothing of each other, and a loss with a value replaced is what an independent implementation computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import opened, own_loss

from gradcheck import conventions
from gradcheck.capture import runs
from gradcheck.capture.program import Program, Scalar, Trace
from gradcheck.driver import Driver
from gradcheck.evaluation import Evaluation
from gradcheck.loss.choose import of_expression
from gradcheck.resolve import resolve

Values = Mapping[str, np.ndarray]


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def reference(values: dict[str, np.ndarray], given: Values) -> float:
    """The founding network in other words: what is given takes the place of what would be computed."""
    v = {**values, **given}

    def of(name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        v[name] = given[name] if name in given else compute()
        return v[name]

    of("Z1", lambda: np.einsum("md,dh->mh", v["x"], v["W1"]) + v["b1"])
    of("A1", lambda: np.where(v["Z1"] > 0, v["Z1"], 0))
    of("Z2", lambda: np.einsum("mh,hc->mc", v["A1"], v["W2"]) + v["b2"])
    of("A2", lambda: softmax(v["Z2"]))
    return float(-(v["y"] * np.log(v["A2"])).sum() / len(v["x"]))


@pytest.fixture(params=["reference_net:original", "reference_net:corrected"])
def program(request: pytest.FixtureRequest) -> Iterator[Program]:
    driver = Driver(resolve(request.param), base_of=conventions.bases)
    with driver.open({"m": 7, "d": 12, "h": 5, "c": 4}) as found:
        found.with_loss(of_expression(found, "-(y * np.log(A2)).sum() / len(y)", {}))
        yield found


NAMES = ("x", "y", "W1", "b1", "W2", "b2", "Z1", "A1", "Z2", "A2")


def test_the_loss_is_the_independent_one(program: Program) -> None:
    values = {n: v.array for n in NAMES if (v := program.variable(n)) is not None}
    assert set(values) == set(NAMES)
    rng = np.random.default_rng(0)
    assert program.loss().value == pytest.approx(reference(values, {}), rel=1e-13)
    for name in NAMES:
        variable = program.variable(name)
        assert variable is not None
        for size in (1e-6, 0.01, 0.5):
            moved = np.abs(values[name] + size * rng.standard_normal(values[name].shape))
            got = program.loss({variable.ref: moved})
            assert got.value == pytest.approx(reference(values, {name: moved}), rel=1e-12), name
            assert got.value != program.loss().value


def test_several_replaced_at_once(program: Program) -> None:
    values = {n: v.array for n in NAMES if (v := program.variable(n)) is not None}
    given = {n: np.abs(values[n] * 1.1 + 0.01) for n in ("W1", "b2", "A1", "y")}
    refs = {program.variables[n].ref: a for n, a in given.items()}
    assert program.loss(refs).value == pytest.approx(reference(values, given), rel=1e-12)


def test_runs_are_independent(program: Program) -> None:
    first = program.loss()
    kept = {path: np.array(r.value) for path, r in program.roots.items()}
    for name in NAMES:
        variable = program.variables[name]
        array = variable.array
        for replacement in (array + 1, array * np.nan, array.astype(complex) + 1e-20j, np.zeros((2, 2, 2)), array + 1):
            for run in (program.loss, program.forward, program.backward):
                run({variable.ref: replacement})
                again = program.loss()
                assert again.value == first.value, (name, replacement.shape)
                assert [s for s, _ in again.signature] == [s for s, _ in first.signature]
    assert all(np.array_equal(program.roots[path].value, before) for path, before in kept.items())


def test_the_complex_step(program: Program) -> None:
    """Im f(x + ihv)/h is the derivative to the last digit, through every replaced value."""
    rng = np.random.default_rng(1)
    for name in ("x", "W1", "b1", "W2", "b2", "Z1", "A1", "Z2"):
        variable = program.variables[name]
        v = rng.standard_normal(variable.array.shape)
        exact = program.loss({variable.ref: variable.array + 1e-20j * v}).value.imag / 1e-20
        near = [program.loss({variable.ref: variable.array + t * v}).value.real for t in (1e-5, -1e-5)]
        assert exact == pytest.approx((near[0] - near[1]) / 2e-5, rel=1e-5), name


HEAD = """
import numpy as np
rng = np.random.default_rng(0)
x, y, W, b = rng.standard_normal((5, 3)), rng.standard_normal((5, 2)), rng.standard_normal((3, 2)), np.ones(2)
"""
TAIL = """
    loss = ((Z - y) ** 2).sum() / 2
    dZ = Z - y
    dW = x.T @ dZ
    db = dZ.sum(axis=0)
"""
STATEFUL = {
    "nothing": "def train():\n    Z = x @ W + b",
    "a counter": "n = 0\ndef train():\n    global n\n    n += 1\n    Z = x @ W * n + b",
    "a list that grows": "seen = []\ndef train():\n    seen.append(1)\n    Z = x @ W * len(seen) + b",
    "a running mean": "m = np.zeros(2)\ndef train():\n    global m\n    m = 0.9 * m + 0.1 * b\n    Z = x @ W + b + m",
    "a running mean in place": "m = np.zeros(2)\ndef train():\n    m[:] = 0.9 * m + b\n    Z = x @ W + b + m",
    "momentum from zero": "v = np.zeros(2)\ndef train():\n    global v\n    np.multiply(v, 0.9, out=v)\n"
    "    v += b\n    Z = x @ W + v",
    "a default": "def train(seen=[]):\n    seen.append(1)\n    Z = x @ W * len(seen) + b",
    "a closure": "def make():\n    n = 0\n    def step():\n        nonlocal n\n        n += 1\n        return n\n"
    "    return step\nstep = make()\ndef train():\n    Z = x @ W * step() + b",
    "a class attribute": "class C:\n    n = 0\ndef train():\n    C.n += 1\n    Z = x @ W * C.n + b",
    "a function's attribute": "def train():\n    train.n = getattr(train, 'n', 0) + 1\n    Z = x @ W * train.n + b",
    "the legacy generator": "def train():\n    Z = x @ W + b + np.random.standard_normal(2)",
    "Python's generator": "import random\ndef train():\n    Z = x @ W + b + random.random()",
    "a generator": "def train():\n    Z = x @ W + b + rng.standard_normal(2)",
    "a seed in the code": "def train():\n    np.random.seed(3)\n    Z = x @ W + b + np.random.standard_normal(2)",
    "the input normalised in place": "def train():\n    global x\n    x -= x.mean(axis=0)\n    Z = x @ W + b",
    "a dictionary": "state = {'t': 0}\ndef train():\n    state['t'] += 1\n    Z = x @ W * state['t'] + b",
    "a set": "done = set()\ndef train():\n    done.add(len(done))\n    Z = x @ W * len(done) + b",
    "a deque": "import collections\nq = collections.deque([1.0], 2)\ndef train():\n    q.append(q[-1] * 2)\n"
    "    Z = x @ W * sum(q) + b",
    "NumPy's settings": "def train():\n    np.seterr(all='raise' if np.geterr()['over'] == 'raise' else 'ignore')\n"
    "    np.set_printoptions(precision=len(str(np.pi)[:5]))\n    Z = x @ W + b + len(repr(np.array(np.pi)))",
    "the environment": "import os\ndef train():\n    os.environ['GC_N'] = os.environ.get('GC_N', '') + 'x'\n"
    "    Z = x @ W + b + len(os.environ['GC_N'])",
    "the working directory": "import os\ndef train():\n    os.chdir('..')\n    Z = x @ W + b + len(os.getcwd())",
    "an edit that depends on the values": "best = np.full(2, -1e9)\ndef train():\n    Z = x @ W + b\n"
    "    np.maximum(best, Z.max(axis=0), out=best)\n    Z = Z + 0 * best",
}


@pytest.mark.parametrize("name", STATEFUL)
def test_state_does_not_leak_from_run_to_run(name: str, tmp_path: Path) -> None:
    with opened(tmp_path, HEAD + STATEFUL[name] + TAIL) as program:
        own_loss(program)
        first = program.base_value
        rng = np.random.default_rng(0)
        for _ in range(3):
            for variable in [program.variables[n] for n in ("x", "W", "b", "Z")]:
                moved = variable.array + rng.standard_normal(variable.array.shape)
                once, twice = (program.loss({variable.ref: moved}).value for _ in range(2))
                assert once == twice
                assert program.loss().value == first
                program.backward({variable.ref: moved})
                assert program.loss().value == first


@pytest.mark.parametrize("worth", [0, 4096], ids=["handed", "copied"])
@pytest.mark.parametrize("name", STATEFUL)
def test_many_in_a_row_come_to_what_each_comes_to_alone(
    name: str, worth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "WORTH_HANDING", worth)
    rng = np.random.default_rng(0)
    with opened(tmp_path, HEAD + STATEFUL[name] + TAIL) as program:
        own_loss(program)
        for variable in [program.variables[n] for n in ("x", "W", "b", "Z")]:
            moved = [variable.array + rng.standard_normal(variable.array.shape) for _ in range(5)]
            alone = [program.loss({variable.ref: a}) for a in moved]
            with program.along(variable) as loss:
                spent = program.evaluations
                in_a_row = [loss(a) for a in (*moved, moved[0] + 1e-20j, *moved)]
            assert program.evaluations == spent + 11
            assert [e.value for e in in_a_row[:5]] == [e.value for e in in_a_row[6:]] == [e.value for e in alone]
            assert not differing(alone, in_a_row[:5])
            if variable.ref in program.roots:
                assert np.array_equal(program.roots[str(variable.ref)].value, variable.array), "put back at the end"
            assert program.loss().value == program.base_value


HIDDEN = {
    "held by an iterator": "held = itertools.repeat(W)\ndef train():\n    Z = x @ next(held) + b",
    "edited in place": "def train():\n    np.clip(W, -0.5, 0.5, out=W)\n    Z = x @ W + b",
    "known by its id": "place = id(W)\ndef train():\n    Z = x @ W * (1 if id(W) == place else 2) + b",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_root_is_only_handed_over_where_the_code_does_not_mind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "WORTH_HANDING", 0)
    text = "import itertools\n" + HEAD + HIDDEN[name] + TAIL
    with opened(tmp_path, text) as program:
        own_loss(program)
        W = replace(program.variables["W"], ref="W", array=program.roots["W"].value.copy())
        moved = [k * W.array for k in range(2, 7)]
        alone = [program.loss({W.ref: a}).value for a in moved]

        def in_a_row() -> list[complex | float]:
            with program.along(W) as loss:
                return [loss(a).value for a in moved]

        assert in_a_row() == alone
        assert all(np.array_equal(a, k * W.array) for k, a in enumerate(moved, 2))
        program._handed["W"] = True
        unheeded = in_a_row()
        assert unheeded != alone or not np.array_equal(moved[-1], 6 * W.array), "this code does mind"


def differing(some: Sequence[Evaluation], others: Sequence[Evaluation]) -> list[int]:
    """Where the kinks passed are others."""
    signatures = ([[(where, p.tobytes()) for where, p in e.signature] for e in (a, b)] for a, b in zip(some, others))
    return [i for i, (a, b) in enumerate(signatures) if a != b]


def test_a_row_that_ends_early_leaves_nothing_behind(tmp_path: Path) -> None:
    text = HEAD + "def train():\n    Z = np.maximum(x @ W + b, 0)" + TAIL
    with opened(tmp_path, text) as program:
        own_loss(program)
        W = program.variables["W"]

        def stopped() -> None:
            with program.along(W) as loss:
                for factor in (2, 3, 4):
                    loss(factor * W.array)
                raise TimeoutError

        with pytest.raises(TimeoutError):
            stopped()
        assert np.array_equal(program.roots["W"].value, W.array)
        assert program.loss().value == program.base_value


def test_an_edit_first_seen_in_a_later_run_is_put_back(tmp_path: Path) -> None:
    """The first run writes what is there already; only a replaced one shows that it writes."""
    text = HEAD + "kept = np.zeros(2)\ndef train():\n    Z = x @ W + b + kept\n    kept[Z.sum(axis=0) > 1e3] = 5" + TAIL
    with opened(tmp_path, text) as program:
        own_loss(program)
        b = program.variables["b"]
        for _ in range(3):
            program.loss({b.ref: b.array + 1e4})
            assert program.loss().value == program.base_value


def test_a_leak_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcheck.capture.state.State.restore", lambda self: None)
    with opened(tmp_path, HEAD + STATEFUL["a counter"] + TAIL) as program:
        own_loss(program)
        assert program.loss().value != program.base_value


def test_a_root_that_the_loss_names_is_the_replaced_one(tmp_path: Path) -> None:
    """Though the update has changed it by the time the loss is computed, and the run has been put back."""
    text = HEAD + "def train():\n    global W\n    Z = x @ W + b" + TAIL + "    W = W - 0.1 * dW\n    done = 1.0\n"
    with opened(tmp_path, text) as program:
        W = program.variables["W"]
        scalar = of_expression(program, "((Z - y) ** 2).sum() / 2 + 0.5 * (W ** 2).sum()", {})
        program.with_loss(scalar)
        v = np.random.default_rng(0).standard_normal(W.array.shape)
        x, y, b = (program.variables[n].array for n in "xyb")

        def exact(w: Any) -> Any:
            return ((x @ w + b - y) ** 2).sum() / 2 + 0.5 * (w**2).sum()

        for t in (0.0, 0.5, 1e-20j):
            moved = W.array + t * v
            assert program.loss({W.ref: moved}).value == pytest.approx(exact(moved), rel=1e-13)


def test_a_loss_of_roots_alone_needs_no_run(tmp_path: Path) -> None:
    with opened(tmp_path, HEAD + "def train():\n    Z = x @ W + b" + TAIL) as program:
        W = program.variables["W"]
        program.with_loss(Scalar("W", {"W": W}, lambda values: (values["W"] ** 2).sum()))
        assert program.loss({W.ref: 2 * W.array}).value == pytest.approx(4 * program.base_value)


def test_views_of_a_root_see_it_replaced(tmp_path: Path) -> None:
    text = (
        """
import numpy as np
flat = np.random.default_rng(0).standard_normal(8)
W, b = flat[:6].reshape(3, 2), flat[6:]
x, y = np.ones((4, 3)), np.zeros((4, 2))
def train():
    Z = x @ flat[:6].reshape(3, 2) + b
"""
        + TAIL
    )
    with opened(tmp_path, text) as program:
        own_loss(program)
        W = program.variables["W"]
        assert program.loss({W.ref: W.array * 2}).value != program.base_value
        assert np.isnan(program.loss({W.ref: W.array * 2j}).value), "the view can't hold complex numbers"
        assert program.loss().value == program.base_value


@pytest.mark.parametrize("kind", ["np.matrix", "np.ma.array", "np.asfortranarray"])
def test_a_replacement_is_of_the_kind_that_it_replaces(kind: str, tmp_path: Path) -> None:
    made = f"{kind}(x)" if kind != "np.ma.array" else "np.ma.array(x, mask=x > 1)"
    text = HEAD + f"def train():\n    h = {made}\n    kept = h\n    Z = np.asarray(kept * 2) @ np.asarray(W) + b" + TAIL
    with opened(tmp_path, text.replace("kept * 2", "(kept * 1.0)")) as program:
        own_loss(program)
        h = program.variables["h"]
        same = program.loss({h.ref: h.array})
        assert same.value == pytest.approx(program.base_value, rel=1e-15)
        before, after = (_objects(trace) for trace in (program.trace, program.forward({h.ref: h.array})))
        assert type(after["kept"]) is type(before["h"])
        if kind == "np.asfortranarray":
            assert after["kept"].flags.f_contiguous


def _objects(trace: Trace) -> dict[str, Any]:
    return {value.name: live for value, live in zip(trace.values, trace.objects)}


def test_scalars_keep_their_kind(tmp_path: Path) -> None:
    text = """
import numpy as np
w, x, y = 0.5, np.arange(3.0), np.ones(3)
def train():
    s = float(w)
    r = np.float32(s)
    kinds.append((type(s).__name__, type(r).__name__))
    z = x * s + r
    loss = ((z - y) ** 2).sum()
    dz = 2 * (z - y)
    dw = (dz * (x + 1)).sum()
kinds = []
"""
    with opened(tmp_path, text) as program:
        own_loss(program)
        for name in "sr":
            variable = program.variables[name]
            for value in (np.array(0.25), np.array(0.25, np.float32)):
                program.forward({variable.ref: value})
        w = program.variables["w"]
        assert program.loss({w.ref: np.array(1.0)}).value == pytest.approx(((np.arange(3.0) + 1 - 1) ** 2).sum())
        dw = next(g for g in program.gradients if g.name == "dw")
        assert dw.of.ref == "w"


def test_what_raises_has_no_value(tmp_path: Path) -> None:
    text = HEAD + "def train():\n    if b[0] > 2:\n        raise SystemExit\n    Z = x @ W + np.log(b)" + TAIL
    with opened(tmp_path, text) as program:
        own_loss(program)
        b = program.variables["b"]
        assert np.isnan(program.loss({b.ref: b.array + 5}).value)
        assert isinstance(program.backward({b.ref: b.array + 5}).raised, SystemExit)
        assert np.isnan(program.loss({b.ref: np.ones(17)}).value)
        assert program.loss().value == program.base_value
