"""Which items a mark makes, which of them fail, and how often the check is run."""

from __future__ import annotations

import pytest

from gradcheck import pipeline

NAMES = ["dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"]
ITEMS = [*NAMES, "rest"]
ONE = '@pytest.mark.gradcheck("{}")\ndef test_net(): ...\n'


@pytest.fixture
def runs(monkeypatch):
    """Names of the targets that were checked, one entry a run."""
    made, run = [], pipeline.run
    monkeypatch.setattr(pipeline, "run", lambda target, options: made.append(target.name) or run(target, options))
    return made


# -- one item a gradient


@pytest.mark.parametrize("target", ["net", "net:train", "net.py:train"])
def test_a_right_network_passes_item_by_item(session, runs, target) -> None:
    call = ', call="train()"' if target == "net" else ""
    seen = session(f'@pytest.mark.gradcheck("{target}"{call})\ndef test_net(): ...')
    assert seen.parts("test_net", "passed") == ITEMS == seen.parts("test_net")
    assert seen.exit == 0
    assert runs == [target]


@pytest.mark.parametrize(
    ("module", "wrong"),
    [
        ("axis", ["db2"]),
        ("mask", ["dZ1", "dW1", "db1"]),  # the last two inherit
        ("update", ["rest"]),
        ("layout", []),
    ],
)
def test_a_wrong_network_fails_the_items_that_are_wrong_and_no_others(session, runs, module, wrong) -> None:
    seen = session(ONE.format(f"{module}:train"))
    assert seen.parts("test_net", "failed") == wrong
    assert seen.parts("test_net", "passed") == [name for name in ITEMS if name not in wrong]
    assert seen.exit == bool(wrong)
    assert runs == [f"{module}:train"]


def test_the_founding_case(session) -> None:
    seen = session('@pytest.mark.gradcheck("reference_net:original", properties=False)\ndef test_net(): ...')
    assert seen.parts("test_net", "failed") == ["dW2", "db2", "db1"]
    assert seen.parts("test_net", "passed") == ["dZ2", "dZ1", "dW1", "rest"]


def test_a_pair_of_functions(session) -> None:
    seen = session(
        """
import numpy as np
def forward(x, w):
    return x @ w, (x, w)
def backward(dout, cache):
    x, w = cache
    return dout @ w.T, {} * x.T @ dout
rng = np.random.default_rng(0)
args = rng.standard_normal((5, 3)), rng.standard_normal((3, 2))
@pytest.mark.gradcheck(forward, backward, args=args)
def test_pair(): ...
""".replace("{}", "2")
    )
    assert seen.parts("test_pair", "failed") == ["dw"]
    assert seen.parts("test_pair", "passed") == ["dx", "rest"]


def test_only_what_is_asked_for(session) -> None:
    marked = '@pytest.mark.gradcheck("axis:train", params={})\ndef test_net(): ...'
    assert session(marked.format('["W1", "b1"]')).parts("test_net", "passed") == ["dW1", "db1", "rest"]
    assert session(marked.format('"W2, b2"')).parts("test_net", "failed") == ["db2"]


# -- selecting


def test_items_are_selected_by_id_and_by_keyword(session, runs) -> None:
    assert session(ONE.format("axis:train"), "test_it.py::test_net[dW1]").outcomes == {"test_net[dW1]": "passed"}
    assert session(ONE.format("axis:train"), "-k", "db2 or dW2").outcomes == {
        "test_net[dW2]": "passed",
        "test_net[db2]": "failed",
    }
    assert len(runs) == 2


def test_collecting_measures_nothing(session, runs) -> None:
    seen = session(ONE.format("axis:train"), "--collect-only", "-q")
    assert [line for line in seen.text.splitlines() if "::" in line] == [f"test_it.py::test_net[{n}]" for n in ITEMS]
    assert (seen.exit, runs) == (0, [])


def test_the_first_failure_ends_a_session_with_x(session) -> None:
    assert list(session(ONE.format("axis:train"), "-x").outcomes) == [f"test_net[{n}]" for n in ("dZ2", "dW2", "db2")]


def test_last_failed(session) -> None:
    session(ONE.format("axis:train"))
    assert session(ONE.format("axis:train"), "--lf").outcomes == {"test_net[db2]": "failed"}


# -- beside other marks, in classes and modules


def test_a_class_and_a_module_mark_every_test_in_them_and_the_nearest_mark_counts(session, runs) -> None:
    seen = session("""
pytestmark = pytest.mark.gradcheck("axis:train", params=["b2"])

def test_module(): ...

@pytest.mark.gradcheck("net:train", params=["b2"])
class TestNet:
    def test_class(self): ...
    @pytest.mark.gradcheck("mask:train", params=["b2"])
    def test_own(self): ...
""")
    assert seen.outcomes == {
        "test_module[db2]": "failed",
        "test_module[rest]": "passed",
        "TestNet::test_class[db2]": "passed",
        "TestNet::test_class[rest]": "passed",
        "TestNet::test_own[db2]": "passed",
        "TestNet::test_own[rest]": "passed",
    }
    assert runs == ["axis:train", "net:train", "mask:train"]


def test_with_parametrize_the_gradient_comes_last_and_each_value_has_a_run(session, runs) -> None:
    seen = session("""
import net

@pytest.fixture
def sign(request, monkeypatch):
    monkeypatch.setattr(net, "W1", request.param * net.W1)
    if request.param < 0:
        monkeypatch.setattr(net.train, "__code__", __import__("axis").train.__code__)

@pytest.mark.parametrize("sign", [1, -1], indirect=True)
@pytest.mark.gradcheck("net:train", params=["W2", "b2"])
def test_net(sign): ...
""")
    assert seen.outcomes == {
        "test_net[1-dW2]": "passed",
        "test_net[1-db2]": "passed",
        "test_net[1-rest]": "passed",
        "test_net[-1-dW2]": "passed",
        "test_net[-1-db2]": "failed",
        "test_net[-1-rest]": "passed",
    }
    assert runs == ["net:train"] * 2


def test_the_body_is_run_after_the_check_with_its_fixtures(session) -> None:
    seen = session("""
@pytest.mark.gradcheck("axis:train", params=["W2", "b2"])
def test_net(gradcheck_report, tmp_path, request):
    assert gradcheck_report.verdict == "fail"
    assert [c.name for c in gradcheck_report.comparisons] == ["dW2", "db2"]
    assert "dW2" not in request.node.name
""")
    assert seen.outcomes == {"test_net[dW2]": "failed", "test_net[db2]": "failed", "test_net[rest]": "passed"}
    assert "AssertionError" in seen.text


def test_gradcheck_report_without_a_mark(session) -> None:
    seen = session("def test_net(gradcheck_report): ...")
    assert seen.outcomes == {"test_net": "error"}
    assert "gradcheck_report: test_net has no gradcheck mark, so there is no report. Mark it, e.g." in seen.text
    assert "gradcheck/pytest_plugin" not in seen.text


def test_skip_and_xfail(session, runs) -> None:
    seen = session("""
@pytest.mark.skip
@pytest.mark.gradcheck("axis:train", params=["b2"])
def test_skip(): ...

@pytest.mark.xfail(raises=gradcheck.WrongGradientError)
@pytest.mark.gradcheck("axis:train", params=["W2", "b2"])
def test_xfail(): ...

@pytest.mark.xfail(raises=gradcheck.NothingToCheck)
@pytest.mark.gradcheck("silent:train")
def test_nothing(): ...

@pytest.mark.xfail(run=False)
@pytest.mark.gradcheck("mask:train", params=["W1"])
def test_notrun(): ...
""")
    assert seen.parts("test_skip", "skipped") == ["db2", "rest"]
    assert seen.parts("test_xfail", "skipped") == ["db2"]
    assert seen.parts("test_xfail", "passed") == ["dW2", "rest"]
    assert seen.parts("test_nothing", "skipped") == ["target"]
    assert seen.parts("test_notrun", "skipped") == ["dW1", "rest"]
    assert (seen.exit, runs) == (0, ["axis:train", "silent:train"])


def test_where_a_mark_makes_no_items_the_whole_check_is_one(session) -> None:
    seen = session("""
import unittest

class TestUnit(unittest.TestCase):
    @pytest.mark.gradcheck("axis:train")
    def test_wrong(self): ...
    @pytest.mark.gradcheck("net:train")
    def test_right(self): ...

@pytest.mark.parametrize("target", [
    pytest.param(1, marks=pytest.mark.gradcheck("axis:train")),
    pytest.param(2, marks=pytest.mark.gradcheck("net:train")),
    3,
])
def test_param(target): ...
""")
    assert seen.outcomes == {
        "TestUnit::test_wrong": "failed",
        "TestUnit::test_right": "passed",
        "test_param[1]": "failed",
        "test_param[2]": "passed",
        "test_param[3]": "passed",
    }


# -- networks in test files


def test_a_network_in_a_test_file_may_assert_and_share_its_names_with_others(session) -> None:
    text = """
import numpy as np, pytest
rng = np.random.default_rng(0)
x, y, W, b = (rng.standard_normal(s) for s in ((7, 3), (7, 5), (3, 5), (5,)))

def train():
    assert x.ndim == 2
    Z = x @ W + b
    loss = ((Z - y) ** 2).sum() / 2
    dZ = Z - y
    assert dZ.shape == Z.shape
    dW = {}x.T @ dZ
    db = dZ.sum(axis=0)

@pytest.mark.gradcheck("{}:train")
def test_net(): ...
"""
    seen = session(test_a=text.format("", "test_a.py"), test_b=text.format("-", "test_b.py"))
    outcomes = {r.nodeid: r.outcome for r in seen.reports if r.when == "call"}
    assert [name for name, outcome in outcomes.items() if outcome != "passed"] == ["test_b.py::test_net[dW]"]
    assert len(outcomes) == 8


def test_a_file_beside_the_test_is_found_from_anywhere(project, session) -> None:
    project.mkpydir("nets")
    (project.path / "nets" / "deep.py").write_text((project.path / "axis.py").read_text())
    (project.path / "nets" / "test_deep.py").write_text("import pytest\n" + ONE.format("deep.py:train"))
    seen = session("", "nets")
    assert seen.parts("test_net", "failed") == ["db2"]
    assert "db2 sums over everything at nets/deep.py:" in seen.text
