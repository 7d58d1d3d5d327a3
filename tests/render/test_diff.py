"""Two backward passes side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradcheck.errors import UsageError
from gradcheck.render import render_diff
from gradcheck.render.diff import headline, layer_of, what_differs
from gradcheck.render.figures import columns


def test_the_founding_case(make):
    text = render_diff(make.difference(), width=120)
    assert text.splitlines()[0] == (
        "✗ different: dW2, db2, db1 and the layout of dW1; reference_net:corrected is right"
    )
    assert text.splitlines()[6:9] == [
        "layer  gradient  a line  b line  a shape    b shape    expected   difference  right  what differs",
        "-----  --------  ------  ------  ---------  ---------  ---------  ----------  -----  ----------------------",
        "2      dZ2           59      50  (13, 10)   (13, 10)   (13, 10)            0  both   same",
    ]
    assert text.splitlines()[-1] == "✗ 4 of 6 gradients differ · 462 forwards, 0.05 s"


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_fits(make, width):
    text = render_diff(make.difference(), width=width)
    assert max(map(columns, text.splitlines())) <= width


def test_ascii_and_quiet(make):
    assert render_diff(make.difference(), ascii=True).isascii()
    assert len(render_diff(make.difference(), verbose=-1).splitlines()) == 1


def only(diff, *names, **fields):
    return replace(diff, rows=tuple(replace(row, **fields) for row in diff.rows if row.name in names))


def test_headlines(make):
    diff = make.difference()
    assert headline(only(diff, "dZ2", "dZ1")) == "the same in all 2 gradients; both are right"
    assert headline(only(diff, "dZ2", right="neither")) == "the same in its one gradient; neither is right"
    assert headline(only(diff, "dW1")) == "different: the layout of dW1; both are right"
    assert headline(only(diff, "dW2", right="neither")) == "different: dW2; neither is right"
    mixed = replace(diff, rows=(*only(diff, "dW2", right="a").rows, *only(diff, "db2").rows))
    assert headline(mixed) == (
        "different: dW2 and db2; reference_net:original is right in dW2, reference_net:corrected is right in db2"
    )
    assert headline(replace(diff, rows=())) == "nothing to compare: no gradient is computed by both"


def test_exit_codes(make):
    diff = make.difference()
    assert (diff.exit_code, diff.same) == (1, False)
    assert only(diff, "dZ2").exit_code == 0
    assert str(diff) == render_diff(diff)


@pytest.mark.parametrize(
    ("of", "layer"),
    [("W2", "2"), ("W", ""), ("layers[1].W", "layers[1]"), ("self.W12", "12"), ("self.head.W", "head"), ("θ3", "3")],
)
def test_layers(make, of, layer):
    assert layer_of(replace(make.difference().rows[0], of=of)) == layer


def test_what_differs(make):
    rows = {row.name: row for row in make.difference().rows}
    assert what_differs(rows["dZ2"]) == "same"
    assert what_differs(rows["dW1"]) == "layout, transposed"
    assert what_differs(replace(rows["dZ2"], b=None)) == "only in a"
    assert what_differs(replace(rows["dZ2"], a=None)) == "only in b"
    assert what_differs(replace(rows["db2"], reason="")) == "shape"
    assert what_differs(replace(rows["dW2"], reason="")) == "values"


def test_markdown(make):
    text = render_diff(make.difference(), "markdown")
    assert text.startswith("### ❌ different: dW2, db2, db1 and the layout of dW1; reference\\_net:corrected is right")
    assert "| 2 | `db2` | `reference_net/original.py:61` | `reference_net/corrected.py:52` | (13,) | (10,) |" in text


def test_other_formats(make):
    with pytest.raises(UsageError) as caught:
        render_diff(make.difference(), "sarif")
    assert str(caught.value) == "gradcheck diff has no format 'sarif'; it has text, json, markdown"
