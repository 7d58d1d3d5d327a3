"""No property fails on a right network, whatever its style and whatever the seed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from gradcheck.compare import Verdict
from gradcheck.properties import NAMES, run_properties

NETS = Path(__file__).parent / "nets"


def functions(file: str) -> list[str]:
    tree = ast.parse((NETS / file).read_text())
    return [f.name for f in tree.body if isinstance(f, ast.FunctionDef)]


RIGHT = [f"siblings:{name}" for name in functions("siblings.py") if name.endswith("_right")]
STYLES = [
    "regression",
    "summed",
    "penalised",
    "normalised",
    "normalised_inline",
    "dropout",
    "global_dropout",
    "per_sample",
    "residual",
    "transposed",
    "ascent",
    "optimiser",
    "clipped",
    "heads",
    "integer_labels",
    "embedding",
    "saturated",
    "pooled",
    "columns",
    "recurrent",
    "layers",
]
SLOW = frozenset(
    "normalised_inline global_dropout summed residual saturated optimiser columns heads normalised penalised"
    " transposed ascent clipped integer_labels embedding pooled".split()
)
"""Those that take seconds and show much the same as others."""
SKIPPED = {
    "summed": {"loss and gradients average over batches": "the loss adds a term of the parameters alone"},
    "normalised": {"loss and gradients average over batches": "ties the samples of a batch together"},
    "normalised_inline": {"loss and gradients average over batches": "ties the samples of a batch together"},
    "recurrent": {"permuting samples changes nothing": "no axis of the inputs is known to count samples"},
    "regression": {"softmax rows sum to one and ignore shifts": "no softmax was seen"},
    "per_sample": {"backward is linear in the upstream gradient": "no gradient is computed from another one"},
}
"""What a style rightly has no use for, and the reason that is given."""


ZOO = [pytest.param(f"zoo:{style}", marks=[pytest.mark.slow] * (style in SLOW)) for style in STYLES]


@pytest.mark.parametrize("name", [*RIGHT, *ZOO])
def test_nothing_fails(opened: Any, name: str) -> None:
    results = run_properties(opened(name), seed=0, examples=3)
    told = [(r.name, r.verdict, r.reason, r.counterexample) for r in results]
    assert [t for t in told if t[1] in (Verdict.FAIL, Verdict.INCONCLUSIVE)] == []
    assert [r.name for r in results] == list(NAMES)


@pytest.mark.parametrize("style", sorted(SKIPPED))
def test_what_has_no_use_is_skipped_with_the_reason(opened: Any, style: str) -> None:
    results = {r.name: r for r in run_properties(opened(f"zoo:{style}"), names=list(SKIPPED[style]), examples=3)}
    for name, reason in SKIPPED[style].items():
        assert results[name].verdict is Verdict.SKIPPED
        assert reason in results[name].reason


@pytest.mark.parametrize(("seed", "examples"), [(0, 12), (1, 6)])
def test_the_corrected_reference_network_passes_them_all(opened: Any, seed: int, examples: int) -> None:
    results = run_properties(opened("reference_net:corrected"), seed=seed, examples=examples)
    assert [(r.name, r.verdict, r.reason, r.examples) for r in results] == [
        (name, Verdict.PASS, "", examples) for name in NAMES
    ]
