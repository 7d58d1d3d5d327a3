"""Runs can be repeated, end in time, and leave nothing behind, even inside of another Hypothesis test."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import configuration, given, settings
from hypothesis import strategies as st

from gradcheck.adapters.pair import pair
from gradcheck.capture.program import Program
from gradcheck.compare import Verdict
from gradcheck.driver import Driver
from gradcheck.errors import TargetError
from gradcheck.gradients import Gradient, paired
from gradcheck.loss.choose import of_expression
from gradcheck.options import Options
from gradcheck.properties import NAMES, network_sizes, networks, reproduce, run_properties
from gradcheck.properties.search import smallest
from gradcheck.properties.strategies import networks_of
from gradcheck.properties.subject import subject_of
from gradcheck.resolve import resolve


@pytest.mark.slow
def test_the_same_seed_gives_the_same(opened: Any) -> None:
    names = ["shapes follow the convention", "backward is pure"]
    first = run_properties(opened("reference_net:original"), seed=7, examples=6, names=names)
    assert {r.verdict for r in first} == {Verdict.FAIL, Verdict.PASS}
    assert run_properties(opened("reference_net:original"), seed=7, examples=6, names=names) == first


def test_another_seed_draws_other_networks() -> None:
    def drawn(seed: int) -> list[dict[str, int]]:
        seen: list[dict[str, int]] = []

        def look(sizes: dict[str, int]) -> bool:
            seen.append(sizes)
            return False

        assert smallest(network_sizes("mdh"), look, examples=20, seed=seed) is None
        return seen

    assert drawn(1) == drawn(1) != drawn(2)


def test_nothing_is_left_behind(opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = os.environ.copy(), random.getstate(), np.random.get_state()[1].tolist(), home()
    (found,) = run_properties(
        opened("reference_net:original"), examples=3, names=["softmax stays finite for extreme logits"]
    )
    assert found.verdict is Verdict.FAIL
    assert list(tmp_path.iterdir()) == []
    assert (os.environ.copy(), random.getstate(), np.random.get_state()[1].tolist(), home()) == before


def home() -> Any:
    return getattr(configuration, "__hypothesis_home_directory", None)


def test_the_home_is_put_back_when_the_search_raises() -> None:
    before = home()

    def broken(_: object) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        smallest(network_sizes("m"), broken, examples=5, seed=0)
    assert home() == before


@settings(max_examples=2, database=None, deadline=None)
@given(st.integers(0, 3))
def test_it_runs_inside_of_another_hypothesis_test(seed: int) -> None:
    driver = Driver(resolve("reference_net"), base_of=lambda name: (name[1:],) if name.startswith("d") else ())
    (found,) = run_properties(driver, seed=seed, examples=3, names=["backward is pure"])
    assert found.verdict is Verdict.PASS


def test_it_stops_when_time_is_up(opened: Any) -> None:
    start = time.monotonic()
    results = run_properties(opened("reference_net:original"), examples=10_000, deadline_seconds=0.3)
    assert time.monotonic() - start < 3
    assert {r.name for r in results} == set(NAMES)
    none = run_properties(opened("reference_net"), deadline_seconds=0)
    assert {(r.verdict, r.reason, r.examples) for r in none} == {(Verdict.INCONCLUSIVE, "time limit reached", 0)}


@pytest.mark.slow
def test_the_caller_may_settle_loss_and_gradients_itself(opened: Any) -> None:
    def prepare(program: Program) -> list[Gradient]:
        found = paired(program, inputs=["x", "y"])
        if not found:
            raise TargetError("no gradient at these sizes")
        program.with_loss(of_expression(program, "-2 * (y * np.log(A2)).sum() / len(y)", {}))  # twice the right one
        return found

    names = ["gradients agree with numeric ones", "backward is pure"]
    first, second = run_properties(opened("reference_net"), prepare=prepare, names=names, examples=10)
    assert (first.verdict, second.verdict) == (Verdict.FAIL, Verdict.PASS)


def test_only_the_properties_asked_for(opened: Any) -> None:
    names = ["backward is pure", "shapes follow the convention"]
    assert [r.name for r in run_properties(opened("reference_net"), names=names, examples=3)] == names


@settings(max_examples=30, database=None, deadline=None)
@given(network_sizes(["m", "d"], max=3))
def test_sizes_stay_in_range(sizes: dict[str, int]) -> None:
    assert list(sizes) == ["m", "d"]
    assert all(1 <= n <= 3 for n in sizes.values())


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max: expected a size of 1 or more, got 0"):
        network_sizes("m", max=0)


def test_sizes_shrink_to_the_smallest() -> None:
    found = smallest(network_sizes("mdh", max=4), lambda s: s["m"] > 1 and s["h"] > 2, examples=200, seed=0)
    assert found == {"m": 2, "d": 1, "h": 3}


def test_networks_hold_numbers_of_the_probe_s_kind() -> None:
    @settings(max_examples=25, database=None, deadline=None)
    @given(networks("reference_net"))
    def look(network: Any) -> None:
        v, s = network.values, network.sizes
        assert set(v) == {"x", "y", "W1", "b1", "W2", "b2"}
        assert v["x"].shape == (s["m"], s["d"])
        assert ((v["x"] > 0) & (v["x"] <= 1)).all()
        assert (v["y"].sum(axis=1) == 1).all()
        assert (v["b1"] != 0).all()
        for array in v.values():
            assert np.array_equal(array, np.round(array, 2))
        assert str(network).startswith(f"m={s['m']} d={s['d']} h={s['h']} c={s['c']} seed {network.seed}\nx = [[")

    look()


def test_a_blueprint_knows_the_batch_and_the_hidden_units(opened: Any) -> None:
    expected = {
        "zoo:regression": ("m", ("h",)),
        "zoo:columns": ("m", ("h",)),
        "zoo:layers": ("m", ("h",)),
        "zoo:recurrent": (None, ()),
        "zoo:heads": ("m", ("h",)),
        "reference_net": ("m", ("h",)),
    }
    for name, (batch, hidden) in expected.items():
        found = subject_of(opened(name), Options()).blueprint
        assert (found.batch, found.hidden) == (batch, hidden), name


def test_arrays_of_one_name_are_told_apart_by_their_paths(opened: Any) -> None:
    parts = {p.name: p.axes for p in subject_of(opened("zoo:layers"), Options()).blueprint.parts}
    assert parts == {
        "x": ("m", "d"),
        "y": ("m", "c"),
        "net.layers[0].W": ("d", "h"),
        "net.layers[0].b": ("h",),
        "net.layers[1].W": ("h", "c"),
        "net.layers[1].b": ("c",),
    }


def forward(x: Any, w: Any) -> Any:
    return np.maximum(x @ w, 0), (x, w)


def backward(dout: Any, cache: Any) -> Any:
    x, w = cache
    dz = dout * (x @ w > 0)
    return dz @ w.T, x.T @ dz


def backward_wrong(dout: Any, cache: Any) -> Any:
    x, w = cache
    dz = dout * (dout > 0)
    return dz @ w.T, x.T @ dz


@pytest.mark.parametrize(("function", "verdict"), [(backward, Verdict.PASS), (backward_wrong, Verdict.FAIL)])
def test_a_pair_without_sizes_is_tried_at_its_own(function: Any, verdict: Verdict) -> None:
    target = pair("pair", forward, function, shapes="x:(5,3) w:(3,4)")
    driver = Driver(target, base_of=lambda name: (name[1:],) if name.startswith("d") else ())
    results = {r.name: r for r in run_properties(driver, examples=10)}
    linear = results["backward is linear in the upstream gradient"]
    assert linear.verdict is verdict
    assert results["backward is pure"].verdict is Verdict.PASS
    for name in NAMES[:5]:
        assert results[name].verdict is Verdict.SKIPPED
        assert results[name].reason == "the target declares no sizes, so that it can't be drawn at others"
    if verdict is Verdict.FAIL:
        assert linear.counterexample is not None
        assert linear.counterexample.startswith("at its own inputs, seed ")
        assert linear.reproduce is None  # no text names two function objects


def test_a_script_is_tried_at_its_own_inputs(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\nrng = np.random.default_rng(0)\nx, y = rng.random((6, 3)), rng.random(6)\n"
        "w = rng.standard_normal(3)\nfor _ in range(5):\n    out = x @ w\n    loss = ((out - y) ** 2).mean()\n"
        "    dout = 2 * (out - y) / len(y)\n    dw = x.T @ dout\n    w -= 0.1 * dw\n"
    )
    driver = Driver(resolve(str(script)), base_of=lambda name: (name[1:],) if name.startswith("d") else ())
    verdicts = {r.name: r.verdict for r in run_properties(driver)}
    assert verdicts["backward is pure"] is Verdict.PASS
    assert verdicts["backward is linear in the upstream gradient"] is Verdict.PASS
    assert verdicts["a small step down the gradient lowers the loss"] is Verdict.PASS
    assert verdicts["float32 in, float32 out"] is Verdict.SKIPPED


def test_drawn_networks_come_in_every_small_size(opened: Any) -> None:
    strategy = networks_of(subject_of(opened("reference_net"), Options()).blueprint)
    seen = set()

    def look(network: Any) -> bool:
        seen.update(network.sizes.values())
        return False

    smallest(strategy, look, examples=40, seed=0)
    assert seen == {1, 2, 3, 4}


LAYERS = """
import numpy as np

class Dense:
    def __init__(self, input_size, output_size):
        self.weights, self.bias = np.random.randn(output_size, input_size), np.random.randn(output_size, 1)

    def forward(self, x):
        self.x = x
        return self.weights @ x + self.bias

    def backward(self, delta, rate):
        weights_gradient = delta @ self.x.T
        back = self.weights.T @ delta
        self.weights -= rate * weights_gradient
        self.bias -= rate * delta
        return back

layers, points, values = [Dense(2, 3), Dense(3, 1)], np.random.rand(4, 2, 1), np.random.rand(4, 1, 1)
for epoch in range(5):
    for x, y in zip(points, values):
        out = x
        for layer in layers:
            out = layer.forward(out)
        error = ((y - out) ** 2).mean()
        delta = 2 * (out - y) / y.size
        for layer in reversed(layers):
            delta = layer.backward(delta, 0.1)
"""


def test_a_parameter_that_only_its_update_tells_may_be_moved_in_place(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(LAYERS)
    assert reproduce(str(script), "backward is pure").verdict is Verdict.PASS


@pytest.mark.parametrize(("edited", "severity"), [("dout", "warning"), ("self.x", "error")])
def test_to_reuse_the_memory_of_what_is_handed_in_is_worth_a_warning(
    tmp_path: Path, edited: str, severity: str
) -> None:
    file = tmp_path / "layer.py"
    file.write_text(
        "class Relu:\n    def forward(self, x):\n        self.x, self.below = x, x <= 0\n        return x * (x > 0)\n"
        "    def backward(self, dout):\n        dx = dout * (self.x > 0)\n"
        f"        {edited}[self.below] = 0\n        return dx\n"
    )
    found = reproduce(f"{file}:Relu", "backward is pure")
    assert (found.verdict, found.severity) == (Verdict.FAIL, severity)
    assert ("the gradient that it is handed" in found.reason) == (severity == "warning")


@pytest.mark.parametrize("loss", ["auto", "((out - y) ** 2).sum()"])
def test_a_step_uphill_says_nothing_where_the_loss_is_only_assumed(tmp_path: Path, loss: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np\nx, y, w = np.random.rand(6, 3), np.random.rand(6), np.random.rand(3)\n"
        "for _ in range(5):\n    out = x @ w\n    dw = x.T @ np.cos(3 * (out - y) + 2)\n    w -= 0.1 * dw\n"
    )
    found = reproduce(str(script), "a small step down the gradient lowers the loss", loss=loss)
    if loss == "auto":
        assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "no network showed it: the loss is only assumed")
    else:
        assert found.verdict is Verdict.FAIL
