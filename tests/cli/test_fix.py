"""`gradcheck run --fix`: one patch, written all at once, and only what is proven."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gradcheck import cli

from .conftest import Ran

CASES = Path(__file__).parent.parent / "cases"
TWO = (
    (CASES / "wrong_two_bugs.py")
    .read_text(encoding="utf-8")
    .replace("    dZ1 = dA1 * (1 - Z1**2)", "    ü = 1; dZ1 = dA1*(1  -  Z1**2)  # naïve")
)
RAW = b"\xef\xbb\xbf" + TWO.replace("\n", "\r\n").encode()
"""Two wrong lines, in Windows' line ends, behind a BOM, with what is not ASCII before a column."""
RIGHT = RAW.replace(b"db2 = -dZ2", b"db2 = dZ2").replace(b"(1  -  Z1**2)", b"(1  -  A1**2)")
Gradcheck = Callable[..., Ran]


def test_the_patch_is_written_and_nothing_else(gradcheck: Gradcheck, folder: Path) -> None:
    (folder / "two.py").write_bytes(RAW)
    (folder / "two.py").chmod(0o640)
    ran = gradcheck("run", "two.py", "--no-properties", "--fix")
    assert ran.code == 1  # the report is of the code as it was
    assert (folder / "two.py").read_bytes() == RIGHT
    assert os.name != "posix" or stat.S_IMODE((folder / "two.py").stat().st_mode) == 0o640
    assert ran.left <= {"net.py", "wrong.py", "script.py"}
    assert "2 fixes proven" in ran.out
    assert "--fix: two.py is fixed." in ran.err
    assert "+    db2 = dZ2.sum(axis=0)" in ran.err
    again = gradcheck("run", "two.py", "--no-properties", "-q")
    assert (again.code, again.err) == (0, "")


def test_nothing_is_written_without_it(gradcheck: Gradcheck, folder: Path) -> None:
    ran = gradcheck("run", "two.py", "--no-properties", "--format", "json", files={"two.py": RAW})
    assert (folder / "two.py").read_bytes() == RAW
    fixes = {f["tensor"]: f["fix"] for f in json.loads(ran.out)["findings"] if f["fix"]}
    assert fixes["db2"]["new"] == "db2 = dZ2.sum(axis=0)"
    assert fixes["dZ1"]["new"] == "ü = 1; dZ1 = dA1*(1  -  A1**2)  # naïve"
    assert all(fix["verified"] and fix["proof"] == "3 fresh batches" for fix in fixes.values())
    assert fixes["db2"]["diff"].startswith("--- a/two.py\n+++ b/two.py\n")


def test_where_nothing_is_proven_nothing_is_written(gradcheck: Gradcheck, folder: Path) -> None:
    text = TWO.replace("-dZ2.sum(axis=0)", "dZ2.sum(axis=0)").replace("dA1*(1  -  Z1**2)", "np.sort(dA1)**3 + 1")
    ran = gradcheck("run", "two.py", "--no-properties", "--fix", "-q", files={"two.py": text})
    assert ran.code == 1
    assert ran.said == "gradcheck: --fix: nothing was written, since no fix is proven."
    assert (folder / "two.py").read_text(encoding="utf-8") == text


def test_a_right_file_is_left_alone(gradcheck: Gradcheck, folder: Path) -> None:
    text = (CASES / "right_softmax_tanh.py").read_text(encoding="utf-8")
    ran = gradcheck("run", "right.py", "--no-properties", "--fix", "-q", files={"right.py": text})
    assert ran.code == 0
    assert ran.said == "gradcheck: --fix: nothing was written, since nothing is wrong."
    assert (folder / "right.py").read_text(encoding="utf-8") == text


def test_a_file_that_changes_meanwhile_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "two.py"
    path.write_bytes(RAW)
    monkeypatch.chdir(folder)
    show = cli._Show.__call__

    def edited(self: object, *args: object, **kwargs: object) -> None:
        show(self, *args, **kwargs)  # type: ignore[arg-type]
        path.write_bytes(RAW + b"# by someone else\r\n")

    monkeypatch.setattr(cli._Show, "__call__", edited)
    assert cli.main(["run", "two.py", "--no-properties", "--fix", "-q"]) == 2
    assert "two.py has changed since it was checked. Nothing was written" in capsys.readouterr().err
    assert path.read_bytes() == RAW + b"# by someone else\r\n"
