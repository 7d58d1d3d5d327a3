"""What is added up in a loop, told from a parameter that is moved in it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from gradcheck.capture.sums import is_sum

SUM = """
for epoch in range(9):
    g = np.zeros(3)
    for x in X:
        g += f(x, w)
    w -= g
"""
MOVED = """
w = np.zeros(3)
for epoch in range(9):
    for x in X:
        w += x * (1 - w @ x)
"""
GLOBAL = """
w = np.zeros(3)

def forward(x):
    return w @ x

for x in X:
    w += x * forward(x)
"""
OF_LAYERS = """
def train(W, n):
    W = [np.zeros(3) for _ in range(n)]
    for epoch in range(9):
        d = step(W)
        for k in range(n):
            W[k] += d[k]
"""
OF_SUMS = """
def batch(W, samples):
    g = [np.zeros(3) for _ in W]
    for x in samples:
        for k, d in enumerate(step(W, x)):
            g[k] += d
    return g
"""


class At(NamedTuple):
    """As much of a site as is asked for."""

    file: str
    line: int
    name: str


@pytest.mark.parametrize(
    ("text", "name", "line", "is_one"),
    [
        (SUM, "g", 5, True),
        (SUM, "w", 6, False),
        (MOVED, "w", 5, False),
        (GLOBAL, "w", 8, False),
        (OF_LAYERS, "W[0]", 7, False),
        (OF_SUMS, "g[1]", 6, True),
        (OF_SUMS.replace("    g = [np.zeros(3) for _ in W]\n", ""), "g[1]", 5, False),
        ("for x in X:\n", "g", 1, False),
    ],
)
def test_sums(tmp_path: Path, text: str, name: str, line: int, is_one: bool) -> None:
    file = tmp_path / "sums.py"
    file.write_text(text, encoding="utf-8")
    assert is_sum(At(str(file), line, name)) == is_one  # type: ignore[arg-type]
