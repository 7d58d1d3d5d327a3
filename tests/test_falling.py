"""What is to be made small by the way it is written, and the update that makes it larger under the name J."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import gradcheck
from gradcheck.loss.falling import sign_of

NET = """
import numpy as np

rng = np.random.default_rng(0)
x, y = rng.normal(size=(9, 4)), rng.integers(0, 2, (9, 1))
W, b = rng.normal(size=(4, 1)), rng.normal(size=1)
for _ in range(5):
    a = 1 / (1 + np.exp(-(x @ W + b)))
    J = SIGN / len(x) * np.sum(y * np.log(a) + (1 - y) * np.log(1 - a))
    dz = SIGN * (y - a) / len(x)
    GRADIENTS
    W += 0.5 * dW
    b += 0.5 * db
"""


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("np.sum((Z - t) ** 2) / (2 * N)", 1),
        ("1 / (2 * m) * np.square(h - y).sum()", 1),
        ("-1 / m * np.sum(y * np.log(h) + (1 - y) * np.log(1 - h))", 1),
        ("np.squeeze(-np.dot(Y, np.log(A).T)) / m", 1),
        ("-(y * np.log(h)).mean() + lam / 2 * np.sum(W ** 2)", 1),
        ("np.mean(np.log(p) * gain)", -1),
        ("np.sum(np.log(p)) - lam * np.sum(W ** 2)", -1),
        ("-np.mean((y - p) ** 2)", -1),
        ("np.sum(np.log(p)) + np.sum(W ** 2)", 0),
        ("np.mean(reward)", None),
        ("cost(X, y)", None),
    ],
)
def test_its_sign_as_it_is_written(text: str, sign: int | None) -> None:
    assert sign_of(ast.parse(text, mode="eval").body) == sign


WAYS = {"named": "dW, db = x.T @ dz, dz.sum(axis=0)", "from the update": "p, q = x.T @ dz, dz.sum(axis=0)"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("sign", "code"), [("-1", {"named": "GC602", "from the update": "GC302"}), ("1", {})])
def test_all_updates_going_up_are_wrong_where_it_is_a_loss(
    tmp_path: Path, sign: str, code: dict[str, str], way: str
) -> None:
    text = NET.replace("SIGN", sign).replace("GRADIENTS", WAYS[way])
    (tmp_path / "net.py").write_text(text if way == "named" else text.replace("* dW", "* p").replace("* db", "* q"))
    report = gradcheck.check(str(tmp_path / "net.py"), properties=False)
    assert {f.code for f in report.findings if f.severity == "error"} == ({code[way]} if code else set())
    assert {c.of for c in report.comparisons} >= {"W", "b"}
