"""Every code has a page; what its examples are said to yield, they do."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

import gradcheck
from gradcheck.codes import CODES, page
from gradcheck.pages import laid_out
from gradcheck.render import render_text

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
import findings

sys.path.pop(0)

SECTIONS = ("What it means", "Why it hurts", "Wrong", "Right", "How it is proven", "What it can't tell")
PAGES = list(CODES)
MARK = re.compile(r"  # wrong.*$")


def sections(text: str) -> dict[str, str]:
    """A page's sections by their headings."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def programs(code: str) -> tuple[str, str]:
    """A page's wrong program, and the right one: what the page says in place of the lines marked as wrong."""
    told = sections(page(code))
    (wrong,), (instead,) = blocks(told["Wrong"], "python"), blocks(told["Right"], "python")
    lines = wrong.splitlines(keepends=True)
    marked = [i for i, line in enumerate(lines) if MARK.search(line)]
    assert marked == list(range(marked[0], marked[-1] + 1)), "the lines marked as wrong stand together"
    return wrong, "".join([*lines[: marked[0]], instead, *lines[marked[-1] + 1 :]])


def checked(code: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> gradcheck.Report:
    """What the page's own command comes to."""
    monkeypatch.chdir(folder)
    (folder / "net.py").write_text(text, encoding="utf-8")
    command = shlex.split(blocks(sections(page(code))["Wrong"], "console")[0].splitlines()[0])
    assert command[:3] == ["$", "gradcheck", "run"]
    return gradcheck.check(command[3], properties=False, shapes=command[5] if "--shapes" in command else None)


@pytest.mark.parametrize("code", PAGES)
def test_the_wrong_example_yields_the_code(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = checked(code, programs(code)[0], tmp_path, monkeypatch)
    assert code in {f.code for f in report.findings}, str(report)
    finding = next(f for f in report.findings if f.code == code)
    assert CODES[code][0] == finding.category
    assert f"\n{finding.category}, {'an error' if finding.severity == 'error' else 'a warning'}.\n" in page(code)
    shown = render_text(report, width=76)
    for block in blocks(sections(page(code))["Wrong"], "console"):
        _, *lines = block.splitlines()
        assert [line for line in lines if line not in shown.splitlines()] == [], shown


@pytest.mark.parametrize("code", PAGES)
def test_the_right_example_does_not(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = checked(code, programs(code)[1], tmp_path, monkeypatch)
    assert code not in {f.code for f in report.findings}, str(report)
    assert not [f for f in report.findings if f.severity == "error"], str(report)


@pytest.mark.parametrize("code", PAGES)
def test_a_page_is_whole_and_fits_a_terminal(code: str) -> None:
    text = page(code)
    assert re.match(rf"# {code}: [^A-Z\n].+[^.]\n\n[a-z-]+, (an error|a warning)\.\n", text)
    assert text.isascii()
    assert tuple(sections(text)) == SECTIONS
    assert blocks(sections(text)["Wrong"], "console"), "what the command prints"
    shown = laid_out(text, 80)
    assert max(map(len, shown.splitlines())) <= 80
    assert not re.search(r"^(?!    ).*(\]\(|`)|^#", shown, re.MULTILINE)


def test_a_page_of_another_code_would_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = checked("GC361", programs("GC361")[1], tmp_path, monkeypatch)
    assert "GC361" not in {f.code for f in report.findings}


def test_every_code_that_is_told_has_a_page() -> None:
    sources = Path(gradcheck.__file__).parent.rglob("*.py")
    told = {code for source in sources for code in re.findall(r'"(GC\d{3})"', source.read_text(encoding="utf-8"))}
    assert told - CODES.keys() == set()
    assert "GC201" in told


def test_the_documentation_lists_every_code() -> None:
    written = findings.PAGE.read_text(encoding="utf-8")
    assert findings.renewed(written) == written, "python docs/findings.py writes the table anew"
    assert findings.renewed(written.replace("| sign |", "| signs |")) == written
