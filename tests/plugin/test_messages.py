"""What is shown of a failure: the report and the user's own lines, never gradcheck's."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

ONE = '@pytest.mark.gradcheck("{}")\ndef test_net(): ...\n'
OURS = "gradcheck/p"  # pytest_plugin, pipeline, probing
FRAME = re.compile(r"^\S*(gradcheck|pluggy|_pytest)\S*\.py:\d+: ", re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    """The failures of a session by test."""
    parts = re.split(r"^_{3,} (\S+) _{3,}$", text.partition("= short test summary")[0], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


# -- wrong gradients


def test_the_first_failure_has_its_cause_and_the_whole_table_the_others_point_to_it(session) -> None:
    seen = session(ONE.format("mask:train"))
    shown = sections(seen.text)
    assert list(shown) == ["test_net[dZ1]", "test_net[dW1]", "test_net[db1]"]
    first, second, third = shown.values()
    for name in ("dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"):
        assert re.search(rf"^{name} ", first, re.MULTILINE)
    assert "dZ1 = dA1 * (1 - A1)" in first
    assert "loss  " in first
    assert re.search(r"^dZ1 .* wrong", first, re.MULTILINE)
    for name, text in (("dW1", second), ("db1", third)):
        assert f"(✗) {name} is wrong only because dZ1 is, at mask.py:20\n" in text
        assert "dZ1 = dA1 * (1 - A1)" in text
        assert re.search(rf"^{name} .* inherited from dZ1$", text, re.MULTILINE)
        assert not re.search(r"^dZ2 ", text, re.MULTILINE)
        assert "the whole table is shown with test_it.py::test_net[dZ1]" in text
    assert not FRAME.search(seen.text)
    assert "Error" not in seen.text


def test_the_summary_says_in_a_line_what_is_wrong_and_where(session) -> None:
    summary = session(ONE.format("mask:train")).text.partition("short test summary")[2]
    assert re.search(r"FAILED test_it.py::test_net\[dZ1\] - dZ1 .* at mask.py:20", summary)
    assert "FAILED test_it.py::test_net[dW1] - dW1 is wrong only because dZ1 is, at mask.py:20" in summary


def test_tb_line_is_the_guilty_line(session) -> None:
    assert re.search(r"^mask.py:20: dZ1 ", session(ONE.format("mask:train"), "--tb=line").text, re.MULTILINE)


@pytest.mark.slow
def test_the_report_is_as_wide_as_the_terminal(session, monkeypatch) -> None:
    for columns in (60, 140):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = "".join(sections(session(ONE.format("mask:train")).text).values()).splitlines()
        assert max(map(len, lines)) <= columns
        assert any("± numeric" in line for line in lines) == (columns == 140)


def test_full_trace_has_it_all(session) -> None:
    assert OURS in session(ONE.format("mask:train"), "--full-trace").text


def test_colours_are_the_terminals_and_not_the_files(session, project) -> None:
    text = session(ONE.format("mask:train"), "--color=yes", "--junitxml=junit.xml").text
    assert "\x1b[31;1mGC" in text
    assert "\x1b" not in (project.path / "junit.xml").read_text()
    assert "#x1B" not in (project.path / "junit.xml").read_text()


def test_junit_names_items_and_says_what_is_wrong(session, project) -> None:
    session(ONE.format("mask:train"), "--junitxml=junit.xml")
    cases = {case.get("name"): case for case in ElementTree.parse(project.path / "junit.xml").iter("testcase")}
    assert cases["test_net[dZ1]"].get("classname") == "test_it"
    failure = cases["test_net[dW1]"].find("failure")
    assert failure is not None
    assert failure.get("message") == "dW1 is wrong only because dZ1 is, at mask.py:20"
    assert "inherited from dZ1" in (failure.text or "")
    assert cases["test_net[dW2]"].find("failure") is None


def test_what_is_no_gradients_own_fails_the_rest(session) -> None:
    seen = session(ONE.format("update:train"))
    assert seen.parts("test_net", "failed") == ["rest"]
    assert re.search(r"test_net\[rest\] - the update at line \d+ raises ValueError at update.py:", seen.text)
    seen = session('@pytest.mark.gradcheck("net:train", shapes="x:(m,3) Z1:(m,4)")\ndef test_net(): ...')
    assert seen.parts("test_net", "failed") == ["rest"]
    assert re.search(r"✗ Z1: expected \(m, ?4\)", seen.text)


def test_properties_are_checked_unless_they_are_left_out(session, project) -> None:
    project.makepyfile(
        inplace="""
import numpy as np

rng = np.random.default_rng(0)
x, W = rng.standard_normal((7, 3)), rng.standard_normal((3, 2))

def train():
    Z = x @ W
    loss = (Z**2).sum() / 2
    dZ = Z
    dW = x.T @ dZ
    x[:] = 0
"""
    )
    project.path.joinpath("pyproject.toml").unlink()
    text = '@pytest.mark.gradcheck("inplace:train"{})\ndef test_net(): ...'
    seen = session(text.format(""))
    assert seen.parts("test_net", "failed") == ["rest"]
    assert "✗ " in sections(seen.text)["test_net[rest]"]
    assert session(text.format(", properties=False")).parts("test_net", "failed") == []


# -- inconclusive, and right with a warning


def test_inconclusive_fails_unless_it_is_allowed(session) -> None:
    text = '@pytest.mark.gradcheck("net:train", budget=120{})\ndef test_net(): ...'
    seen = session(text.format(""))
    assert 0 < len(seen.parts("test_net", "failed")) < 7
    assert seen.parts("test_net", "failed")[-1] == "db1"
    assert "? db1 is inconclusive: budget of 120 evaluations spent at net.py:22" in sections(seen.text)["test_net[db1]"]
    seen = session(text.format(", allow_inconclusive=True"), "-rP")
    assert seen.parts("test_net", "failed") == []
    assert "db1 is inconclusive: budget of 120 evaluations spent at net.py:22" in seen.text


def test_allowing_inconclusive_allows_nothing_else(session) -> None:
    seen = session('@pytest.mark.gradcheck("axis:train", allow_inconclusive=True)\ndef test_net(): ...')
    assert seen.parts("test_net", "failed") == ["db2"]


def test_a_warning_passes_and_is_told_in_the_items_section_and_with_v(session) -> None:
    seen = session(ONE.format("layout:train"), "-W", "error", "-rP")
    assert seen.exit == 0
    assert "dW1 is transposed" in seen.text
    assert "dW1" not in session(ONE.format("layout:train"), "-W", "error").text
    summary = session(ONE.format("layout:train"), "-v").text.partition("= gradcheck =")[2]
    lines = [line.strip() for line in summary.splitlines()[1:4]]
    assert lines[0] == "test_it.py::test_net"
    assert lines[1].startswith("✓ all 7 gradients right · would have seen errors from ")
    assert lines[2].startswith("warning GC103  dW1 is transposed")


# -- what can't be read, driven or seen: one failing item, the other tests of the file are run


CANNOT = [
    (
        '("net:train", parms=["W1"])',
        "the gradcheck mark of test_net: unknown keyword 'parms'; did you mean 'params'? Known are"
        " allow_inconclusive, args, batch, budget,",
    ),
    ('("net:train", lr=1)', "unknown keyword 'lr'. Known are"),
    ('("net:train", batch="8")', "the gradcheck mark of test_net: batch is '8', expected a whole number."),
    ('("net:train", full=1)', "full is 1, expected True or False."),
    ('("net:train", seed=True)', "seed is True, expected a whole number."),
    ('("net:train", grads="dW1=W1")', "grads is 'dW1=W1', expected gradients and their values, e.g."),
    ('("net:train", params=3)', """params is 3, expected names, e.g. ["W1", "b1"]."""),
    ('("net:train", method="magic")', "--method magic: expected one of auto, central"),
    ('("net:train", params=["W9"])', "--params W9: the code computes no parameter with a gradient of that name"),
    ("", "expected one TARGET, or a forward and a backward function, got none. For example"),
    ("(1, 2, 3)", "expected one TARGET, or a forward and a backward function, got 1, 2, 3."),
    ("(3)", "expected a TARGET text, a module or a function, got int 3."),
    ('("nut:train")', "TARGET 'nut:train': there is no module 'nut', neither installed nor in the current folder."),
    ('("net:trian")', "TARGET 'net:trian': net has nothing named 'trian' (there are train)."),
    ('("nut.py:train")', "the file nut.py does not exist"),
    ('("silent:train")', "silent:train: no gradient could be observed. A gradient is found by its name"),
    ('("raises:train")', "raises:train raised before any backward step was seen: ValueError"),
    ('("broken:train")', "broken.py:2 can't be parsed"),
    ('("importing:train")', "importing raised while it was imported: ZeroDivisionError: division by zero"),
    ('("leaving:train")', "leaving ends the program while it is imported: SystemExit"),
    ('("asking:train")', "asking:train waits for input before any backward step was seen"),
]
"""(what the mark says, what the item says)"""


@pytest.mark.slow
def test_what_cannot_be_checked_is_one_failing_item_with_a_paragraph(session, project) -> None:
    project.makepyfile(
        broken="import numpy\ndef train(:\n",
        importing="1 / 0\n",
        leaving="raise SystemExit(3)\n",
        asking="def train():\n    W = float(input())\n    dW = W\n",
    )
    marked = "\n".join(
        f"@pytest.mark.gradcheck{mark}\ndef test_net{at}(): ...\ndef test_other{at}(): ..."
        for at, (mark, _) in enumerate(CANNOT)
    )
    seen = session(marked)
    shown = sections(seen.text)
    for at, (mark, said) in enumerate(CANNOT):
        assert seen.outcomes[f"test_net{at}[target]"] == "failed", mark
        assert seen.outcomes[f"test_other{at}"] == "passed"
        assert said.replace("test_net", f"test_net{at}") in " ".join(shown[f"test_net{at}[target]"].split())
    assert len(seen.outcomes) == 2 * len(CANNOT)
    assert OURS not in seen.text
    assert not FRAME.search(seen.text)


def test_a_target_that_raises_shows_the_users_own_frames(session) -> None:
    text = session(ONE.format("raises:train")).text
    assert '  File "raises.py", line 13, in train\n    A1 = np.tanh(Z1) @ W1' in text


def test_two_marks_on_one_test(session) -> None:
    seen = session('@pytest.mark.gradcheck("axis:train")\n' + ONE.format("net:train"))
    assert seen.outcomes == {"test_net[target]": "failed"}
    assert "the gradcheck mark of test_net: expected one, got 2. Write a test for each target." in seen.text


def test_a_target_that_a_fixture_makes_is_checked_as_one_item(session) -> None:
    seen = session("""
from pathlib import Path

@pytest.fixture
def made(tmp_path):
    source = Path("axis.py").read_text()
    Path("later.py").write_text(source)

@pytest.mark.gradcheck("later.py:train")
def test_net(made): ...
""")
    assert seen.outcomes == {"test_net[target]": "failed"}
    assert "1 line wrong: db2 at 18" in seen.text


# -- by hand


BY_HAND = """
def test_net():
    gradcheck.check("mask:train").raise_if_wrong()
"""


def test_by_hand_shows_the_users_line_and_the_report(session) -> None:
    text = session(BY_HAND).text
    assert '>       gradcheck.check("mask:train").raise_if_wrong()' in text
    assert "E       gradcheck.errors.WrongGradientError: ✗ 1 line wrong: dZ1 at 20" in text
    assert re.search(r"^E +dW1 .* inherited from dZ1", text, re.MULTILINE)
    assert "test_it.py:5: WrongGradientError" in text
    assert "gradcheck/report.py" not in text
    assert "gradcheck/report.py" in session(BY_HAND, "--full-trace").text


def test_by_hand_fits_the_terminal(session, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    lines = re.findall(r"^E  .*", session(BY_HAND).text, re.MULTILINE)
    assert len(lines) > 20
    assert max(map(len, lines[1:])) <= 70


def test_by_hand_what_is_right_passes_and_what_cannot_be_checked_says_why(session) -> None:
    seen = session("""
def test_right():
    assert gradcheck.check("net:train").raise_if_wrong().verdict == "pass"

def test_missing():
    gradcheck.check("net:trian")

class TestIt:
    def test_nothing(self):
        gradcheck.check("silent:train").raise_if_wrong()
""")
    assert seen.outcomes == {"test_right": "passed", "test_missing": "failed", "TestIt::test_nothing": "failed"}
    assert "E       gradcheck.errors.UsageError: TARGET 'net:trian': net has nothing named 'trian'" in seen.text
    assert "E       gradcheck.errors.NothingToCheck: silent:train: no gradient" in seen.text
    assert "gradcheck/api.py" not in seen.text


def test_another_tests_failure_is_left_alone(session) -> None:
    text = session("def test_net():\n    assert {'a': 1} == {'a': 2}").text
    assert "E       AssertionError: assert {'a': 1} == {'a': 2}" in text
