"""Sessions as people run them, each in a process of its own: in parallel, in random order, with Hypothesis, unused."""

from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import pytest

ITEMS = ["dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1", "rest"]
TWO = """
import pytest

@pytest.mark.gradcheck("net:train")
def test_right(): ...

@pytest.mark.gradcheck("mask:train")
class TestWrong:
    def test_net(self): ...
"""


@pytest.fixture
def process(project):
    """Run pytest in a process of its own; without its rewriting of asserts, which takes longer than all the rest."""
    return lambda *args: project.runpytest_subprocess("--assert=plain", *args)


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """Outcome by test of a session run with -v."""
    found = re.findall(
        r"^(?:\[gw\d\] \[.*?\] )?(PASSED|FAILED)? ?(\S+::\S+) (PASSED|FAILED)?", result.stdout.str(), re.M
    )
    return {name.partition("::")[2]: (a or b) for a, name, b in found if a or b}


def check_two(result: pytest.RunResult) -> None:
    found = outcomes(result)
    assert set(found) == {f"test_right[{n}]" for n in ITEMS} | {f"TestWrong::test_net[{n}]" for n in ITEMS}
    wrong = {name for name, outcome in found.items() if outcome == "FAILED"}
    assert wrong == {f"TestWrong::test_net[{n}]" for n in ("dZ1", "dW1", "db1")}
    assert result.ret == 1


@pytest.mark.slow
def test_xdist(project, process) -> None:
    project.makepyfile(test_it=TWO)
    result = process("-n2", "--dist=worksteal", "-p", "randomly", "-v", "--junitxml=junit.xml")
    check_two(result)
    result.stdout.fnmatch_lines(
        ["FAILED test_it.py::TestWrong::test_net[[]dW1] - dW1 is wrong only because dZ1 is, at mask.py:20"]
    )
    result.stdout.fnmatch_lines(["test_it.py::test_right", "  ✓ all 7 gradients right*"])
    cases = {case.get("name"): case for case in ElementTree.parse(project.path / "junit.xml").iter("testcase")}
    assert len(cases) == 16
    result.stdout.no_fnmatch_line("*gradcheck/pytest_plugin*")


@pytest.mark.slow
def test_random_order_without_a_cache_and_with_warnings_as_errors(project, process) -> None:
    project.makepyfile(test_it=TWO)
    args = ("-v", "-p", "no:cacheprovider", "-W", "error", "--strict-markers", "--strict-config")
    check_two(process(*args, "-p", "randomly", "--randomly-seed=2"))


@pytest.mark.slow
def test_with_hypothesis(project, process) -> None:
    project.makepyfile(
        test_it="""
import gradcheck, pytest
from hypothesis import given, settings, strategies as st

@pytest.mark.gradcheck("axis:train", params=["W2", "b2"])
@settings(max_examples=10)
@given(st.integers())
def test_function(n):
    assert isinstance(n, int)

@pytest.mark.gradcheck("net:train", params=["W2", "b2"])
class TestNet:
    @settings(max_examples=5)
    @given(st.integers())
    def test_method(self, n): ...

    @settings(max_examples=5)
    @given(st.integers(0, 9))
    def test_body(self, n):
        assert n < 9

@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 1))
def test_inside(seed):
    gradcheck.check("net:train", seed=seed, properties=False).raise_if_wrong()

@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 1))
def test_inside_wrong(seed):
    gradcheck.check("axis:train", seed=seed, properties=False, fixes=False).raise_if_wrong()
"""
    )
    result = process("-v", "-p", "no:randomly", "-W", "error")
    found = outcomes(result)
    wrong = {name for name, outcome in found.items() if outcome == "FAILED"}
    assert wrong - {f"TestNet::test_body[{n}]" for n in ("dW2", "db2", "rest")} == {
        "test_function[db2]",
        "test_inside_wrong",
    }
    assert len(found) == 11
    result.stdout.fnmatch_lines(["E *seed=0*"])
    result.stdout.no_fnmatch_line("*FailedHealthCheck*")


@pytest.mark.slow
def test_prints_of_the_target_do_not_break_the_screen(project, process) -> None:
    project.makepyfile(
        test_it='import pytest\n@pytest.mark.gradcheck("prints:train", params=["b2"])\ndef test_net(): ...'
    )
    for args in ((), ("-s",)):
        result = process("-v", "-p", "no:randomly", *args)
        assert outcomes(result) == {"test_net[db2]": "PASSED", "test_net[rest]": "PASSED"}
        result.stdout.no_fnmatch_line("*noise from the target*")


def test_the_sessions_state_is_left_as_it_was(project, process) -> None:
    project.mkdir("elsewhere")
    project.makepyfile(
        rude="""
import os, random, sys
import numpy as np
np.random.seed(3)
random.seed(3)
sys.path.insert(0, "rude")
W = np.ones((3, 2))
def train():
    global W
    os.chdir(os.path.join(os.path.dirname(__file__), "elsewhere"))
    x = np.random.standard_normal((5, 3)) + random.random()
    Z = x @ W
    loss = (Z ** 2).sum() / 2
    dZ = Z
    dW = x.T @ dZ
    W -= dW
""",
        conftest="""
import os, random, sys
import numpy as np
random.seed(1); np.random.seed(1)
def state():
    return os.getcwd(), list(sys.path), random.getstate(), str(np.random.get_state())
BEFORE = []
def pytest_collection_finish():
    random.seed(1); np.random.seed(1)
    BEFORE.append(state())
def pytest_runtest_teardown():
    assert state() == BEFORE[0]
""",
        test_it="""
import pytest
@pytest.mark.gradcheck("rude:train")
def test_net(): ...
def test_it():
    import rude
    assert (rude.W == 1).all()
""",
    )
    result = process("-v", "-p", "no:randomly")
    assert set(outcomes(result).values()) == {"PASSED"}
    assert result.ret == 0


def test_a_session_that_does_not_use_it_imports_next_to_nothing(project, process) -> None:
    project.makepyfile(
        test_it="""
import sys
import pytest
def test_it():
    heavy = {n for n in sys.modules if n.partition(".")[0] in ("numpy", "tabulate", "tqdm")}
    ours = {n for n in sys.modules if n.partition(".")[0] == "gradcheck"}
    assert (heavy, ours) == (set(), {"gradcheck", "gradcheck.errors", "gradcheck.pytest_plugin"})
    assert "hypothesis" not in sys.modules
def test_wrong():
    assert 1 == 2
"""
    )
    # hypothesis's own plugin imports hypothesis where it writes a line of the header, with -v
    for args in ((), ("-n1",)):
        process("-p", "no:randomly", *args).assert_outcomes(passed=1, failed=1)
    result = project.run(sys.executable, "-X", "importtime", "-c", "import gradcheck.pytest_plugin")
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.lines}
    assert "gradcheck.pytest_plugin" in imported
    assert not {n for n in imported if n.partition(".")[0] in ("numpy", "hypothesis", "tabulate", "tqdm")}


def test_the_marker_and_the_option_are_known(project) -> None:
    project.runpytest_inprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.gradcheck(target, *, loss, params,*"])
    project.runpytest_inprocess("--help").stdout.fnmatch_lines(
        ["gradients of hand-written backward passes:", "  --gradcheck *also check the targets*"]
    )
    project.runpytest_inprocess("--fixtures", "-v").stdout.fnmatch_lines(
        ["gradcheck_report*", "*The gradcheck.Report*"]
    )
