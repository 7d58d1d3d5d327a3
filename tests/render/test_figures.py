"""Figures, cutting and what a terminal can show."""

from __future__ import annotations

import io
import math

import pytest

from gradcheck.errors import UsageError
from gradcheck.render import render, terminal
from gradcheck.render.figures import (
    clip,
    clip_middle,
    columns,
    error_text,
    listed,
    scale_text,
    seconds_text,
    to_ascii,
    value_text,
    wrap,
)
from gradcheck.render.source import window


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (1.42, "1.42"),
        (0.3077, "0.31"),
        (0.00123, "0.0012"),
        (4.2e-10, "4e-10"),
        (2e-9, "2e-9"),
        (1.587e3, "1587"),
        (2.5e17, "2.5e17"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_errors(value, text):
    assert error_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (13.0, "13"),
        (60000.0, "60000"),
        (0.3077, "0.31"),
        (1.0, "1"),
        (1 + 1e-9, "1"),
        (1.0005, "1.0005"),
        (0.9996, "0.9996"),
        (-1.0, "-1"),
        (123.4, "123.4"),
        (123.00001, "123"),
        (0.0, "0"),
        (1e-9, "1e-9"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_scales(value, text):
    assert scale_text(value) == text


def test_other_figures():
    assert [value_text(value) for value in (None, 28.4123, 2.0, math.nan)] == ["-", "28.4", "2", "nan"]
    assert [seconds_text(s) for s in (0.0, 0.0412, 0.0951, 0.42, 3.21, 9.99, 41.4)] == [
        "0 s",
        "0.04 s",
        "0.095 s",
        "0.42 s",
        "3.2 s",
        "10 s",
        "41 s",
    ]


def test_lists():
    assert [listed(list("abcdefgh"[:number]), 4) for number in (0, 1, 2, 4, 8)] == [
        "",
        "a",
        "a and b",
        "a, b, c and d",
        "a, b, c and 5 more",
    ]


def test_wrapping():
    assert wrap("at m = 10 the shapes (13, 10) agree", 12) == ["at m = 10", "the shapes", "(13, 10)", "agree"]
    assert wrap("see a/path/that/is/long.py now", 10) == ["see", "a/path/that/is/long.py", "now"]
    assert wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrap("重み重み", 5) == ["重み", "重み"]
    assert wrap("", 4) == []


def test_cutting():
    assert clip("abcdef", 4) == "abc…"
    assert clip_middle("abcdefgh", 5) == "ab…gh"
    assert clip("重み重み", 5) == "重み…"
    assert columns("e\u0301") == 1
    assert window("abcdefghijklmnop", (0, 1), 8) == ("abcdefg…", 0)
    shown, shift = window("abcdefghijklmnopqrst", (15, 17), 8)
    assert shown[15 + shift : 17 + shift] == "pq"
    assert len(shown) <= 8


def test_ascii():
    assert to_ascii("Z1 × 2 − 1 → θ ✓") == "Z1 x 2 - 1 -> \\u03b8 ok"


class Screen(io.StringIO):
    encoding = "utf-8"

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("is_terminal", "environ", "paint"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "0"}, False),
        (True, {"FORCE_COLOR": "0"}, True),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
    ],
)
def test_colour(is_terminal, environ, paint):
    assert terminal.use_color(Screen(is_terminal), environ) is paint


def test_no_stream_is_no_terminal():
    assert not terminal.use_color(None, {})
    closed = io.StringIO()
    closed.close()
    assert not terminal.use_color(closed, {})


def test_width():
    assert terminal.width(io.StringIO(), {}) == 100
    assert terminal.width(None, {"COLUMNS": "72"}) == 72
    assert terminal.width(None, {"COLUMNS": "3"}) == 40
    assert terminal.width(None, {"COLUMNS": "wide"}) == 100


def test_encodings():
    def stream(encoding):
        return io.TextIOWrapper(io.BytesIO(), encoding=encoding)

    assert not terminal.needs_ascii(stream("utf-8"))
    assert terminal.needs_ascii(stream("ascii"))
    assert terminal.needs_ascii(stream("cp1252"))
    assert not terminal.needs_ascii(io.StringIO())


@pytest.mark.parametrize(
    ("format", "said"),
    [
        ("sarif", "--format sarif is not built yet; there are text, json, markdown"),
        ("html", "--format html is not built yet; there are text, json, markdown"),
        ("xml", "--format xml is not known; there are text, json, markdown"),
    ],
)
def test_formats_not_built(make, format, said):
    with pytest.raises(UsageError) as caught:
        render(make.original(), format)
    assert str(caught.value) == said
