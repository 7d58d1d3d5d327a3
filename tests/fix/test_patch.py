"""Edits lie where they belong in the file, and everything else stays as it is, byte for byte."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.errors import UsageError
from gradcheck.patch import Patch, SourceText, Splice, line_starts, lines_of, merged, read, spliced, write

SOURCE = "# é\ndef f(W, x):\n\tü = 1  # naïve\n\treturn (W @\n\t\tx)\n"


def patch_of(path: Path, old: str, new: str) -> Patch:
    source = read(str(path))
    assert source is not None
    at = source.text.index(old)
    return Patch(source, (Splice(at, at + len(old), new),))


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["no BOM", "BOM"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_only_the_edit_changes(tmp_path: Path, bom: bytes, end: str) -> None:
    path = tmp_path / "net.py"
    raw = bom + SOURCE.replace("\n", end).encode()
    path.write_bytes(raw)
    write(patch_of(path, "W @", "W.T @"))
    assert path.read_bytes() == raw.replace(b"W @", b"W.T @")


def test_a_declared_encoding_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(b"# coding: latin-1\nname = '\xe9'; x = 1\n")
    write(patch_of(path, "x = 1", "x = 2"))
    assert path.read_bytes() == b"# coding: latin-1\nname = '\xe9'; x = 2\n"


def test_what_the_encoding_cannot_say_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(b"# coding: latin-1\nx = 1\n")
    with pytest.raises(UsageError, match=r"net\.py can't be written.*It is as it was"):
        write(patch_of(path, "x = 1", "x = 'Ω'"))
    assert path.read_bytes() == b"# coding: latin-1\nx = 1\n"
    assert os.listdir(tmp_path) == ["net.py"]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    path, link = tmp_path / "net.py", tmp_path / "link.py"
    path.write_text("x = 1\n")
    path.chmod(0o640)
    link.symlink_to(path)
    write(patch_of(link, "1", "2"))
    assert link.is_symlink()
    assert path.read_text() == "x = 2\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.py", "net.py"]


def test_a_file_that_has_changed_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("x = 1\n")
    patch = patch_of(path, "1", "2")
    path.write_text("x = 1  # by someone else\n")
    with pytest.raises(UsageError, match=r"has changed since it was checked. Nothing was written; run it again\."):
        write(patch)
    assert path.read_text() == "x = 1  # by someone else\n"


def test_patches_of_one_file_are_one(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("x = 1\ny = 2\n")
    one, other = patch_of(path, "1", "3"), patch_of(path, "2", "4")
    (both,) = merged([one, other, one])
    assert both.new == "x = 3\ny = 4\n"
    with pytest.raises(UsageError, match="contradict each other"):
        merged([one, patch_of(path, "x = 1", "x = 5")])


def test_the_diff_is_a_unified_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_bytes(b"a = 1\r\nb = 2")
    assert patch_of(tmp_path / "net.py", "2", "3").diff == (
        "--- a/net.py\n+++ b/net.py\n@@ -1,2 +1,2 @@\n a = 1\n"
        "-b = 2\n\\ No newline at end of file\n+b = 3\n\\ No newline at end of file\n"
    )


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"# coding: no-such\n", b"# coding: utf-7\nx = '+AGE-'\n"])
def test_what_would_not_come_out_the_same_is_not_read(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(raw)
    assert read(str(path)) is None
    assert read(str(tmp_path / "missing.py")) is None


def test_a_column_counts_bytes_and_a_form_feed_ends_no_line() -> None:
    source = SourceText("net.py", "é = 1; x = 2\f\r\ny = 3", "utf-8", "")
    assert source.text[source.offset(1, 8) :].startswith("x = 2")
    assert source.text[source.offset(2, 0) :] == "y = 3"
    assert len(line_starts(source.text)) == len(lines_of(source.text)) == 2


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.text(max_size=3)), max_size=4))
def test_insertions_leave_the_rest(text: str, inserted: list[tuple[int, str]]) -> None:
    places = {min(at, len(text)): new for at, new in inserted}
    result = spliced(text, [Splice(at, at, new) for at, new in places.items()])
    assert len(result) == len(text) + sum(map(len, places.values()))
    for at in sorted(places, reverse=True):
        start = at + sum(len(new) for other, new in places.items() if other < at)
        assert result[start : start + len(places[at])] == places[at]
        result = result[:start] + result[start + len(places[at]) :] if at == max(places) else result
        places = {k: v for k, v in places.items() if k != at}
    assert result == text


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        spliced("abc", [Splice(0, 2, "x"), Splice(1, 3, "y")])
