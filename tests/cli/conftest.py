"""The real command in a child process, in a folder of its own that is looked over afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Gradcheck = Callable[..., "Ran"]

HEAD = """\
import numpy as np

rng = np.random.default_rng(0)
x = rng.random((7, 5))
y = np.eye(3)[rng.integers(0, 3, 7)]
W = rng.normal(size=(5, 3))
b = rng.normal(size=3)
"""
STEP = """\
Z = x @ W + b
E = np.exp(Z - Z.max(axis=1, keepdims=True))
A = E / E.sum(axis=1, keepdims=True)
loss = -np.mean(np.log((A * y).sum(axis=1)))
dZ = (A - y) / len(x)
dW = x.T @ dZ
db = dZ.sum(axis=0)
W = W - 0.1 * dW
b = b - 0.1 * db
"""
FUNCTION = "def train(x, y):\n    global W, b\n" + "".join(f"    {line}\n" for line in STEP.splitlines())


NET = f"{HEAD}\n\n{FUNCTION}"
"""A module with a right function `train(x, y)`."""
WRONG = NET.replace("dZ.sum(axis=0)", "dZ.sum(axis=0) * 2")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str
    left: frozenset[str]
    """What is in its folder that was not there before."""

    @property
    def said(self) -> str:
        """Standard error with its line breaks taken out."""
        return " ".join(self.err.split())


def plain_environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without what changes colours, width, bytecode or the time limit of a test."""
    drop = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONDONTWRITEBYTECODE", "PYTEST_CURRENT_TEST")
    kept = {k: v for k, v in os.environ.items() if k not in drop}
    return {**kept, **(given or {})}


def in_folder(
    command: Command,
    folder: Path,
    *args: str,
    before: str = "",
    after: str = "",
    files: Mapping[str, str | bytes] | None = None,
    env: Mapping[str, str] | None = None,
    at: str = ".",
) -> Ran:
    """Write net.py, wrong.py, script.py, which does something before or after its step, and more; run the command."""
    written = {"net.py": NET, "wrong.py": WRONG, "script.py": f"{before}\n{HEAD}{STEP}{after}\n", **(files or {})}
    for name, content in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    there = tree(folder)
    ran = command(*args, cwd=folder / at, env=plain_environment(env))
    return Ran(ran.returncode, ran.stdout, ran.stderr, tree(folder) - there)


def tree(folder: Path) -> frozenset[str]:
    """Everything below a folder."""
    return frozenset(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def gradcheck(command: Command, tmp_path: Path) -> Gradcheck:
    """Run the command in a fresh folder: `gradcheck("run", "script.py", before="print(1)", env={...})`."""
    return lambda *args, **kwargs: in_folder(command, tmp_path, *args, **kwargs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where `gradcheck` runs."""
    return tmp_path


@pytest.fixture(scope="session")
def shared(command: Command, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """A command that several tests look at, run once."""
    known: dict[tuple[str, ...], Ran] = {}

    def run(*args: str) -> Ran:
        if args not in known:
            known[args] = in_folder(command, tmp_path_factory.mktemp("shared"), *args)
        return known[args]

    return run
