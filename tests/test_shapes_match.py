"""Matching shapes: what is bound, what is caught, and how it is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck.shapes import (
    Bindings,
    check_shapes,
    expected_text,
    gradient_spec,
    match,
    match_all,
    parse_shape,
    parse_spec,
    resolve,
    symbols,
)


def reason(text, shape, name="x", bindings=None):
    return match(parse_shape(text), shape, name, bindings)[1]


def test_binding_says_where():
    bound, why = match(parse_shape("(784, h)"), (784, 10), "W1", Bindings())
    assert why is None
    assert (bound["h"].size, bound["h"].where) == (10, "W1 axis 1")
    assert str(bound) == "h=10"


def test_bindings_never_change():
    empty = Bindings()
    bound = empty.bind("m", 3, "x axis 0")
    assert "m" not in empty
    assert bound.bind("m", 4, "y axis 0")["m"].size == 3


H10 = Bindings().bind("h", 10, "W1 axis 1")


@pytest.mark.parametrize(
    ("text", "shape", "name", "bindings", "said"),
    [
        ("(h)", (), "db1", H10, "db1: expected (h,) = (10,), got (); h=10 was set by W1 axis 1"),
        ("(h)", (12,), "b1", H10, "b1: expected (h,) = (10,), got (12,); h=10 was set by W1 axis 1"),
        ("(m,h)", (13, 12), "Z1", H10, "Z1: expected (m, h) = (m, 10), got (13, 12); h=10 was set by W1 axis 1"),
        ("(m,784)", (13, 783), "x", None, "x: expected (m, 784), got (13, 783)"),
        ("(m,784)", (13,), "x", None, "x: expected (m, 784), got (13,)"),
        ("()", (1,), "loss", None, "loss: expected (), got (1,)"),
        ("(n,n)", (3, 4), "S", None, "S: expected (n, n), got (3, 4); n=3 was set by S axis 0"),
        ("(h*2)", (19,), "y", H10, "y: expected (h*2,) = (20,), got (19,); h=10 was set by W1 axis 1"),
        ("(k*2)", (20,), "y", H10, "y: expected (k*2,), got (20,); nothing sets k in k*2"),
        (
            "(h-11)",
            (2,),
            "y",
            H10,
            "y: expected (h-11,), got (2,); h=10 was set by W1 axis 1; h-11 is -1 with h=10, and no axis is negative",
        ),
        (
            "*batch h",
            (2, 4, 10),
            "y",
            H10.bind("batch", (2, 3), "x axes 0 to 1"),
            "y: expected (*batch, h) = (2, 3, 10), got (2, 4, 10); batch=(2, 3) was set by x axes 0 to 1",
        ),
    ],
)
def test_reasons(text, shape, name, bindings, said):
    before = bindings or Bindings()
    after, why = match(parse_shape(text), shape, name, before)
    assert why == said
    assert after is before, "what does not fit binds nothing"


@pytest.mark.parametrize("shape", [(5,), (2, 5), (2, 3, 5)])
def test_dots_match_any_number_of_axes(shape):
    assert reason("... c", shape) is None
    assert reason("... 5", shape) is None
    assert reason("... 4", shape) is not None


def test_dots_need_what_stands_beside_them():
    assert reason("... c", ()) == "x: expected (..., c), got ()"


def test_a_named_run_is_bound_as_a_whole():
    bound, _ = match(parse_shape("*batch c"), (2, 3, 5), "x")
    assert bound["batch"].size == (2, 3)
    assert bound["batch"].where == "x axes 0 to 1"
    assert match(parse_shape("*batch 7"), (2, 3, 7), "y", bound)[1] is None
    assert match(parse_shape("*batch 7"), (6, 7), "y", bound)[1] is not None


def test_an_expression_may_stand_before_its_symbol():
    assert reason("(n-1, n)", (2, 3)) is None
    assert reason("(n-1, n)", (3, 3)) is not None


@pytest.mark.parametrize(
    ("shapes", "ok"),
    [
        (((2, 3), (3, 4), (2, 4)), True),
        (((3,), (3, 4), (4,)), True),
        (((2, 3), (3,), (2,)), True),
        (((3,), (3,), ()), True),
        (((3,), (3, 4), (2, 4)), False),
    ],
)
def test_optional_axes_as_in_numpy_matmul(shapes, ok):
    spec = parse_spec("(n?,k),(k,m?)->(n?,m?)").named(inputs=["a", "b"], outputs=["c"])
    rows = check_shapes(spec, dict(zip("abc", shapes)))
    assert all(row.ok for row in rows) is ok
    if not ok:
        assert rows[2].reason == (
            "c: expected (n?, m?) = (4,), got (2, 4); n=() was set by a, which lacks that axis; m=4 was set by b axis 1"
        )


SPEC = parse_spec("x:(m,784) W1:(784,h) b1:(h) Z1:(m,h)")
RIGHT = {"x": (13, 784), "W1": (784, 10), "b1": (10,), "Z1": (13, 10)}


def test_a_whole_set():
    rows, bound = match_all(SPEC, RIGHT)
    assert [row.ok for row in rows] == [True] * 4
    assert [row.expected for row in rows] == ["(m, 784)", "(784, h)", "(h,)", "(m, h)"]
    assert rows[3].resolved == (13, 10)
    assert str(bound) == "m=13, h=10"


def test_a_value_that_was_not_seen_is_not_passed():
    rows = check_shapes(SPEC, {"x": (13, 784)})
    assert [row.ok for row in rows] == [True, None, None, None]
    assert rows[1].reason == "W1: expected (784, h), but no value of that name was seen"


def test_gradients_bind_last():
    spec = parse_spec("dW1:(784,h) W1:(784,h)")
    rows = check_shapes(spec, {"dW1": (784, 12), "W1": (784, 10)})
    assert [row.ok for row in rows] == [False, True]
    assert rows[0].reason == ("dW1: expected (784, h) = (784, 10), got (784, 12); h=10 was set by W1 axis 1")


def test_what_comes_first_binds_first():
    spec = parse_spec("Z1:(m,h) b1:(h)")
    shapes = {"Z1": (13, 12), "b1": (10,)}
    assert [row.ok for row in check_shapes(spec, shapes)] == [True, False]
    assert [row.ok for row in check_shapes(spec, shapes, first=["b1"])] == [False, True]


def test_expressions_wait_for_their_symbols():
    rows = check_shapes(parse_spec("y:(h*2) b:(h)"), {"y": (20,), "b": (10,)})
    assert [row.ok for row in rows] == [True, True]


def test_gradient_spec():
    spec = gradient_spec(SPEC, {"dW1": "W1", "db1": "b1", "dq": "q", "x": "W1"})
    assert str(spec).endswith("Z1:(m, h) dW1:(784, h) db1:(h,)")
    rows = check_shapes(spec, {**RIGHT, "dW1": (784, 10), "db1": ()})
    assert [row.name for row in rows if not row.ok] == ["db1"]
    assert spec.entries[-1].of == "b1"


def test_expected_text_keeps_the_batch():
    bound = match_all(SPEC, RIGHT)[1]
    assert expected_text(SPEC["Z1"], bound) == "(13, 10)"
    assert expected_text(SPEC["Z1"], bound, keep=["m"]) == "(m, 10)"
    assert expected_text(parse_shape("(m, k, h*2)"), bound, keep=["m"]) == "(m, k, 20)"


NAMES = st.sampled_from(["m", "h", "n", "θ", "k2"])
SIZES = st.integers(0, 40)


@st.composite
def shapes(draw):
    """A spec of plain axes and an expression of a symbol in it, in text, with sizes."""
    axes = draw(st.lists(NAMES | SIZES.map(str), min_size=1, max_size=5))
    plain = [axis for axis in axes if not axis.isdecimal()]
    if plain:
        axes += draw(st.lists(st.sampled_from([f"{plain[0]}*2", f"3*{plain[0]}+1", f"({plain[0]}+1)//2"]), max_size=2))
    sizes = {name: draw(SIZES) for name in dict.fromkeys(plain)}
    return f"({','.join(axes)},)", sizes


@given(shapes())
def test_what_a_spec_gives_matches_and_binds_the_same_sizes(given_):
    text, sizes = given_
    spec = parse_shape(text)
    assert parse_shape(str(spec)) == spec
    bound, why = match(spec, resolve(spec, sizes), "x")
    assert why is None
    assert bound.sizes == sizes
    assert set(symbols(spec)) == set(sizes)


@given(shapes(), st.data())
def test_one_axis_changed_is_caught_once_the_sizes_are_known(given_, data):
    text, sizes = given_
    spec = parse_shape(text)
    right = resolve(spec, sizes)
    bound, _ = match(spec, right, "x")
    place = data.draw(st.integers(0, len(right) - 1))
    wrong = list(right)
    wrong[place] += data.draw(st.integers(1, 5))
    after, why = match(spec, wrong, "y", bound)
    assert why is not None
    assert why.startswith("y: expected ")
    assert after is bound


@given(shapes(), st.booleans())
def test_one_axis_more_or_less_is_caught(given_, more):
    text, sizes = given_
    spec = parse_shape(text)
    right = resolve(spec, sizes)
    assert match(spec, (*right, 1) if more else right[:-1], "x")[1] is not None


@given(st.lists(SIZES, max_size=3), st.lists(SIZES, min_size=1, max_size=3))
def test_a_run_takes_what_is_left(batch, rest):
    spec = parse_shape(f"*batch {' '.join(f's{place}' for place in range(len(rest)))}")
    bound, why = match(spec, (*batch, *rest), "x")
    assert why is None
    assert bound["batch"].size == tuple(batch)
    assert resolve(spec, bound.sizes) == (*batch, *rest)


@given(st.text("(),:;>-mh784. *?'\"[]x+/", max_size=20))
def test_no_text_breaks_the_parser(text):
    from gradcheck.errors import UsageError

    try:
        spec = parse_spec(text)
    except UsageError:
        return
    for entry in spec:
        assert parse_shape(str(entry.shape)) == entry.shape
