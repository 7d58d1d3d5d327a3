"""The command line, run hundreds of times: each in a process of its own, forked from one that has imported everything.

What is run is `gradcheck.cli.main`, as `python -m gradcheck` runs it; importing NumPy and the rest each time would take
longer than most of the runs. tests/cli/test_process.py and the examples of the docs start new interpreters.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from gradcheck.child import Job, inside
from gradcheck.options import Options

collect_ignore_glob = ["programs/*"]
"""They are what is run, tests of their own included."""
LIMIT = 100
"""Seconds for one command."""
FORKS = sys.platform == "linux"
inside.prepare(Job("mutate", (), Options()))
gc.freeze()  # the functions of what is under test are looked for among all objects: what is imported by now is not
Command = Callable[..., "subprocess.CompletedProcess[str]"]


class Forked:
    """One interpreter that forks for each command; tests/forked.py is what it runs."""

    def __init__(self, folder: Path) -> None:
        self._out, self._err = folder / "out", folder / "err"
        plain = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        program = [sys.executable, str(Path(__file__).with_name("forked.py"))]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=plain, cwd=folder)

    def __call__(self, args: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = [list(args), str(cwd), dict(env), str(self._out), str(self._err), LIMIT]
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        out, err = (file.read_text(encoding="utf-8") for file in (self._out, self._err))
        return subprocess.CompletedProcess(args, code, out, err)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """`command("run", "net.py", cwd=folder, env=environment)` is what the command printed and how it ended.

    Where the environment says how Python itself is to run, it is a new interpreter.
    """
    forked = Forked(tmp_path_factory.mktemp("forked")) if FORKS else None

    def run(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        given = dict(os.environ if env is None else env)
        own = any(name.startswith("PYTHON") and value != os.environ.get(name) for name, value in given.items())
        if forked is not None and not own:
            return forked(args, cwd, given)
        return subprocess.run(
            [sys.executable, "-m", "gradcheck", *args],
            cwd=cwd,
            env={"PYTHONIOENCODING": "utf-8", **given},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT,
        )

    yield run
    if forked is not None:
        forked.close()
