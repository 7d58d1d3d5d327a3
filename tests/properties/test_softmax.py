"""What a rule can ask: is there a softmax, and which rows of logits make it underflow."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from gradcheck.properties import softmax_underflow, softmaxes


def test_the_original_underflows_because_of_the_whole_matrix(opened: Any) -> None:
    with opened("reference_net:original").open(seed=0) as program:
        found = softmax_underflow(program)
        (softmax,) = softmaxes(program)
    assert found is not None
    assert (found.logits, found.softmax, found.line) == ("Z2", "A2", 43)
    assert found.rows == ((0.0, 1.0), (800.0, 801.0))
    assert found.non_finite == (0,)
    assert found.alone_finite == (True, True)
    assert found.whole_matrix
    assert (softmax.logits, softmax.probabilities, softmax.axis) == ("Z2", "A2", 1)


@pytest.mark.parametrize("seed", range(3))
def test_the_corrected_one_does_not(opened: Any, seed: int) -> None:
    with opened("reference_net").open(seed=seed) as program:
        assert [s.logits for s in softmaxes(program)] == ["Z2"]
        assert softmax_underflow(program) is None


def test_without_any_maximum_a_row_alone_is_not_finite(opened: Any) -> None:
    with opened("siblings:finite_naive_wrong").open(seed=0) as program:
        found = softmax_underflow(program)
    assert found is not None
    assert (found.non_finite, found.alone_finite, found.whole_matrix) == ((1,), (True, False), False)


def test_a_network_without_a_softmax_has_none(opened: Any) -> None:
    with opened("zoo:regression").open(seed=0) as program:
        assert softmaxes(program) == []
        assert softmax_underflow(program) is None


def test_it_is_seen_at_a_probe_that_has_underflowed_already(opened: Any) -> None:
    driver = opened("reference_net:original")
    with driver.open({"m": 4, "d": 2, "h": 3, "c": 3}, seed=0) as program:
        x = program.roots["x"].value.copy()
        W2 = program.roots["W2"].value.copy()
    x[1] *= 1e4
    with driver.open({"m": 4, "d": 2, "h": 3, "c": 3}, seed=0, values={"x": x, "W2": W2}) as program:
        found = softmax_underflow(program)
    assert found is not None
    assert found.whole_matrix


def test_asking_does_not_load_hypothesis() -> None:
    code = "import sys, gradcheck.properties as p; p.softmax_underflow; sys.exit('hypothesis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
