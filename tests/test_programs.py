"""Whole programs as people publish them, through the real command line: none has a driver, most need no option.

tests/programs/ holds one program a file (.py or .ipynb), or a folder for one that is several files. What is to be said
of it stands in the program itself, or in the folder's expected.py:

    EXPECTED = {
        "verdict": "fail",              # of the whole run; left out where there is no report
        "exit": 1,                      # of the command
        "fail": ["dW2"],                # gradients that are wrong, all of them
        "inherited": [],                # gradients that only inherit an error, all of them
        "checked": ["dW1", "dW2"],      # gradients that must be in the report, whatever their verdict
        "options": ["--loss", "..."],   # what the command line says beside the file
        "codes": {"dW2": "GC101"},      # causes
        "notes": ["stand-in"],          # each is found in one of the report's notes
        "no notes": ["is missing"],     # each is found in none of them
        "says": ["Python 2"],           # each is found on standard error
        "file": "src/train.py",         # of a folder: what is run
    }

Where a file of functions and classes comes to several reports, a gradient is named with the last name of its TARGET:
"affine_backward:db".
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "programs"
PROGRAMS = sorted(p for p in FOLDER.iterdir() if p.suffix in (".py", ".ipynb") or (p / "expected.py").is_file())
KEYS = frozenset(["no notes", *"verdict exit fail inherited checked options codes notes says file".split()])


def source(program: Path) -> str:
    """The text in which EXPECTED stands."""
    text = (program / "expected.py" if program.is_dir() else program).read_text(encoding="utf-8")
    if program.suffix == ".ipynb":
        cells = (c["source"] for c in json.loads(text)["cells"] if c["cell_type"] == "code")
        return next("".join(c) for c in cells if "EXPECTED" in "".join(c))
    return text[text.index("EXPECTED = ") :].partition("\n}\n")[0] + "\n}\n"


def expected(program: Path) -> dict[str, Any]:
    """EXPECTED of a program, read as data: the program itself may not even be Python 3."""
    statement = ast.parse(source(program)).body[0]
    assert isinstance(statement, ast.Assign), program
    found: dict[str, Any] = ast.literal_eval(statement.value)
    assert found.keys() <= KEYS, f"{program.name}: {found.keys() - KEYS}"
    assert "exit" in found, f"{program.name} does not say how the command ends"
    return found


@dataclass(frozen=True, slots=True)
class Ran:
    """What the command did."""

    code: int
    report: dict[str, Any]
    err: str
    left: frozenset[str]
    """Files that are there afterwards and were not before."""


def run(command: Callable[..., Any], program: Path, folder: Path, file: str, options: list[str]) -> Ran:
    """Run a copy of the program, in a folder of its own."""
    shutil.copytree(program, folder, dirs_exist_ok=True) if program.is_dir() else shutil.copy(program, folder)
    before = tree(folder)
    ran = command("run", file, "--format", "json", "--no-properties", *options, cwd=folder)
    report = json.loads(ran.stdout) if ran.stdout.strip() else {}
    return Ran(ran.returncode, report, " ".join(ran.stderr.split()), tree(folder) - before)


def reports(report: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Each report of a run with what stands before its gradients' names: "" for the only one, else its last name."""
    if "reports" in report:
        return [(re.split("[:,]", r["target"])[-1] + ":", r) for r in report["reports"]]
    return [("", report)] if report else []


def tree(folder: Path) -> frozenset[str]:
    """Everything below a folder, and when it was written."""
    return frozenset(f"{p.relative_to(folder)} {p.stat().st_mtime_ns}" for p in folder.rglob("*") if p.is_file())


SLOW = frozenset(
    "at_once_wrong engine_of_arrays_wrong engine_trains_wrong engine_of_single_precision_wrong"
    " recurrent_samples_text_wrong functions_and_adjoints_wrong gated_units_not_transposed"
    " layers_as_objects_wrong layers_with_state_wrong loss_functions_wrong pairs_of_images pairs_of_layers_wrong"
    " recurrent_characters_doubled recurrent_object_not_transposed samples_one_by_one_no_derivative tensorflow_fashion"
    " written_into_gradients_wrong one_encoder_for_pairs_wrong two_networks_by_turns_wrong columns_one_by_one_wrong"
    " adjoint_in_time adjoint_in_time_wrong handed_the_difference_wrong tried_out_below_wrong experts"
    " edits_before_the_forward_wrong clipped_by_norm_wrong two_networks_by_turns columns_one_by_one"
    " pairs_over_time_wrong notebook_of_pairs_wrong attention_of_layers_wrong"
    " gradients_in_a_list_of_dicts recurrent_samples_text lists_put_together_wrong layers_and_optimizers_wrong"
    " example_calls_wrong engine_of_numbers_wrong loss_beside_gradients_wrong loss_on_the_way_back_wrong"
    " handed_together_wrong scores_beside_the_step_wrong containers_of_layers_wrong update_only_stale_weights"
    " engine_trains_single_wrong recurrent_adagrad_last_turn_only"
    " marginals_of_a_sequence_wrong_axis ratings_by_factors_view attention_of_layers"
    " sums_of_samples_last_one_only two_networks_of_one_kind_wrong lstm_states_in_dictionaries"
    " means_of_layers_wrong layers_with_state pairs_over_time notebook_of_flow tasks_of_a_pool_wrong"
    " layers_as_objects integers_and_aliases".split()
)
"""Those that take seconds."""


@pytest.mark.parametrize(
    "program", [pytest.param(p, marks=[pytest.mark.slow] * (p.stem in SLOW), id=p.stem) for p in PROGRAMS]
)
def test_program(program: Path, tmp_path: Path, command: Callable[..., Any]) -> None:
    want = expected(program)
    ran = run(command, program, tmp_path, want.get("file", program.name), want.get("options", []))
    told = json.dumps(ran.report, indent=1) + ran.err
    verdicts = {name + c["name"]: c["verdict"] for name, r in reports(ran.report) for c in r["comparisons"]}
    assert (ran.code, ran.report.get("verdict")) == (want["exit"], want.get("verdict")), told
    for kind in ("fail", "inherited"):
        assert sorted(n for n, v in verdicts.items() if v == kind) == sorted(want.get(kind, [])), told
    assert set(want.get("checked", ())) <= verdicts.keys(), told
    codes = {name + str(f["tensor"]): f["code"] for name, r in reports(ran.report) for f in r["findings"]}
    assert want.get("codes", {}).items() <= codes.items(), told
    for text in want.get("notes", ()):
        assert any(text in note for _, r in reports(ran.report) for note in r["notes"]), told
    for text in want.get("no notes", ()):
        assert not any(text in note for _, r in reports(ran.report) for note in r["notes"]), told
    for text in want.get("says", ()):
        assert text in ran.err, told
    assert not ran.left, "the run left or changed files"


def test_what_is_expected_says_something() -> None:
    assert {p.stem for p in PROGRAMS} >= SLOW
    wants = [expected(p) for p in PROGRAMS]
    for program, want in zip(PROGRAMS, wants):
        if want.get("verdict") == "pass":
            assert want.get("checked"), f"{program.name} passes, but what was checked is not said"
        if want.get("verdict") == "fail":
            assert want.get("fail") or want.get("codes"), f"{program.name} fails, but where is not said"
    assert sum(want.get("verdict") == "fail" for want in wants) >= 1


def test_the_table_of_programs() -> None:
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    verdicts = {p.stem: expected(p).get("verdict") for p in PROGRAMS}
    rows = [
        [re.findall(r"`([a-z]\w*_\w+\*?)`", cell) for cell in line.split("|")[2:-1]] for line in lines if "`" in line
    ]
    for row in (row for row in rows if any(row)):
        named = [
            [v for s, v in verdicts.items() if s == n or (n[-1] == "*" and s.startswith(n[:-1]))]
            for c in row
            for n in c
        ]
        assert all(named), f"{row} names what is no program"
        assert sum(map(len, named)) > 1, f"{row} has one program"
        if len(row) == 2:  # right ones, wrong ones
            right, wrong = ({verdicts.get(name) for name in cell} for cell in row)
            assert "fail" not in right, row
            assert "pass" not in wrong, row
    assert sum("options" not in expected(p) for p in PROGRAMS) >= 30
