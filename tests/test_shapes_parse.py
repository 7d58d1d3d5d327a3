"""Shape specs: every spelling that is read, and the wording of every refusal."""

from __future__ import annotations

import doctest

import pytest

import gradcheck.shapes.binding
import gradcheck.shapes.parse
import gradcheck.shapes.spec
from gradcheck.errors import UsageError
from gradcheck.shapes import format_shape, parse_shape, parse_spec, resolve, symbols


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("x:(m,784) W1:(784,h) b1:(h) Z1:(m,h)", "x:(m, 784) W1:(784, h) b1:(h,) Z1:(m, h)"),
        ("x:(m,784), W1:(784,h); b1:(h,)\n  Z1 : ( m , h )", "x:(m, 784) W1:(784, h) b1:(h,) Z1:(m, h)"),
        ("loss:()", "loss:()"),
        ("(m,784)->(m,10)", "(m, 784) (m, 10)"),
        ("(m,784) → (m,10)", "(m, 784) (m, 10)"),
        ("(m,n),(n,k)->(m,k)", "(m, n) (n, k) (m, k)"),
        ("(n?,k),(k,m?)->(n?,m?)", "(n?, k) (k, m?) (n?, m?)"),
        ("x:(m,3)->A:(m,4); W:(3,4)", "x:(m, 3) A:(m, 4) W:(3, 4)"),
        ('x: Float[Array, "m 784"], W1: Float[Array, "784 h"]', "x:(m, 784) W1:(784, h)"),
        ('Float[np.ndarray, "m 784"] -> Float[np.ndarray, "m 10"]', "(m, 784) (m, 10)"),
        ("x: 'm 784'", "x:(m, 784)"),
        ("m 784", "(m, 784)"),
        ("... c", "(..., c)"),
        ("*batch c", "(*batch, c)"),
        ("_ 3 _pad", "(_, 3, _pad)"),
        ("rows=4 cols=3", "(4, 3)"),
        ("x:(…, c)", "x:(..., c)"),
        ("x:(h*2, n - 1, (a+b)//2, 2**k)", "x:(h*2, n-1, (a+b)//2, 2**k)"),
        ("x:(28*28,)", "x:(28*28,)"),
        ("θ:(α,β) dθ:(α,β)", "θ:(α, β) dθ:(α, β)"),
        ("layers[1].W:(h,) params['W1']:(n,) self.b:(h)", "layers[1].W:(h,) params['W1']:(n,) self.b:(h,)"),
    ],
)
def test_every_spelling(text, read):
    assert str(parse_spec(text)) == read


def test_roles():
    spec = parse_spec("x:(m,3) -> A:(m,4); W:(3,4)")
    assert [entry.role for entry in spec] == ["input", "output", "value"]
    assert [entry.name for entry in spec.inputs + spec.outputs] == ["x", "A"]
    assert [entry.role for entry in parse_spec("W:(3,4); (m,3) -> (m,4)")] == ["value", "input", "output"]


def test_micro_and_mu_are_one_symbol_as_in_python():
    assert symbols(parse_spec("x:(\u00b5,) y:(\u03bc*2,)")) == ("\u03bc",)


def test_naming_the_unnamed():
    spec = parse_spec("(m,784)->(m,10)").named(inputs=["x"], outputs=["A2"])
    assert str(spec) == "x:(m, 784) A2:(m, 10)"
    with pytest.raises(UsageError) as caught:
        parse_spec("(m,784)->(m,10)").named(inputs=["x", "y"])
    assert str(caught.value) == (
        "the shape spec '(m,784)->(m,10)' has 1 unnamed input, the target has 2: x, y; write one shape for each of them"
    )


EXAMPLE = "x:(m,784) W1:(784,h) b1:(h), or (m,784)->(m,10)"
AXIS = "a number, a symbol, an expression such as h*2, ... or _"
ONLY = "only symbols, whole numbers and + - * // ** can be read"


@pytest.mark.parametrize(
    ("text", "problem", "caret", "expected", "example"),
    [
        ("x:", "no shape stands here", 2, "a shape in parentheses, such as (m,784)", EXAMPLE),
        ("b:10", "no shape stands here", 2, "a shape in parentheses, such as (m,784)", EXAMPLE),
        ("x:(m,,784)", "nothing stands between these commas", 5, AXIS, EXAMPLE),
        ("x:(,)", "nothing stands between these commas", 3, AXIS, EXAMPLE),
        ("x:(m,784", "this '(' is not closed", 2, "a ')'", EXAMPLE),
        ("x:('m)", "this '(' is not closed", 2, "a ')'", EXAMPLE),
        ('x:"m 784', "this quotation mark is not closed", 2, 'a second "', 'x: "m 784"'),
        ("a[0:(m)", "this '[' is not closed", 1, "a ']'", EXAMPLE),
        ("x:(m 784)", "no comma stands between these axes", 3, "commas within the parentheses", EXAMPLE),
        ("x:(m;784)", "no comma stands between these axes", 3, "commas within the parentheses", EXAMPLE),
        ("x=(m)", "no shape follows x", 1, "a colon and a shape: x:(m,784)", EXAMPLE),
        ("x:(m)) y:(k)", "unexpected ')'", 5, "a name and its shape", EXAMPLE),
        ("x:(m) x:(n)", "x is given twice", 6, "one shape for each name", EXAMPLE),
        ("->(m)", "nothing stands before the arrow", 0, "the inputs' shapes", "(m,784)->(m,10)"),
        ("(m)->", "nothing stands after the arrow", 5, "the outputs' shapes", "(m,784)->(m,10)"),
        (
            "(m)->(n)->(k)",
            "there is a second arrow",
            8,
            "one -> between inputs and outputs",
            "(m,n),(n,k)->(m,k)",
        ),
        (
            "x:(None,784)",
            "None is no size",
            3,
            "_ for an axis of any size, ... for any number",
            "x:(_,784)",
        ),
        (
            "x:(...,m,*b)",
            "a second run of axes: which of the two takes which could not be told",
            9,
            "at most one ... or *name a shape",
            "x:(...,c)",
        ),
        ("x:(#m)", "# marks are not read here: gradients never broadcast", 3, "the bare symbol", "x:(m,784)"),
        ("x:(n,m/2)", f"cannot read the axis m/2: {ONLY}", 5, AXIS, EXAMPLE),
        ("x:(m+f(m))", f"cannot read the axis m+f(m): {ONLY}", 5, AXIS, EXAMPLE),
        ("x:(1.5)", f"cannot read the axis 1.5: {ONLY}", 3, AXIS, EXAMPLE),
        ("x:(True*m)", f"cannot read the axis True*m: {ONLY}", 3, AXIS, EXAMPLE),
        ("x:(αβ+m%2)", f"cannot read the axis αβ+m%2: {ONLY}", 6, AXIS, EXAMPLE),
        ("x:(m+)", "cannot read the axis m+", 3, AXIS, EXAMPLE),
        ("x:(-3)", "-3 is -3, and no axis is negative", 3, AXIS, EXAMPLE),
        ("x:(2**99)", "2**99 is no size: powers go from 0 to 63", 3, AXIS, EXAMPLE),
        ("x:(3**63)", "it comes to more than any array has entries", 3, AXIS, EXAMPLE),
        (f"x:({'9' * 32})", "no array is that long", 3, "a size", EXAMPLE),
    ],
)
def test_refusals_show_the_place(text, problem, caret, expected, example):
    with pytest.raises(UsageError) as caught:
        parse_spec(text)
    assert str(caught.value) == (
        f"cannot read the shape spec: {problem}\n  {text}\n  {' ' * caret}^\n"
        f"expected {expected}; for example: {example}"
    )


def test_a_long_spec_is_shown_around_the_place():
    text = " ".join(f"W{place}:(h,h)" for place in range(40)) + " x:(m,,3) " + "y:(m) " * 30
    with pytest.raises(UsageError) as caught:
        parse_spec(text)
    _, shown, caret, _ = str(caught.value).splitlines()
    assert len(shown) < 110
    assert shown[caret.index("^") - 1 : caret.index("^") + 1] == ",,"


def test_the_caret_stands_right_behind_wide_characters():
    with pytest.raises(UsageError) as caught:
        parse_spec("重み:(m,,3)")
    assert str(caught.value).splitlines()[2] == "  " + " " * 8 + "^"


def test_an_axis_without_end_is_refused_quickly():
    with pytest.raises(UsageError, match="this is too long for one axis"):
        parse_spec(f"x:({'(' * 200}m{')' * 200})")


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_spec(text):
    with pytest.raises(UsageError) as caught:
        parse_spec(text)
    assert str(caught.value) == (f"the shape spec is empty; expected shapes by name, for example: {EXAMPLE}")


def test_parse_shape_takes_one_shape():
    assert str(parse_shape("(h)")) == "(h,)"
    with pytest.raises(UsageError) as caught:
        parse_shape("x:(m) y:(k)")
    assert str(caught.value) == ("expected one shape without a name, such as (m,784), got 'x:(m) y:(k)'")


def test_format_shape():
    assert [format_shape(shape) for shape in [(), (10,), (13, 10)]] == ["()", "(10,)", "(13, 10)"]


def test_symbols_in_the_order_of_first_mention():
    assert symbols(parse_spec("x:(m,784) W:(784,h*2) y:(*batch,h,_,...)".replace(",_,...", ",_"))) == (
        "m",
        "h",
        "batch",
    )


def test_resolve():
    sizes = {"m": 4, "h": 3, "batch": (2, 5)}
    assert resolve(parse_shape("(m, h*2, 2**h, -h+m, 7)"), sizes) == (4, 6, 8, 1, 7)
    assert resolve(parse_shape("*batch h"), sizes) == (2, 5, 3)
    assert resolve(parse_shape("()"), {}) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(m, k)", "cannot give (m, k) a size: k has no size; known: m=4, h=3"),
        ("(k*2)", "cannot give (k*2,) a size: k in k*2 has no size; known: m=4, h=3"),
        ("(..., m)", "cannot give (..., m) a size: ... stands for any size; known: m=4, h=3"),
        ("(_, m)", "cannot give (_, m) a size: _ stands for any size; known: m=4, h=3"),
        ("(h-m)", "cannot give (h-m,) a size: h-m is -1 with h=3, m=4, and no axis is negative"),
        ("(m//0)", "cannot give (m//0,) a size: 4//0 divides by zero"),
        ("(m**99)", "cannot give (m**99,) a size: 4**99 is no size: powers go from 0 to 63"),
    ],
)
def test_resolve_says_what_is_missing(text, said):
    with pytest.raises(UsageError) as caught:
        resolve(parse_shape(text), {"m": 4, "h": 3})
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "module", [gradcheck.shapes.parse, gradcheck.shapes.binding, gradcheck.shapes.spec], ids=lambda m: m.__name__
)
def test_the_examples_run(module):
    assert doctest.testmod(module).failed == 0
