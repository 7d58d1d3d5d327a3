"""Example calls in tests that pytest would hand something to, and in a process that something else profiles."""

from __future__ import annotations

import cProfile
import pstats
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradcheck.adapters.overheard import overhear
from gradcheck.resolve import resolve

PAIR = """
import numpy as np

def blend_forward(x, k, how):
    return {"soft": 0.5}[how] * x @ k, (x, k)

def blend_backward(dout, cache):
    x, k = cache
    return 0.5 * dout @ k.T, 0.5 * x.T @ dout
"""
HEAD = "import numpy as np\nimport pytest\nfrom blended import blend_forward\n"
FIXTURES = """
@pytest.fixture
def how():
    return "soft"

@pytest.fixture(scope="module")
def x(rows):
    yield np.arange(2.0 * rows).reshape(rows, 2)

@pytest.fixture()
def rows():
    return 5
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "blended.py").write_text(PAIR)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("blended", "conftest_of_blended"):
        sys.modules.pop(name, None)


def driven(folder: Path) -> list[str]:
    target = resolve(f"{folder / 'blended.py'}:blend_forward,blend_backward", examples=True)
    return [note.partition(": from")[0] for note in target.notes if note.startswith("driven")]


CALL = "blend_forward(np.ones((n, k)) + np.arange(k), np.ones((k, 3)), how)"
TESTS = {
    "fixtures": f"{FIXTURES}\ndef test_it(x, how):\n    blend_forward(x, np.ones((2, 3)), how)\n",
    "parametrize": f"""
@pytest.mark.parametrize("how", ["soft", "none"])
@pytest.mark.parametrize(("n", "k"), [(5, 2), (1, 1)])
def test_it(how, n, k):
    {CALL}
""",
    "param": f"""
@pytest.mark.parametrize("n, k", [pytest.param(5, 2, id="five")])
def test_it(n, k, how="soft"):
    {CALL}
""",
    "both, in a class": f"""{FIXTURES}
class TestIt:
    @pytest.mark.parametrize("k", [2])
    def test_it(self, x, how, k):
        blend_forward(x, np.ones((k, 3)), how)
""",
    "called by a fixture": f"""{FIXTURES}
@pytest.fixture
def out(x):
    return blend_forward(x, np.ones((2, 3)), "soft")
def test_it(out):
    assert out is not None
""",
}


@pytest.mark.parametrize("text", TESTS.values(), ids=TESTS)
def test_what_pytest_would_hand_over(folder: Path, text: str) -> None:
    (folder / "test_blended.py").write_text(HEAD + text)
    assert driven(folder) == ["driven with x (5, 2), k (2, 3), how 'soft'"]


def test_fixtures_of_the_conftest_beside(folder: Path) -> None:
    (folder / "conftest.py").write_text("import numpy as np\nimport pytest\n" + FIXTURES)
    (folder / "test_blended.py").write_text(HEAD + "def test_it(x, how):\n    blend_forward(x, np.ones((2, 3)), how)\n")
    assert driven(folder) == ["driven with x (5, 2), k (2, 3), how 'soft'"]


@pytest.mark.parametrize(
    "text",
    [
        "def test_it(tmp_path):\n    blend_forward(np.ones((5, 2)), np.ones((2, 3)), 'soft')\n",  # pytest's own
        "@pytest.fixture(params=[5])\ndef n(request):\n    return request.param\n"
        "def test_it(n):\n    blend_forward(np.ones((n, 2)), np.ones((2, 3)), 'soft')\n",
        "@pytest.fixture\ndef a(b): ...\n@pytest.fixture\ndef b(a): ...\n"
        "def test_it(a):\n    blend_forward(np.ones((5, 2)), np.ones((2, 3)), 'soft')\n",
    ],
    ids=["tmp_path", "several values", "in a circle"],
)
def test_what_can_not_be_had_without_pytest(folder: Path, text: str) -> None:
    (folder / "test_blended.py").write_text(HEAD + text)
    target = f"{folder / 'blended.py'}:blend_forward,blend_backward"
    with pytest.raises(Exception, match="blend_forward"):
        resolve(target, examples=True)


def called(x: float) -> float:
    return 2 * x


ONE_OF_EACH = """
import numpy as np

def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)

class Dense:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros((1, n_out))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW, self.db = self.x.T @ grad, grad.sum(axis=0, keepdims=True)
        return grad @ self.W.T

if __name__ == "__main__":
    affine_forward(np.random.randn(1, 4), np.random.randn(4, 1), np.random.randn(1))
    Dense(4, 1).forward(np.random.randn(5, 4))
"""


@pytest.mark.parametrize(
    ("name", "right", "wrong", "told", "instead"),
    [
        (
            "affine_forward,affine_backward",
            "dout.sum(axis=0)\n",
            "dout.sum().reshape(1)\n",
            "driven with x (3, 4), w (4, 5), b (5,)",
            "w (4, 5) and b (5,)",
        ),
        ("Dense", "grad.sum(axis=0, k", "grad.sum(k", "there n_out is 1", "n_out 3"),
    ],
    ids=["a pair", "an object"],
)
def test_what_there_is_one_of(tmp_path: Path, name: str, right: str, wrong: str, told: str, instead: str) -> None:
    """An example with one sample and one unit is driven with several; where only one goes well, that is said."""
    instead = f"with {instead} it goes through as well, and was not found to be right"
    for file, text in ("right.py", ONE_OF_EACH), ("wrong.py", ONE_OF_EACH.replace(right, wrong)):
        (tmp_path / file).write_text(text)
        notes = " ".join(resolve(f"{tmp_path / file}:{name}", examples=True).notes)
        assert (told in notes) is (file == "right.py"), notes
        assert (instead in notes) is (file == "wrong.py"), notes


def test_a_profiler_that_is_at_work_goes_on() -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        call = overhear(lambda: called(3.0), called, None, 5.0)
        called(4.0)
    finally:
        profiler.disable()
    assert call is not None
    assert call.arguments == {"x": 3.0}
    stats: Any = pstats.Stats(profiler)
    assert any(name == "called" for _, _, name in stats.stats)


def test_a_profile_function_is_put_back() -> None:
    seen: list[str] = []

    def hook(frame: Any, event: str, _: Any) -> None:
        seen.append(frame.f_code.co_name)

    sys.setprofile(hook)
    try:
        overhear(lambda: called(3.0), called, None, 5.0)
        assert sys.getprofile() is hook
        called(4.0)
    finally:
        sys.setprofile(None)
    assert "called" in seen
