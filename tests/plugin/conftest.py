"""A project with networks, right and wrong, and pytest sessions that run in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import hypothesis.extra.numpy  # noqa: F401
import numpy as np  # noqa: F401
import pytest

import gradcheck.pytest_plugin.configured
import gradcheck.pytest_plugin.shown  # noqa: F401 - imported once, not anew by every session in this process

NET = """
import numpy as np

rng = np.random.default_rng(0)
x, y = rng.standard_normal((7, 3)), rng.standard_normal((7, 2))
W1, b1 = rng.standard_normal((3, 5)), rng.standard_normal(5)
W2, b2 = rng.standard_normal((5, 2)), rng.standard_normal(2)


def train(learning_rate=0.1):
    global W1, b1, W2, b2
    m = len(x)
    Z1 = x @ W1 + b1
    A1 = np.tanh(Z1)
    Z2 = A1 @ W2 + b2
    loss = ((Z2 - y) ** 2).sum() / m
    dZ2 = 2 * (Z2 - y) / m
    dW2 = A1.T @ dZ2
    db2 = dZ2.sum(axis=0)
    dA1 = dZ2 @ W2.T
    dZ1 = dA1 * (1 - A1**2)
    dW1 = x.T @ dZ1
    db1 = dZ1.sum(axis=0)
    W1 = W1 - learning_rate * dW1
    b1 = b1 - learning_rate * db1
    W2 = W2 - learning_rate * dW2
    b2 = b2 - learning_rate * db2
"""
WRONG = {
    "axis": NET.replace("db2 = dZ2.sum(axis=0)", "db2 = dZ2.sum()"),
    "mask": NET.replace("dZ1 = dA1 * (1 - A1**2)", "dZ1 = dA1 * (1 - A1)"),
    "update": NET.replace("W1 = W1 - learning_rate * dW1", "W1 = W1 - learning_rate * dW1.T"),
    "layout": NET.replace("dW1 = x.T @ dZ1", "dW1 = dZ1.T @ x").replace("learning_rate * dW1", "learning_rate * dW1.T"),
    "silent": NET.split("    dZ2 =")[0] + "    return loss\n",
    "raises": NET.replace("A1 = np.tanh(Z1)", "A1 = np.tanh(Z1) @ W1"),
    "prints": NET.replace("    m = len(x)", "    print('noise from the target')\n    m = len(x)"),
}
"""The same network with one thing wrong, or noteworthy, by module name."""


@dataclass(eq=False)
class Seen:
    """What a session in this process came to."""

    outcomes: dict[str, str] = field(default_factory=dict)
    """Outcome by test id, without the file: "test_net[dW1]"."""
    reports: list[pytest.TestReport] = field(default_factory=list)
    text: str = ""
    exit: int = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.partition("::")[2]
        self.reports.append(report)
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[name] = "error" if report.failed and report.when != "call" else report.outcome

    def parts(self, test: str, *outcomes: str) -> list[str]:
        """What stands in the brackets of a test's items, in order; of those with one of the outcomes."""
        found = {n.removesuffix("]").partition("[")[2]: o for n, o in self.outcomes.items() if n.startswith(f"{test}[")}
        return [name for name, outcome in found.items() if not outcomes or outcome in outcomes]


Run = Callable[..., Seen]
"""(text of test_it.py, *arguments, **other files) -> Seen"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with `net.py` and its wrong siblings, on the path as with `python -m pytest`."""
    for name in ("PYTEST_ADDOPTS", "FORCE_COLOR", "NO_COLOR", "CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    pytester.makepyfile(net=NET, **WRONG)
    pytester.makeini("[pytest]\n")
    pytester.makepyprojecttoml("[tool.gradcheck]\nproperties = false\n")  # most of a check's time
    return pytester


@pytest.fixture
def session(project: pytest.Pytester) -> Run:
    """Run pytest on test files given as text, in this process."""

    def run(text: str = "", *args: str, **files: str) -> Seen:
        if text:
            files["test_it"] = f"import pytest\nimport gradcheck\n{text}"
        if files:
            project.makepyfile(**files)
        seen = Seen()
        result = project.runpytest_inprocess("-p", "no:randomly", *args, plugins=[seen])
        seen.text, seen.exit = result.stdout.str() + result.stderr.str(), int(result.ret)
        return seen

    return run
