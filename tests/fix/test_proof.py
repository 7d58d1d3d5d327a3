"""A fix is a proof: what does not hold on every fresh draw, or harms something else, is dropped."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck import conventions
from gradcheck.compare import Verdict
from gradcheck.driver import Driver
from gradcheck.fix.proof import Draw, Outcome, Trial, fresh, prove
from gradcheck.options import Options
from gradcheck.probing import Limits, probe
from gradcheck.resolve import resolve

NET = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, W1, W2 = inputs(m, d, h, seed)",
    "call": "step(x, y, W1, W2)",
    "sizes": {"m": 4, "d": 3, "h": 4},
}}}


def inputs(m, d, h, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.normal(size=(m, 2)), rng.normal(size=(d, h)), rng.normal(size=(h, 2))


def step(x, y, W1, W2):
    h = W1.shape[1]
    m = x.shape[0]
    A1 = np.tanh(x @ W1)
    out = A1 @ W2
    loss = 0.5 * ((out - y) ** 2).sum() / m
    dout = (out - y) / m
    dW2 = A1.T @ dout
    dA1 = dout @ W2.T
    dZ1 = dA1 * (1 - A1**2)
    dW1 = x.T @ dZ1
    return loss, dW1, dW2
"""


def case(tmp_path: Path, old: str, new: str) -> Path:
    assert NET.count(old) == 1
    path = tmp_path / "net.py"
    path.write_text(NET.replace(old, new))
    return path


def proven(path: Path, text: str, fixed: set[str]) -> Outcome:
    """What comes of holding another text of the file against fresh draws."""
    target = resolve(str(path))
    driver = Driver(target, base_of=conventions.bases)
    with driver.open(target.sizes, seed=0) as program:
        judged = probe(program, target, Options(), None, np.random.default_rng(0), Limits()).judged
    trial = Trial(driver, Options(), None, Limits())
    draws = fresh(target, judged, Draw(target.sizes, 0))
    return prove(trial, {str(path.resolve()): text}, draws, judged, frozenset(fixed))


def test_what_is_right_is_proven(tmp_path: Path) -> None:
    path = case(tmp_path, "dout = (out - y) / m", "dout = (out - y)")
    assert proven(path, NET, {"dout"}) == Outcome(3, frozenset())


def test_what_agrees_on_the_first_sizes_alone_is_dropped(tmp_path: Path) -> None:
    path = case(tmp_path, "dout = (out - y) / m", "dout = (out - y)")
    outcome = proven(path, NET.replace("dout = (out - y) / m", "dout = (out - y) / h"), {"dout"})
    assert not outcome.holds
    assert "dout" in outcome.wrong


def test_what_heals_one_line_and_harms_another_is_dropped(tmp_path: Path) -> None:
    path = case(tmp_path, "dW2 = A1.T @ dout", "dW2 = 2 * A1.T @ dout")
    harmful = NET.replace("dW1 = x.T @ dZ1", "dW1 = x.T @ dA1")
    assert proven(path, harmful, {"dW2"}) == Outcome(0, frozenset({"dW1"}))


def test_of_two_edits_that_agree_at_first_the_one_that_goes_on_agreeing_is_shown(tmp_path: Path) -> None:
    path = case(tmp_path, "dout = (out - y) / m", "dout = out - y")
    report = gradcheck.check(str(path))
    assert {f.tensor: f.fix and f.fix.new for f in report.findings} == {"dout": "dout = (out - y) / m"}


def test_what_no_edit_puts_right_has_no_fix(tmp_path: Path) -> None:
    path = case(tmp_path, "dZ1 = dA1 * (1 - A1**2)", "dZ1 = np.sort(np.random.default_rng(0).random(dA1.shape))")
    report = gradcheck.check(str(path))
    assert report.verdict is Verdict.FAIL
    assert [(f.code, f.fix) for f in report.findings] == [("GC901", None)]
    assert report.patches == ()


def test_fixes_can_be_left_out(tmp_path: Path) -> None:
    path = case(tmp_path, "dW2 = A1.T @ dout", "dW2 = 2 * A1.T @ dout")
    report = gradcheck.check(str(path), fixes=False)
    assert [f.fix for f in report.findings] == [None]


def test_the_search_is_counted_and_keeps_to_the_budget(tmp_path: Path) -> None:
    path = str(case(tmp_path, "dW2 = A1.T @ dout", "dW2 = 2 * A1.T @ dout"))
    whole, alone = (gradcheck.check(path, fixes=fixes, properties=False) for fixes in (True, False))
    assert whole.patches
    assert whole.evaluations > alone.evaluations + 3 * 20  # at least the three draws of the proof
    budget = alone.evaluations + 5
    short = gradcheck.check(path, budget=budget, properties=False)
    assert [(f.code, f.fix) for f in short.findings] == [("GC301", None)]
    assert short.notes[-1:] == (f"budget of {budget} evaluations spent: the search for fixes was cut short",)
    assert budget <= short.evaluations < whole.evaluations
    enough = gradcheck.check(path, budget=whole.evaluations + 1, properties=False)
    assert enough.patches
    assert enough.notes == whole.notes


def test_draws_are_unlike_the_first(tmp_path: Path) -> None:
    path = case(tmp_path, "out = A1 @ W2", "out = A1 @ W2  # ")
    draws = fresh(resolve(str(path)), (), Draw({"m": 4, "d": 3, "h": 4}, 0))
    assert len({(tuple(d.sizes.items()), d.seed) for d in draws}) == len(draws) == 5
    assert {d.sizes["m"] for d in draws} >= {1, 2}
    assert any(len(set(d.sizes.values())) == 3 for d in draws)


@pytest.mark.parametrize("edit", ["dh = dy @ Why.T", "dh = dy @ Why + dh_next"])
def test_a_line_in_a_loop_that_no_gradient_is_known_of(tmp_path: Path, edit: str) -> None:
    path = tmp_path / "rnn.py"
    path.write_text(RNN.replace("dh = dy @ Why.T + dh_next", edit))
    report = gradcheck.check(str(path))
    found = {(f.tensor or "")[:2]: (f.line, f.fix and f.fix.new) for f in report.findings if f.severity == "error"}
    right = "dh = dy @ Why.T + dh_next"
    assert found == {"dh": (1 + RNN.splitlines().index(f"        {right}"), right)}, str(report)  # at several turns
    verdicts: dict[str, Any] = {c.name: c.verdict.value for c in report.comparisons}
    assert verdicts["dWhh"] == verdicts["dWxh"] == "inherited"
    assert verdicts["dWhy"] == "pass"


RNN = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "xs, ys, h0, Wxh, Whh, Why = inputs(T, m, d, h, seed)",
    "call": "step(xs, ys, h0, Wxh, Whh, Why)",
    "sizes": {"T": 3, "m": 2, "d": 4, "h": 5},
}}}


def inputs(T, m, d, h, seed):
    rng = np.random.default_rng(seed)
    shapes = [(T, m, d), (T, m, h), (m, h), (d, h), (h, h), (h, h)]
    return [rng.normal(size=shape) for shape in shapes]


def step(xs, ys, h0, Wxh, Whh, Why):
    T = len(xs)
    hs, outs, loss = {-1: h0}, {}, 0.0
    for t in range(T):
        hs[t] = np.tanh(xs[t] @ Wxh + hs[t - 1] @ Whh)
        outs[t] = hs[t] @ Why
        loss += 0.5 * ((outs[t] - ys[t]) ** 2).sum()
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dh_next = np.zeros_like(h0)
    for t in reversed(range(T)):
        dy = outs[t] - ys[t]
        dWhy += hs[t].T @ dy
        dh = dy @ Why.T + dh_next
        draw = dh * (1 - hs[t] ** 2)
        dWxh += xs[t].T @ draw
        dWhh += hs[t - 1].T @ draw
        dh_next = draw @ Whh.T
    return loss, dWxh, dWhh, dWhy
"""


def test_of_two_edits_the_one_that_keeps_the_shape_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "line.py"
    path.write_text(LINE)
    report = gradcheck.check(str(path), properties=False)
    fixes = {f.tensor: f.fix and f.fix.new for f in report.findings if f.severity == "error"}
    assert fixes == {"db": "db = dpred.sum(axis=0, keepdims=True)"}


LINE = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, w, b = inputs(m, d, seed)",
    "call": "step(x, y, w, b)",
    "sizes": {"m": 6, "d": 3},
}}}


def inputs(m, d, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.normal(size=m), rng.normal(size=d), rng.normal(size=1)


def step(x, y, w, b):
    pred = x @ w + b
    loss = np.mean((pred - y) ** 2)
    dpred = 2 * (pred - y) / len(y)
    dw = x.T @ dpred
    db = dpred
    return loss, dw, db
"""


OBJECTS = """
import numpy as np

class Dense:
    def __init__(self, n, k, rng):
        self.W = rng.standard_normal((n, k)) * np.sqrt(2 / n)
        self.b = np.zeros(k)
    def __call__(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, g):
        self.gW = self.x.T @ g
        self.gb = g.sum(0)
        return g @ self.W.T

class ReLU:
    def __call__(self, x):
        self.on = x > 0
        return x * self.on
    def backward(self, g):
        return g

class RMSProp:
    def __init__(self, layers, rate=1e-2, decay=0.9):
        self.layers, self.rate, self.decay = layers, rate, decay
        self.sq = [{"W": np.zeros_like(l.W), "b": np.zeros_like(l.b)} for l in layers]
    def step(self):
        for l, s in zip(self.layers, self.sq):
            for k in ("W", "b"):
                g = getattr(l, "g" + k)
                s[k] = self.decay * s[k] + (1 - self.decay) * g * g
                setattr(l, k, getattr(l, k) - self.rate * g / (np.sqrt(s[k]) + 1e-8))

def main():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((300, 6))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    net = [Dense(6, 16, rng), ReLU(), Dense(16, 2, rng)]
    optimiser = RMSProp([net[0], net[2]])
    for epoch in range(2):
        order = rng.permutation(len(x))
        losses = []
        for i in range(0, len(x), 50):
            xb, yb = x[order[i:i + 50]], y[order[i:i + 50]]
            out = xb
            for layer in net:
                out = layer(out)
            out = out - out.max(axis=1, keepdims=True)
            p = np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)
            losses.append(-np.log(p[np.arange(len(yb)), yb]).mean())
            g = p.copy()
            g[np.arange(len(yb)), yb] -= 1
            g /= len(yb)
            for layer in reversed(net):
                g = layer.backward(g)
            optimiser.step()
        print(epoch, np.mean(losses))

if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_an_edit_that_makes_the_code_raise_is_no_fix(tmp_path: Path) -> None:
    """`g = layer.backward(g) * net[i + 1].on` puts every gradient right and raises at the last layer."""
    file = tmp_path / "net.py"
    file.write_text(OBJECTS)
    report = gradcheck.check(str(file))
    assert report.verdict.value == "fail"
    assert report.patches, "with no fix at all this shows nothing"
    for patch in report.patches:
        file.write_text(patch.new)
        runpy.run_path(str(file), run_name="__main__")
