"""Samples that are mixed by mistake are told; what mixes them on purpose is not."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """\
import numpy as np

__gradcheck__ = {"default": "step", "targets": {"step": {
    "setup": "x, y, W = inputs(m, seed)",
    "call": "step(x, y, W)",
    "sizes": {"m": 6},
}}}


def inputs(m, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=n) for n in [(m, 2, 5), (m, 3), (10, 3)]]


def step(x, y, W):
    flat = x.reshape(len(x), 10)
    u = flat
    z = u @ W
    loss = ((z - y) ** 2).sum()
    dz = 2 * (z - y)
    dW = u.T @ dz
    return loss, dz, dW
"""
MIXED = {
    "a reshape in another order": "x.reshape(10, -1).T.copy()",
    "a norm without an axis": "flat / np.linalg.norm(flat)",
    "a sum without an axis": "flat / (1 + np.sum(flat**2))",
}
MEANT = (
    "(flat - flat.mean(axis=0)) / flat.std(axis=0)",
    "(u - u.mean()) / np.abs(u).max()",
    "np.tanh(u @ u.T / 10) @ u.reshape(-1, 10)",
    "u / np.linalg.norm(u, axis=1, keepdims=True)",
    "u / (1 + np.sum(W**2))",
)
"""Batch norm, the whole batch put in a range, samples that attend to one another, a norm with its axis, a weight's."""


def told(tmp_path: Path, line: str) -> list[str | None]:
    (tmp_path / "net.py").write_text(NET.replace("    u = flat", f"    u = {line}"))
    report = gradcheck.check(str(tmp_path / "net.py"), properties=False)
    return [f.tensor for f in report.findings if f.code == "GC702"]


@pytest.mark.parametrize("line", MIXED.values(), ids=MIXED)
def test_mixed_by_mistake(line: str, tmp_path: Path) -> None:
    assert told(tmp_path, line) == ["u"]


@pytest.mark.parametrize("first", range(2))
def test_meant(first: int, tmp_path: Path) -> None:
    """None of them is the first that mixes, and none behind others is blamed for it."""
    lines = [MEANT[0].replace("flat", "u"), *MEANT[1:]]
    assert told(tmp_path, "flat\n" + "\n".join(f"    u = {line}" for line in lines[first:])) == []


def test_a_norm_with_its_axis(tmp_path: Path) -> None:
    assert told(tmp_path, "flat / np.linalg.norm(flat, axis=1, keepdims=True) / (1 + np.sum(W**2))") == []
