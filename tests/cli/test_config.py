"""[tool.gradcheck] in pyproject.toml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradcheck import config
from gradcheck.errors import UsageError

Gradcheck = Callable[..., Any]


def table(text: str) -> str:
    return f"[tool.gradcheck]\n{text}\n"


def test_targets_and_options_stand_in_the_file(gradcheck: Gradcheck) -> None:
    text = table('targets = ["net.py:train"]\ncall = "train(x, y)"\nproperties = false\nseed = 3\nquiet = true')
    ran = gradcheck("run", files={"pyproject.toml": text})
    assert (ran.code, ran.out) == (0, "✓ net.py, train: all 3 gradients right\n")


def test_the_command_line_wins(gradcheck: Gradcheck) -> None:
    text = table('targets = ["nope.py"]\nseed = 3\nno-properties = true')
    ran = gradcheck("run", "script.py", "--seed", "4", files={"pyproject.toml": text})
    assert ran.code == 0
    assert ran.out.startswith("script.py · seed 4")


def test_a_file_further_up(gradcheck: Gradcheck) -> None:
    text = table('targets = ["net.py:train"]\ncall = "train(x, y)"\nno_properties = true')
    ran = gradcheck("run", files={"pyproject.toml": text, "deep/er/pyproject.toml": "[tool.other]\n"}, at="deep/er")
    assert ran.code == 0
    assert "all 3 gradients right" in ran.out


WRONG = {
    "unknown": ('los = "x"', "pyproject.toml, [tool.gradcheck]: unknown key 'los'; did you mean 'loss'?"),
    "far off": ("zzz = 1", "unknown key 'zzz'. Known are targets, loss"),
    "not a number": ('seed = "3"', "seed is '3', expected a whole number"),
    "a switch": ("full = 1", "full is 1, expected true or false"),
    "a number for a switch": ("seed = true", "seed is True, expected a whole number"),
    "targets": ("targets = 3", 'targets is 3, expected TARGETs, e.g. ["net.py:train"]'),
    "grads": ("grads = 3", "grads is 3, expected gradients and their values"),
    "a value that it can't have": ("batch = 0", "--batch 0: expected a number of samples"),
    "jobs": ("jobs = 0", "--jobs 0: expected a number of TARGETs"),
    "format": ('format = "yaml"', "--format yaml: expected one of text, json"),
    "contradictory": ("quiet = true\nverbose = 1", "-q and -v contradict each other"),
    "empty": ('loss = ""', "--loss is empty"),
    "malformed": ("loss = \n", "pyproject.toml can't be read: Invalid value (at line 2"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named(gradcheck: Gradcheck, what: str) -> None:
    text, said = WRONG[what]
    ran = gradcheck("run", "script.py", files={"pyproject.toml": table(text)})
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.said
    assert ran.err.startswith("gradcheck: ")


def test_not_a_table(gradcheck: Gradcheck) -> None:
    ran = gradcheck("run", "script.py", files={"pyproject.toml": "tool.gradcheck = 3"})
    assert ran.code == 2
    assert "expected a table [tool.gradcheck]" in ran.said


def test_another_tools_malformed_file_is_no_concern(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.other\n")
    assert config.load(tmp_path) == config.Config()


READ = {
    'params = ["W1", "b1"]': {"params": ("W1", "b1")},
    'params = "W1, b1"': {"params": ("W1", "b1")},
    'grads = { update = "W" }': {"grads": {"update": "W"}},
    'grad = ["update=W", "g = b"]': {"grads": {"update": "W", "g": "b"}},
    'grad = "update=W"': {"grads": {"update": "W"}},
    "allow-inconclusive = true": {"allow_inconclusive": True},
    "timeout = 3": {"timeout": 3},
    "timeout = 2.5": {"timeout": 2.5},
    "no-properties = true": {"properties": False},
    "properties = true": {"properties": True},
}


@pytest.mark.parametrize("text", READ)
def test_values(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(table(text))
    assert config.load(tmp_path).values == READ[text]


@pytest.mark.parametrize("text", ["params = []", 'grad = ["update"]', 'grad = ["=W"]', "params = [1]"])
def test_values_that_mean_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(table(text))
    with pytest.raises(UsageError, match=text.split()[0]):
        config.load(tmp_path)


def test_files_are_found_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(table('targets = ["a/net.py:train", "pkg.net", "b.py"]'))
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    loaded = config.load(below)
    assert loaded.targets == (str(Path("../net.py:train")), "pkg.net", str(Path("../../b.py")))
    assert config.folders(loaded, below) == [str(below), str(tmp_path)]
