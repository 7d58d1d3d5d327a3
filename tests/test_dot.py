"""The dot test of one backward step: right lines pass it whatever they are handed, wrong ones fail it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck import conventions
from gradcheck.blame.assign import handed_on
from gradcheck.blame.judged import Judged, in_layout, upstream_scale
from gradcheck.compare import Verdict, agreement
from gradcheck.dot import local_truth
from gradcheck.driver import Driver
from gradcheck.options import Options
from gradcheck.probing import Limits, probe
from gradcheck.resolve import resolve

CASES = Path(__file__).parent / "cases"


def own_steps(case: str) -> dict[str, tuple[Verdict, bool]]:
    """By gradient: how it was judged, and whether it passes the test of its own step; without those that have none."""
    target = resolve(str(CASES / f"{case}.py"))
    found: dict[str, tuple[Verdict, bool]] = {}
    rng = np.random.default_rng(0)
    driver = Driver(target, base_of=lambda name: conventions.bases(name, {}))
    with driver.open(target.sizes, seed=0) as program:
        judged = probe(program, target, Options(), None, rng, Limits()).judged
        for j in judged:
            truth = local_truth(program, j.gradient.of, handed_on(judged), rng)
            own = in_layout(j.gradient.array, j.truth.shape)[0]
            if truth is not None and own is not None:
                found[j.gradient.name] = j.verdict, agreement(truth, own / _scale(j, judged)).holds
    return found


def _scale(judged: Judged, others: tuple[Judged, ...]) -> float:
    return 1.0 if judged.gradient.kind == "parameter" else upstream_scale(judged, others)


@pytest.mark.parametrize("case", ["right_softmax_tanh", "right_relu_mask", "right_half_squared_error"])
def test_right_lines_pass(case: str) -> None:
    found = own_steps(case)
    assert len(found) >= 4
    assert all(passes for _, passes in found.values())


@pytest.mark.parametrize("case", ["wrong_two_bugs", "wrong_bug_behind_a_bug", "wrong_large_hidden", "wrong_operand"])
def test_only_guilty_lines_fail(case: str) -> None:
    found = own_steps(case)
    assert {verdict for verdict, _ in found.values()} > {Verdict.FAIL, Verdict.INHERITED}
    assert {name for name, (verdict, _) in found.items() if verdict is Verdict.FAIL} == {
        name for name, (_, passes) in found.items() if not passes
    }
