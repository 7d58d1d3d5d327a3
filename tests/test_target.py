"""From the TARGET text to what is driven, and the paragraph for each text that can't be."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gradcheck
from gradcheck import conventions
from gradcheck.driver import Driver
from gradcheck.errors import NothingToCheck, TargetError, UsageError
from gradcheck.options import Options
from gradcheck.resolve import resolve

STEP = """
import numpy as np
x, y = np.linspace(-1, 1, 12).reshape(4, 3), np.ones((4, 2))
W = np.arange(6.0).reshape(3, 2) / 6
def step(x=x, y=y, W=W):
    Z = x @ W
    loss = ((Z - y) ** 2).sum()
    dZ = 2 * (Z - y)
    dW = x.T @ dZ
    return dW
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def _forget_modules() -> object:
    before = set(sys.modules)
    path = list(sys.path)
    yield
    for name in set(sys.modules) - before:
        if not (getattr(sys.modules[name], "__file__", None) or "").startswith(sys.prefix):
            del sys.modules[name]
    sys.path[:] = path


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return name


@pytest.mark.parametrize("target", ["net_a.py:step", "net_a:step"])
def test_a_function_without_arguments(here: Path, target: str) -> None:
    write(here, "net_a.py", STEP)
    assert gradcheck.check(target).verdict == "pass"


def test_a_script(here: Path) -> None:
    write(here, "script_a.py", STEP + "\nstep()\n")
    report = gradcheck.check("script_a.py")
    assert [c.name for c in report.comparisons] == ["dZ", "dW"]
    assert report.verdict == "pass"


def test_a_function_in_a_package(here: Path) -> None:
    write(here, "pkg_a/__init__.py", "")
    write(here, "pkg_a/sub/__init__.py", "")
    write(here, "pkg_a/sub/net.py", "from ..parts import square\n" + STEP.replace("((Z - y) ** 2)", "square(Z - y)"))
    write(here, "pkg_a/parts.py", "def square(a):\n    return a * a\n")
    for target in ("pkg_a.sub.net:step", "pkg_a/sub/net.py:step", "pkg_a:sub.net.step"):
        assert gradcheck.check(target).verdict == "pass", target


def test_a_pair_with_shapes(here: Path) -> None:
    write(
        here,
        "pair_a.py",
        "def forward(x, w, b):\n    return x @ w + b, (x, w)\n\n"
        "def backward(dout, cache):\n    x, w = cache\n    return dout @ w.T, x.T @ dout, dout.sum(axis=0)\n\n"
        "def mistaken(dout, cache):\n    x, w = cache\n    return dout @ w.T, x.T @ dout, dout.sum(axis=1)\n",
    )
    right = gradcheck.check("pair_a.py:forward,backward", shapes="x:(m,d) w:(d,h) b:(h)")
    assert {c.name: c.verdict.value for c in right.comparisons} == {"dx": "pass", "dw": "pass", "db": "pass"}
    wrong = gradcheck.check("pair_a.py:forward,mistaken", shapes="x:(m,d) w:(d,h) b:(h)")
    assert {c.name: c.verdict.value for c in wrong.comparisons} == {"dx": "pass", "dw": "pass", "db": "fail"}
    assert next(c for c in wrong.comparisons if c.name == "db").line == 10


def test_a_declared_target_of_a_submodule() -> None:
    assert resolve("reference_net.original").call == resolve("reference_net:original").call


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("", "TARGET '' names nothing: expected a module, a file or module:name, e.g. net.py:train."),
        ("no_such_module_x", "there is no module 'no_such_module_x', neither installed nor in the current folder."),
        ("reference_net.nothing", "there is no module 'reference_net.nothing'"),
        ("reference_net:nothing", "reference_net has nothing named 'nothing' (there are corrected, original"),
        ("missing.py", "the file missing.py does not exist (looked in "),
        ("not-a-module", "'not-a-module' is neither a module's name nor a file that ends in .py."),
        ("reference_net:a,b,c", "expected one name after the colon, or forward,backward; got 'a,b,c'."),
        ("json:decoder.scanstring_no", "has nothing named 'scanstring_no'"),
        ("json.decoder:NaN", "NaN is a float, expected a function, a class or a declared target."),
    ],
)
def test_a_text_that_names_nothing(here: Path, target: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(target)
    assert told in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def f(:\n    pass\n", "bad_syntax.py:1 can't be parsed: invalid syntax."),
        ("print 'hello'\n", "It reads like Python 2."),
        ("import numpy as np\nnp.zeros(3) @ np.zeros(4)\n", "bad_syntax.py raised while it was imported: ValueError"),
        ("import sys\nsys.exit(3)\n", "bad_syntax.py ends the program while it is imported: SystemExit: 3"),
        ("import not_there_at_all\n", "ModuleNotFoundError: No module named 'not_there_at_all'"),
    ],
)
def test_a_file_that_cannot_be_imported(here: Path, source: str, told: str) -> None:
    write(here, "bad_syntax.py", source)
    with pytest.raises(TargetError) as caught:
        resolve("bad_syntax.py:f")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("[]", 'expected {"default": NAME, "targets"'),
        ('{"targets": {"a": {"call": "f()"}}}', '"default" is None, expected one of a.'),
        ('{"default": "a", "targets": {"a": {}}}', '"call" is missing'),
        ('{"default": "a", "targets": {"a": {"call": "f()", "shape": ""}}}', "unknown key 'shape'"),
        ('{"default": "a", "targets": {"a": {"call": 3}}}', "'call' is 3, expected text."),
    ],
)
def test_a_declaration_that_cannot_be_read(here: Path, declared: str, told: str) -> None:
    write(here, "declared_a.py", f"__gradcheck__ = {declared}\n")
    with pytest.raises(UsageError) as caught:
        resolve("declared_a")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("body", "error", "told"),
    [
        ("raise ValueError('no data')", TargetError, "raised before any backward step was seen: ValueError: no data"),
        ("input('go? ')", TargetError, "waits for input before any backward step was seen"),
        ("raise SystemExit(1)", TargetError, "ends the program before any backward step was seen"),
        ("return 1.0", NothingToCheck, "no gradient could be observed"),
    ],
)
def test_no_backward_step(here: Path, body: str, error: type[Exception], told: str) -> None:
    write(here, "early.py", f"def f():\n    {body}\n")
    with pytest.raises(error) as caught:
        gradcheck.check("early.py:f")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        ("Z", "expected a scalar, got an array of shape (4, 2); sum it or average it."),
        ("Z.sum() * np.nan", "is nan at the probe"),
        ("nothing.sum()", "the forward has no value named 'nothing'; it has "),
        ("Z +", "is not a Python expression"),
        ("1.0", "names no value of the forward, so it has no gradient."),
        ("(Z @ Z).sum()", "raised ValueError"),
        ("Z.sum() > 0", "expected a scalar, got a bool, np.True_."),
        ("(Z * 1j).sum()", "expected a scalar, got a complex128, "),
        ("None if Z.sum() else 1", "expected a scalar, got a NoneType, None."),
        ("str(Z)[:2]", "expected a scalar, got a str, '[['."),
        ("exit(Z.sum())", "raised SystemExit: "),
        ("(yield Z)", "is not a Python expression: 'yield' outside function, at column 2."),
    ],
)
def test_a_loss_that_is_none(here: Path, loss: str, told: str) -> None:
    write(here, "net_b.py", STEP)
    with pytest.raises(UsageError) as caught:
        gradcheck.check("net_b.py:step", loss=loss)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "loss",
    [
        "((Z - y) ** 2).sum()",
        "np.sum(np.square(Z - y))",
        "sum((Z - y).ravel() ** 2)",
        "loss",
        "loss + 0 * Z.sum()",
        "sum([v**2 for v in (Z - y).ravel()])",
    ],
)
def test_a_loss_of_the_users_own(here: Path, loss: str) -> None:
    write(here, "net_c.py", STEP)
    report = gradcheck.check("net_c.py:step", loss=loss)
    assert report.verdict == "pass"
    assert report.loss is not None
    assert not report.loss.inferred
    assert gradcheck.check("net_c.py:step", loss=f"2 * ({loss})").verdict == "fail"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"batch": 0}, "--batch 0: expected a number of samples, 1 or more."),
        ({"budget": 0}, "--budget 0"),
        ({"timeout": 0}, "--timeout 0: expected a number of seconds above 0."),
        ({"seed": -1}, "--seed -1"),
        ({"method": "magic"}, "--method magic: expected one of auto, central, richardson, complex."),
        ({"params": ("b1",), "grads": {"dW": "W1"}}, "contradict each other"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        Options(**options)  # type: ignore[arg-type]
    assert told in str(caught.value)


def test_a_batch_for_what_cannot_be_rebuilt(here: Path) -> None:
    write(here, "net_d.py", STEP)
    with pytest.raises(UsageError, match="it declares no size m"):
        gradcheck.check("net_d.py:step", batch=3)


def test_params_and_grads(here: Path) -> None:
    write(here, "net_e.py", STEP.replace("dW =", "update =").replace("return dW", "return update"))
    assert [c.name for c in gradcheck.check("net_e.py:step").comparisons] == ["dZ"]
    told = gradcheck.check("net_e.py:step", grads={"update": "W"})
    assert [(c.name, c.of) for c in told.comparisons] == [("dZ", "Z"), ("update", "W")]
    assert [c.name for c in gradcheck.check("net_e.py:step", grads={"update": "W"}, params=["W"]).comparisons] == [
        "update"
    ]
    with pytest.raises(UsageError, match="--params V"):
        gradcheck.check("net_e.py:step", params=["V"])
    with pytest.raises(UsageError, match="--grad nothing"):
        gradcheck.check("net_e.py:step", grads={"nothing": "W"})


@pytest.mark.parametrize("name", ["installed_net", "installed_pkg"])
def test_an_installed_target_is_instrumented_too(here: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from gradcheck.capture import project

    library = here / "lib" / "python3"
    packages = library / "site-packages"
    monkeypatch.setattr(project, "_LIBRARIES", (library,))
    monkeypatch.syspath_prepend(str(packages))
    write(packages, "installed_net.py", STEP)
    write(packages, "installed_pkg/__init__.py", "from .net import step\n")
    write(packages, "installed_pkg/net.py", STEP)
    report = gradcheck.check(f"{name}:step")
    assert [c.name for c in report.comparisons] == ["dZ", "dW"]


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ("nothing:(m,4)", "--shapes: the code has no value named nothing; it has "),
        ("(m,3)->(m,2),(m,2)", "has 2 unnamed outputs, the target has 1: "),
    ],
)
def test_shapes_of_what_is_not_there(here: Path, shapes: str, told: str) -> None:
    write(here, "net_s.py", STEP)
    with pytest.raises(UsageError) as caught:
        gradcheck.check("net_s.py:step", call="step()", shapes=shapes)
    assert told in str(caught.value)


def test_a_spec_of_input_to_output_is_held_against_the_code(here: Path) -> None:
    write(here, "net_e.py", STEP)
    assert gradcheck.check("net_e.py:step", call="step()", shapes="(m,n)->(m,k)").verdict == "pass"
    wrong = gradcheck.check("net_e.py:step", call="step()", shapes="(m,n)->(m,99)")
    assert wrong.verdict == "fail"
    assert [row.name for row in wrong.shapes if row.verdict == "fail"] == ["Z"]


GLOBALS = """
import numpy as np
x, y = np.linspace(-1, 1, 12).reshape(4, 3), np.ones((4, 2))
W = np.arange(6.0).reshape(3, 2) / 6
def step():
    global W
    Z = x @ W
    loss = ((Z - y) ** 2).sum()
    dZ = 2 * (Z - y)
    dW = x.T @ dZ
    W = W - 0.1 * dW
"""
DECLARED = """
__gradcheck__ = {"default": "net", "targets": {"net": {"module": "twice.net", "call": "step()"}}}
"""


def dropped() -> None:
    del sys.modules["twice.net"]


def imported_again() -> None:
    dropped()
    importlib.import_module("twice.net")


def reloaded() -> None:
    importlib.reload(sys.modules["twice.net"])


@pytest.mark.parametrize("change", [dropped, imported_again, reloaded])
def test_a_driver_goes_on_when_its_module_is(here: Path, change: Callable[[], None]) -> None:
    folder = here / "twice"
    folder.mkdir()
    for name, text in (("__init__", DECLARED), ("net", GLOBALS), ("later", ""), ("latest", "")):
        (folder / f"{name}.py").write_text(text)
    driver = Driver(resolve("twice"), base_of=conventions.bases)
    with driver.open() as program:
        assert [g.name for g in program.gradients] == ["dZ", "dW"]
    change()
    for new in ("twice.later", "twice.latest") if change is dropped else ():  # the project is looked over once more
        importlib.import_module(new)
    with driver.open() as program:
        assert [g.name for g in program.gradients] == ["dZ", "dW"]
