"""benchmarks/reproduce_figures.py on made-up histories: the runs themselves take minutes and MNIST."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from reference_net.training import Progress

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "reproduce_figures.py"
COURSES = [(0.12, 0.15, 0.12), (0.2, 0.62, 0.62), (0.2, 0.9, 0.9), (0.8, 0.928, 0.928)]


@pytest.fixture
def figures(monkeypatch):
    spec = importlib.util.spec_from_file_location("reproduce_figures", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def measured(figures):
    def result(course):
        return figures.Measured([Progress(n, 1.0, a, a) for n, a in enumerate(course, 1)], 1.5)

    return [[result(course)] * 5 for course in COURSES]


def test_what_is_expected_passes(figures, measured):
    assert [figures.discrepancy(*pair) for pair in zip(figures.FIGURES, measured)] == [None] * 4


@pytest.mark.parametrize("row", range(4))
@pytest.mark.parametrize("shift", [-0.02, 0.02])
def test_two_points_off_at_every_seed_is_said(figures, measured, row, shift):
    figure, results = figures.FIGURES[row], measured[row]
    for result in results[:1]:
        result.history[-1] = Progress(3, 1.0, COURSES[row][-1] + shift, 0.5)
    message = figures.discrepancy(figure, results)
    assert message.startswith(f"{figure.label}: expected {figure.expected}, got ")
    assert f"{COURSES[row][-1] + shift:.1%}" in message


def test_seeds_on_both_sides_of_it_pass(figures, measured):
    low, high = ([Progress(1, 1.0, 0.62 + shift, 0.6)] for shift in (-0.05, 0.05))
    results = [figures.Measured(low, 1.0), figures.Measured(high, 1.0)]
    assert figures.discrepancy(figures.FIGURES[1], results) is None
    assert figures.discrepancy(figures.FIGURES[1], results[:1]) is not None


def test_raised_is_what_the_original_raises(figures, subset):
    assert figures.raised(subset).strip() == figures.RAISED.replace("60000", "2000")


def test_page_shows_every_row_and_seed(figures, measured):
    page = figures.page("the message ", measured)
    assert "    ValueError: the message\n" in page
    assert (
        "| corrected | He | 0.25 | 200 full-batch epochs | about 90% | 90.0% | 90.0% | 90.0% to 90.0% | 1.5 |" in page
    )
    assert "| 4 | 12.0% -> 15.0% -> 12.0% | 20.0% -> 62.0% -> 62.0% |" in page
    assert "/work" not in page


def test_curves_are_drawn(figures, measured, tmp_path):
    figures.draw([results[0] for results in measured], tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
