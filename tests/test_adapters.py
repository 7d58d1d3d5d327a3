"""What the adapters read off names, shapes and results; whole programs of each style are in tests/programs."""

from __future__ import annotations

import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck.adapters import holding
from gradcheck.adapters import names as by_name
from gradcheck.adapters.finding import units
from gradcheck.adapters.sizes import sizes_of
from gradcheck.adapters.taking import taken_apart
from gradcheck.adapters.worlds import WORLDS, role_of
from gradcheck.errors import Several, TargetError, UsageError
from gradcheck.importing import only_defines
from gradcheck.resolve import resolve


@pytest.fixture
def module(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write a file and name it; modules of it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    name = f"adapted_{abs(hash(request.node.name))}.py"

    def write(text: str) -> str:
        (tmp_path / name).write_text(f"import numpy as np\n\n{text}", encoding="utf-8")
        return name

    yield write
    for extra in set(sys.modules) - before:
        if extra.startswith("adapted_"):
            del sys.modules[extra]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("affine_backward", ("affine",)),
        ("backward_affine", ("affine",)),
        ("affineBackward", ("affine",)),
        ("dsigmoid", ("sigmoid",)),
        ("sigmoid_prime", ("sigmoid",)),
        ("grad_f", ("f",)),
        ("AT", ("a",)),
        ("jac", ()),
        ("affine_forward", None),
        ("softmax", None),
    ],
)
def test_the_stem_of_a_backward(name: str, stem: tuple[str, ...] | None) -> None:
    assert by_name.stem_of_backward(name) == stem


@pytest.mark.parametrize(
    ("name", "others", "role"),
    [
        ("x", ["w"], ("data", 1)),
        ("W2", ["X", "W1"], ("weight", 2)),
        ("A_prev", ["W", "b"], ("data", 1)),
        ("prev_h", ["x", "Wx", "Wh", "b"], ("state", 1)),
        ("b", ["x", "prev_h", "Wx", "Wh"], ("recurrent_bias", 1)),
        ("gamma", ["x"], ("gain", 1)),
        ("y", ["x"], ("labels", 1)),
        ("anything", [], ("same", 1)),
    ],
)
def test_the_role_of_an_argument(name: str, others: list[str], role: tuple[str, int]) -> None:
    assert role_of(name, others) == role


def test_the_sizes_of_a_world_differ() -> None:
    for world in WORLDS:
        sizes = [size for symbol, size in world.sizes.items() if symbol in "nchwijdfkt"]
        if world.name != "images, square filters":
            assert len(set(sizes)) >= len(sizes) - 1, world.name


def test_constructor_arguments_that_are_sizes() -> None:
    rows = WORLDS[0]
    names = ["input_size", "hidden_size", "output_size"]
    assert [sizes_of(n, names, rows) for n in names] == [[4], [3], [6]]
    assert sizes_of("output_size", ["input_size", "output_size"], rows) == [3]
    assert sizes_of("layer_sizes", ["layer_sizes"], rows) == [[4, 3, 6]]
    assert sizes_of("in_channels", ["in_channels"], rows) == []
    assert sizes_of("activation", ["activation"], rows) is None


def test_results_are_taken_apart_by_name_and_by_place() -> None:
    leaves = {"x": np.ones((5, 4)), "w": np.ones((4, 3))}
    swapped = taken_apart("b(dout)", (leaves["w"], leaves["x"]), ["dw", "dx"], leaves, ["x", "w"])
    assert swapped is not None
    assert swapped.lines == ("dw, dx = b(dout)",)
    assert swapped.gradients == {"dw": "w", "dx": "x"}
    unnamed = taken_apart("b(dout)", [leaves["x"], leaves["w"]], [None, None], leaves, ["x", "w"])
    assert unnamed is not None
    assert unnamed.gradients == {"dx": "x", "dw": "w"}
    turned = taken_apart("b(dout)", (leaves["w"], leaves["x"]), [None, None], leaves, ["x", "w"])
    assert turned is not None
    assert turned.gradients == {"dw": "w", "dx": "x"}  # nothing but the shapes tells
    one = taken_apart("b(dout)", leaves["w"], [None], leaves, ["x", "w"])
    assert one is not None
    assert one.gradients == {"dw": "w"}
    wrong = taken_apart("b(dout)", (leaves["w"].T, leaves["x"]), [None, None], leaves, ["x", "w"])
    assert wrong is not None
    assert wrong.gradients == {"dx": "x", "dw": "w"}  # one has a shape of its own: by place, and that is told
    keyed = taken_apart("b(dout)", {"dw": leaves["w"], "note": "text"}, [], leaves, [])
    assert keyed is not None
    assert keyed.lines == ("grads = b(dout)", "dw = grads['dw']")
    fields = namedtuple("fields", "w x")(leaves["w"], leaves["x"])
    assert taken_apart("b(dout)", fields, [], leaves, []) is not None
    assert taken_apart("b(dout)", "nothing", [None], leaves, []) is None


def test_gradients_beside_parameters() -> None:
    class Layer:
        def __init__(self) -> None:
            self.W, self.params = np.ones((2, 3)), [np.ones(4)]
            self.x = np.ones(5)

    before, after = Layer(), Layer()
    after.dW, after.grads, after.dx = np.ones((2, 3)), [np.ones(4)], np.ones(5)  # type: ignore[attr-defined]
    found = holding.parameters(holding.leaves(before, "layer"), holding.leaves(after, "layer"))
    assert {n: (p.path, g.path) for n, (p, g) in found.items()} == {
        "W": ("layer.W", "layer.dW"),
        "params_0": ("layer.params[0]", "layer.grads[0]"),
    }


@pytest.mark.parametrize(
    ("text", "does_nothing"),
    [
        ("def f(x):\n    return x\n", True),
        ("N = 3\ndef f(x):\n    return x\n", True),
        ("def f(x):\n    return x\nf(3)\n", False),
        ("def f(x):\n    return x\ny = f(3)\n", False),
        ("def f(x):\n    return x\ninput()\n", False),
        ("def f(x):\n    return x\ndW = 3.0\n", False),
        ("def f(x):\n    return x\nif __name__ == '__main__':\n    f(3)\n", False),
        ("x = 3\n", False),
    ],
)
def test_a_file_that_only_defines(text: str, does_nothing: bool) -> None:
    import ast

    assert only_defines(ast.parse(text)) == does_nothing


PAIR = """
def linear_forward(x, w):
    return x @ w, (x, w)

def linear_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout
"""


def test_a_file_with_one_pair_is_that_pair(module: Any) -> None:
    report = gradcheck.check(module(PAIR))
    assert {c.name: c.verdict.value for c in report.comparisons} == {"dx": "pass", "dw": "pass"}
    assert "driven with x (5, 4), w (4, 3): found by trying" in report.notes


def test_a_file_with_several_things_asks_for_one(module: Any) -> None:
    name = module(PAIR + PAIR.replace("linear", "other"))
    with pytest.raises(Several) as caught:
        resolve(name)
    assert caught.value.targets == (f"{name}:linear_forward,linear_backward", f"{name}:other_forward,other_backward")


def test_a_call_says_what_it_is_driven_with(module: Any) -> None:
    name = module(PAIR)
    asked = f"{name}:linear_forward,linear_backward"
    report = gradcheck.check(asked, call="linear_forward(np.ones((2, 7)), np.ones((7, 1)))")
    assert [c.shape for c in report.comparisons] == [(2, 7), (7, 1)]
    for call, told in (("other(3)", "expected a call of linear_forward"), ("linear_forward(", "is not a Python")):
        with pytest.raises(UsageError, match=told):
            gradcheck.check(asked, call=call)


def test_a_derivative_of_the_output_is_read_as_such(module: Any) -> None:
    name = module("def sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n\ndef sigmoid_prime(s):\n    return s * (1 - s)\n")
    report = gradcheck.check(name)
    assert report.verdict == "pass"
    assert any("in terms of the output" in note for note in report.notes)


def test_readings_that_differ_are_asked_about(module: Any) -> None:
    text = "def act(z):\n    return np.tanh(z)\n\ndef act_backward(dout, q):\n    return dout * (1 - q ** 3)\n"
    with pytest.raises(UsageError, match="can be read in several ways") as caught:
        gradcheck.check(module(text))
    assert "act_backward(upstream, z)" in str(caught.value)
    assert "act_backward(upstream, out)" in str(caught.value)


def test_what_cannot_be_driven_says_how(module: Any) -> None:
    text = PAIR.replace("return x @ w, (x, w)", 'raise ValueError("no such thing")')
    with pytest.raises(UsageError, match=r'no such thing .*--call "linear_forward\(...\)"'):
        gradcheck.check(module(text))


def test_a_backward_that_raises_at_once_is_told(module: Any) -> None:
    with pytest.raises(TargetError, match="raised before any backward step was seen: ZeroDivisionError"):
        gradcheck.check(module(PAIR.replace("    x, w = cache\n", "    1 / 0\n")))


def test_trying_leaves_no_trace(module: Any) -> None:
    text = PAIR.replace("    return x @ w, (x, w)", "    SEEN.append(x)\n    return x @ w, (x, w)")
    name = module("SEEN = []\n" + text)
    state = np.random.get_state()[1].copy()
    assert gradcheck.check(name).verdict == "pass"
    assert sys.modules[name.removesuffix(".py")].SEEN == []
    assert np.array_equal(np.random.get_state()[1], state)


def test_units_of_a_module() -> None:
    made = ModuleType("made")
    assert units(made) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def misfit(u): ...\ndef gradient(u): ...\ndef adjoint(p): ...", ["misfit,gradient"]),
        ("def log_posterior(x): ...\ndef grad(x): ...", ["log_posterior,grad"]),
        ("def misfit(u): ...\ndef grad(v): ...", ["misfit,grad"]),
        ("def misfit(u): ...\ndef march(u): ...", []),
    ],
)
def test_of_several_functions_the_gradient_takes_what_the_value_takes(text: str, found: list[str]) -> None:
    made = ModuleType("made")
    exec(text, vars(made))
    assert units(made) == found


# -- example calls


EXAMPLED = """
def blend_forward(x, k, how):
    return {"soft": 0.5}[how] * x @ k, (x, k)

def blend_backward(dout, cache):
    x, k = cache
    return 0.5 * dout @ k.T, 0.5 * x.T @ dout
"""


def driven(name: str) -> list[str]:
    """What the notes of a pair say of its inputs, looked for as the command line does."""
    target = resolve(name, examples=True)
    return [note for note in target.notes if note.startswith("driven")]


def test_an_example_call_is_taken_with_its_own_numbers(module: Any) -> None:
    name = module(
        EXAMPLED
        + """
COUNT = []

def test_it():
    COUNT.append(1)
    blend_forward(np.full((2, 3), 7.0) + np.arange(3), np.arange(12.0).reshape(3, 4), "soft")
"""
    )
    target = resolve(name, examples=True)
    assert driven(name) == [f"driven with x (2, 3), k (3, 4), how 'soft': from the call at {name}:15"]
    x, k, how, *_ = target.names["_example"](0)
    assert (x[0].tolist(), k[0].tolist(), how) == ([7.0, 8.0, 9.0], [0.0, 1.0, 2.0, 3.0], "soft")
    other, *_ = target.names["_example"](1)
    assert other.shape == x.shape
    assert not np.array_equal(other, x)
    assert target.module is not None
    assert target.module.COUNT == []  # the test has left nothing behind
    with pytest.raises(UsageError, match="nothing was found that blend_forward"):
        resolve(name)  # in the user's own process no test is run


def test_sizes_that_hide_errors_are_changed(module: Any) -> None:
    name = module(EXAMPLED + '\nblend_forward(np.eye(3) + 1.5 * np.ones((3, 3)), np.zeros((3, 3)), "soft")\n')
    name = f"{name}:blend_forward,blend_backward"
    told = driven(name)[0]
    assert "driven with x (4, 3), k (3, 5), how 'soft': from the call at" in told
    assert told.endswith("there x is (3, 3), there k is (3, 3)")
    x, k, *_ = resolve(name, examples=True).names["_example"](0)
    assert k.any()
    assert x.shape == (4, 3)


def test_labels_and_samples_stay_one_for_one(module: Any) -> None:
    name = module(
        """
def rated_loss(scores, picks, rule):
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    rows = np.arange(len(picks))
    loss = -rule.weight * np.log(p[rows, picks]).mean()
    dscores = p.copy()
    dscores[rows, picks] -= 1
    dscores *= rule.weight / len(picks)
    return loss, dscores

class Rule:
    weight = 2.0

def check():
    rated_loss(np.random.randn(3, 3), np.array([0, 2, 1]), Rule())
"""
    )
    assert "driven with scores (4, 3), picks (4,) class numbers, rule Rule: from the call" in driven(name)[0]


def test_what_is_wrong_at_other_sizes_alone_is_asked_about(module: Any) -> None:
    # the mean is over the wrong axis, which goes unseen as long as both are of one size
    name = module(
        """
def avg_forward(x):
    return x / x.shape[0], x

def avg_backward(dout, x):
    return dout / x.shape[1]

def test_avg():
    avg_forward(np.random.randn(3, 3))
"""
    )
    target = resolve(name, examples=True)
    asked = 'with other sizes it goes through as well, and is wrong there; to check those: --shapes "x:(4,3)"'
    assert target.asks == asked
    assert target.asks in target.notes
    assert target.names["_example"](0)[0].shape == (3, 3)


def test_examples_that_do_not_end_or_are_refused_are_passed_over(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcheck.adapters.examples.SECONDS", 0.05)
    name = module(
        PAIR
        + """
def test_refused():
    linear_forward(np.ones(3), np.ones((2, 2)))

def main():
    count = 0
    while True:
        count += 1
    linear_forward(np.ones((2, 3)), np.ones((3, 2)))

if __name__ == "__main__":
    main()
"""
    )
    target = resolve(f"{name}:linear_forward,linear_backward", examples=True)
    assert "driven with x (5, 4), w (4, 3): found by trying" in target.notes


@pytest.mark.parametrize(
    ("body", "leads"),
    [
        ("    helper()\n", True),
        ("    Holder().run()\n", True),
        ("    other()\n", False),
        ("    while True:\n        try:\n            helper()\n        except:\n            pass\n", False),
        ("    while True:\n        try:\n            helper()\n        except ValueError:\n            pass\n", True),
    ],
)
def test_what_leads_to_a_call(body: str, leads: bool) -> None:
    import ast

    from gradcheck.adapters.examples import reaches

    tree = ast.parse(
        f"def start():\n{body}\ndef helper():\n    wanted(1)\n\ndef other():\n    pass\n\n"
        "class Holder:\n    def run(self):\n        wanted(2)\n"
    )
    assert reaches(tree, tree.body[:1], {"wanted"}) == leads


FLATTENED = """
def heads_forward(x, w):
    z = (x @ w).reshape(len(x), 3, -1)
    return np.tanh(z), (x, w, z)

def heads_backward(dout, cache):
    x, w, z = cache
    dz = (dout * (1 - np.tanh(z) ** 2)).reshape(len(x), -1)
    return dz @ w.T, x.T @ dz
"""


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("", "", "pass"),
        (" * (1 - np.tanh(z) ** 2)", "", "fail"),
        (".reshape(len(x), -1)\n", ".transpose(0, 2, 1).reshape(len(x), -1)\n", "fail"),
    ],
)
def test_a_gradient_that_is_only_flattened_has_no_wrong_shape(module: Any, old: str, new: str, verdict: str) -> None:
    text = FLATTENED.replace(old, new) if old else FLATTENED
    report = gradcheck.check(f"{module(text)}:heads_forward,heads_backward", shapes="x:(m,d) w:(d,6)", properties=False)
    found = {c.name: c.verdict.value for c in report.comparisons}
    assert (report.verdict, found["dz"]) == (verdict, verdict)
