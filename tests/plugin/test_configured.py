"""`pytest --gradcheck`: the targets of pyproject.toml as items."""

from __future__ import annotations

import pytest

NAMES = ["dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"]
ITEMS = [*NAMES, "rest"]


@pytest.fixture
def configured(session, project):
    """Run pytest in the project with this in pyproject.toml."""

    def run(toml: str, *args: str):
        project.path.joinpath("tox.ini").unlink(missing_ok=True)
        project.makepyprojecttoml(f"[tool.pytest.ini_options]\n{toml}")
        return session("def test_other(): ...", *args)

    return run


TARGETS = '[tool.gradcheck]\nproperties = false\ntargets = ["net:train", "axis.py:train"]\n'


def test_the_targets_are_items_beside_the_tests(configured) -> None:
    seen = configured(TARGETS, "--gradcheck")
    assert seen.parts("net:train", "passed") == ITEMS
    assert seen.parts("axis.py:train", "failed") == ["db2"]
    assert seen.parts("axis.py:train", "passed") == [name for name in ITEMS if name != "db2"]
    assert seen.outcomes["test_other"] == "passed"
    assert (seen.exit, len(seen.outcomes)) == (1, 17)
    assert "FAILED pyproject.toml::axis.py:train[db2] - db2 " in seen.text


def test_without_the_option_they_are_not(configured) -> None:
    assert configured(TARGETS).outcomes == {"test_other": "passed"}
    assert configured(TARGETS, "pyproject.toml").exit == 4  # no tests are found in it


@pytest.mark.slow
def test_they_are_selected_like_tests(configured) -> None:
    seen = configured(TARGETS, "--gradcheck", "pyproject.toml::axis.py:train[db2]")
    assert seen.outcomes == {"axis.py:train[db2]": "failed"}
    assert configured(TARGETS, "--gradcheck", "-k", "net and db1").outcomes == {"net:train[db1]": "passed"}
    assert configured(TARGETS, "--gradcheck", "--lf").outcomes == {"axis.py:train[db2]": "failed"}


def test_where_single_files_or_tests_are_named_they_are_left_out(configured) -> None:
    toml = 'addopts = ["--gradcheck"]\n' + TARGETS
    assert configured(toml, "test_it.py").outcomes == {"test_other": "passed"}
    assert configured(toml, "test_it.py::test_other").outcomes == {"test_other": "passed"}
    assert len(configured(toml, ".").outcomes) == 17


def test_options_hold_for_all_targets(configured) -> None:
    seen = configured(TARGETS + 'params = ["W1"]\n', "--gradcheck")
    assert set(seen.outcomes) == {f"{t}[{n}]" for t in ("net:train", "axis.py:train") for n in ("dW1", "rest")} | {
        "test_other"
    }


def test_options_hold_for_marks_too_where_these_leave_them_open(configured, project) -> None:
    project.makepyfile(
        test_mark="""
import pytest
@pytest.mark.gradcheck("net:train")
def test_open(): ...
@pytest.mark.gradcheck("net:train", params=["W2"])
def test_said(): ...
"""
    )
    seen = configured(TARGETS + 'params = ["W1"]\nformat = "json"\n')
    assert seen.parts("test_open") == ["dW1", "rest"]
    assert seen.parts("test_said") == ["dW2", "rest"]


def test_a_target_that_is_not_there_is_one_failing_item(configured) -> None:
    seen = configured('[tool.gradcheck]\ntargets = ["nut:train"]', "--gradcheck")
    assert seen.outcomes == {"nut:train[target]": "failed", "test_other": "passed"}
    assert "TARGET 'nut:train': there is no module 'nut'" in seen.text


@pytest.mark.parametrize("toml", ["", "[tool.gradcheck]\nseed = 3"])
def test_nothing_to_check_is_no_success(configured, toml) -> None:
    seen = configured(toml, "--gradcheck")
    assert seen.exit == 2
    assert (
        "--gradcheck: expected targets under [tool.gradcheck] in pyproject.toml,"
        ' e.g. targets = ["net.py:train"], got none.' in " ".join(seen.text.split())
    )


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("targets = [1]", "targets is [1], expected TARGETs"),
        ('targets = ["net:train"]\nparms = ["W1"]', "unknown key 'parms'; did you mean 'params'?"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_that_file_alone(project, toml, said) -> None:
    project.makeini("[pytest]")  # so that pytest itself does not read the pyproject.toml
    project.makepyprojecttoml(f"[tool.gradcheck]\n{toml}")
    project.makepyfile(test_it="def test_other(): ...")
    result = project.runpytest_inprocess("--gradcheck", "--continue-on-collection-errors", "-p", "no:randomly")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"*{said.replace('[', '[[]')}*"])
    assert "Traceback" not in result.stdout.str()


def test_no_pyproject_is_no_success(session, project) -> None:
    project.path.joinpath("pyproject.toml").unlink()
    seen = session("def test_other(): ...", "--gradcheck")
    assert seen.exit == 4
    assert "ERROR: --gradcheck: there is no pyproject.toml in " in seen.text


@pytest.mark.slow
def test_they_are_collected_wherever_the_tests_lie(configured, project) -> None:
    project.mkdir("tests")
    (project.path / "tests" / "test_more.py").write_text("def test_more(): ...")
    for args in (["tests"], ["tests", "tests/../tests"], [str(project.path)], ["--rootdir=.", "tests"]):
        seen = configured(TARGETS, "--gradcheck", *args)
        assert len(seen.parts("net:train")) == 8
        assert seen.outcomes["test_more"] == "passed"
