"""Pictures of learning curves, and what is said where there can be none."""

from __future__ import annotations

import sys

import pytest

from reference_net import plot
from reference_net.training import Progress

HISTORY = [Progress(n, 2.0 / n, 1 - 0.5 / n, 1 - 0.6 / n) for n in range(1, 8)]


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
@pytest.mark.parametrize("epochs", [1, 7])
def test_the_suffix_is_the_format(tmp_path, suffix, start, epochs):
    path = tmp_path / f"curves.{suffix}"
    plot.require(path)
    plot.draw(HISTORY[:epochs], "a run", path)
    assert path.read_bytes().startswith(start)


def test_another_history_is_another_picture(tmp_path):
    one, same, other = (tmp_path / name for name in ("one.png", "same.png", "other.png"))
    for path, history in [(one, HISTORY), (same, HISTORY), (other, HISTORY[:-1])]:
        plot.draw(history, "a run", path)
    assert one.read_bytes() == same.read_bytes() != other.read_bytes()


@pytest.mark.parametrize("name", ["curves.doc", "curves"])
def test_an_unknown_format_is_refused(tmp_path, name):
    path = tmp_path / name
    message = r"expected a picture's file name ending in one of .*\.png.*, got '(\.doc)?'$"
    with pytest.raises(plot.PlotError, match=message):
        plot.require(path)


def test_a_missing_folder_is_refused(tmp_path):
    path = tmp_path / "nowhere" / "curves.png"
    with pytest.raises(plot.PlotError, match=r"curves\.png: expected an existing folder, got .*nowhere$"):
        plot.require(path)
    with pytest.raises(plot.PlotError, match=r"curves\.png cannot be written: No such file or directory$"):
        plot.draw(HISTORY, "a run", path)


def test_without_matplotlib_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(plot.PlotError, match=r"needs matplotlib, .*: pip install gradcheck\[plot\]$"):
        plot.require(tmp_path / "curves.png")
