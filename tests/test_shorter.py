"""Steps over long sequences: what is wrong is looked into over a few turns, if it is wrong there as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck import pipeline
from gradcheck.report import Report
from gradcheck.script.shorter import LONG, shorter

NET = """
import numpy as np

rng = np.random.default_rng(3)


class Echo:
    def __init__(self, hidden, words, seq_len):
        self.seq_len = seq_len
        self.U = rng.normal(size=(hidden, words)) / 3
        self.W = rng.normal(size=(hidden, hidden)) / 3
        self.V = rng.normal(size=(words, hidden)) / 3

    def forward(self, inputs, h):
        xs, hs, ps = [], [h], []
        for t in range(self.seq_len):
            x = np.zeros(len(self.V))
            x[inputs[t]] = 1.0
            h = np.tanh(self.U @ x + self.W @ h)
            e = np.exp(self.V @ h)
            xs.append(x)
            hs.append(h)
            ps.append(e / e.sum())
        return xs, hs, ps

    def backward(self, xs, hs, ps, targets):
        dU, dW, dV = np.zeros_like(self.U), np.zeros_like(self.W), np.zeros_like(self.V)
        carried = np.zeros(len(self.W))
        for t in FIRST:
            err = ps[t].copy()
            err[targets[t]] -= 1.0
            dV += np.outer(err, hs[t + 1])
            back = (self.V.T @ err + carried) * (1 - hs[t + 1] ** 2)
            dU += np.outer(back, xs[t])
            dW += np.outer(back, hs[BEFORE])
            carried = self.W.T @ back
        return dU, dW, dV


words = rng.integers(0, 5, size=1000).tolist()
net = Echo(6, 5, seq_len=12)
for at in range(0, 900, net.seq_len):
    inputs, targets = words[at : at + net.seq_len], words[at + 1 : at + 1 + net.seq_len]
    xs, hs, ps = net.forward(inputs, np.zeros(6))
    loss = -sum(np.log(p[y]) for p, y in zip(ps, targets))
    dU, dW, dV = net.backward(xs, hs, ps, targets)
    for p, d in zip((net.U, net.W, net.V), (dU, dW, dV)):
        p -= 0.05 * d
"""
WHOLE = "reversed(range(self.seq_len))"


def report(folder: Path, first: str, before: str) -> Report:
    path = folder / "echo.py"
    path.write_text(NET.replace("FIRST", first).replace("BEFORE", before))
    return gradcheck.check(str(path), properties=False)


def test_what_is_wrong_is_looked_into_over_a_few_turns(tmp_path: Path) -> None:
    found = report(tmp_path, WHOLE, "t + 1")
    assert [(f.code, f.fix and f.fix.new) for f in found.findings] == [("GC364", "dW += np.outer(back, hs[t])")]
    assert (
        "what is wrong was looked into with seq_len = 4 instead of 12, 7 samples instead of 71: it is wrong in both"
        in found.notes
    )


@pytest.fixture(autouse=True)
def _short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests can wait for counts as long."""
    monkeypatch.setattr(pipeline, "LONG_RUN", 50)


@pytest.mark.slow
def test_what_is_right_over_a_few_turns_is_told_as_it_stands(tmp_path: Path) -> None:
    """A loop back that ends after eight turns is wrong only where there are more."""
    found = report(tmp_path, "reversed(range(max(0, self.seq_len - 8), self.seq_len))", "t")
    assert found.verdict == "fail"
    assert not any("instead of 12" in note for note in found.notes)


def test_what_is_right_is_checked_at_its_full_length(tmp_path: Path) -> None:
    found = report(tmp_path, WHOLE, "t")
    assert found.verdict == "pass"
    assert not any("instead of 12" in note for note in found.notes)


def cut(parameters: frozenset[str] = frozenset(), **held: Any) -> tuple[str, dict[str, Any]] | None:
    """What is told of a cut of these names, and what they stand for while it lasts; some lines are passed 30 times."""
    before = dict(held)
    made = shorter(held, [], lambda _: False, parameters)({30})
    if made is None:
        return None
    with made as told:
        during = dict(held)
    assert held.keys() == before.keys()
    assert all(held[name] is before[name] for name in held), "put back"
    return told, during


def test_what_is_as_long_is_cut_alike() -> None:
    x, words, other = np.arange(60.0).reshape(3, 20), list(range(20)), np.ones(7)
    found = cut(num_steps=20, x=x, words=words, other=other)
    assert found is not None
    told, during = found
    assert told == "num_steps = 4 instead of 20"
    assert during["num_steps"] == 4
    assert np.array_equal(during["x"], x[:, :4])
    assert during["words"] == words[:4]
    assert during["other"] is other


def test_what_a_line_is_passed_as_often_as_tells_it_too() -> None:
    found = cut(X=np.ones((7, 30, 2)), y=np.ones(7))
    assert found is not None
    assert (found[0], found[1]["X"].shape) == ("the length of X = 4 instead of 30", (7, 4, 2))


def test_the_samples_of_each_turn_are_cut_too() -> None:
    found = cut(T=20, X=np.ones((16, 20, 3)), y=np.ones(16), N=16)
    assert found is not None
    told, during = found
    assert told == "T = 4 instead of 20, 7 samples instead of 16"
    assert (during["X"].shape, during["y"].shape, during["N"]) == ((7, 4, 3), (7,), 7)


def test_the_number_of_turns_is_no_other_dimension() -> None:
    found = cut(T=20, W=np.ones((4, 5)), x=np.ones((20, 5)))
    assert found is not None
    assert (found[0], found[1]["x"].shape) == ("T = 6 instead of 20", (6, 5))


def test_a_parameter_of_that_size_is_left_whole() -> None:
    found = cut(frozenset({"W"}), seq_length=20, W=np.ones((20, 3)), h=np.ones(20))
    assert found is not None
    assert (found[1]["W"].shape, found[1]["h"].shape, found[1]["seq_length"]) == ((20, 3), (20,), 4)


@pytest.mark.parametrize(
    "held",
    [
        {"index": {"t": 20, "T": 30}},  # of letters, not of turns
        {"seq_len": LONG},
        {"epochs": 20, "hidden_size": 20},
        {"T": 20.0},
        {"x": np.ones((30, 30))},  # either axis may be it
        {"T": 9, **{f"x{n}": np.ones(n) for n in range(4, 9)}},  # every number below is a dimension
    ],
    ids=str,
)
def test_where_no_number_says_how_long_it_is_nothing_is_cut(held: dict[str, Any]) -> None:
    assert cut(**held) is None
