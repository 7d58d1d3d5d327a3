"""`gradcheck mutate` through the real command line: what a green result is worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import NET

CALL = ("mutate", "net.py:train", "--call", "train(x, y)")


@pytest.mark.slow
def test_bugs_are_planted_and_caught(gradcheck: Callable[..., Any]) -> None:
    ran = gradcheck(*CALL, "--format", "json", "--timeout", "100")
    told = json.loads(ran.out)
    assert told["schema_version"] == 1
    assert told["untried"] == 0
    total, mutants = told["total"], told["mutants"]
    assert total["planted"] >= 25
    assert total["equivalent"] + total["raised"] + total["planted"] == len(mutants)
    gradients = [m for m in mutants if m["state"] == "checked" and not m["kind"].startswith("update")]
    assert all(m["caught"] and m["blamed"] for m in gradients), [m for m in gradients if not m["blamed"]]
    lines = NET.splitlines()
    assert all(m["old"] == lines[m["line"] - 1].strip() for m in gradients if m["kind"] != "stale weights")
    assert ran.code == (0 if total["caught"] == total["planted"] else 1)
    assert ran.left == frozenset()
