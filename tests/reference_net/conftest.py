"""What the tests of the reference network share: the subset, what a function computed inside, the command
line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from reference_net import data, original


@pytest.fixture(autouse=True)
def fresh_globals() -> Iterator[None]:
    """The original keeps its parameters in globals: every test starts from those of the import."""
    original.initialise()
    yield
    original.initialise()


@pytest.fixture(scope="session")
def subset() -> data.Digits:
    return data.load("subset")


@pytest.fixture
def locals_of() -> Callable[[Callable, Callable], dict]:
    """`locals_of(function, call)`: function's local names as they stood when it returned or raised in
    `call()`.
    """

    def capture(function: Callable, call: Callable[[], object]) -> dict:
        seen: dict = {}

        def profile(frame, event, _):
            if event == "return" and frame.f_code is function.__code__:
                seen.update(frame.f_locals)

        previous = sys.getprofile()
        sys.setprofile(profile)
        try:
            call()
        except ValueError as error:
            seen["raised"] = str(error)
        finally:
            sys.setprofile(previous)
        return seen

    return capture


@pytest.fixture
def run_module() -> Callable[..., subprocess.CompletedProcess]:
    """`run_module(*arguments)`: python -m reference_net in a process of its own, warnings as errors."""
    environment = {key: value for key, value in os.environ.items() if key != "GRADCHECK_MNIST_DIR"}

    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-W", "error", "-m", "reference_net", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)

    return run
