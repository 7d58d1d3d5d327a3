"""Things that can be called but have no name of their own, and code that raises once its gradients are known."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = """
import functools
import numpy as np
rng = np.random.default_rng(0)
x, y, W = rng.normal(size=(5, 4)), rng.normal(size=(5, 3)), rng.normal(size=(4, 3))

def step(x=x, factor=1):
    out = x @ W
    dout = out - y
    dW = x.T @ dout if factor == 1 else (x.T @ dout)[::-1]
    return dW

class Caller:
    def __call__(self):
        return step()

part = functools.partial(step, x)
wrong = functools.partial(step, factor=2)
name = lambda: step()
instance = Caller()

def plots():
    step()
    raise FileNotFoundError("figure.png")
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    file = tmp_path / "net.py"
    file.write_text(NET)
    return file


@pytest.mark.parametrize("name", ["part", "name", "instance"])
def test_it_is_called_as_it_is_named(net: Path, name: str) -> None:
    assert gradcheck.check(f"{net}:{name}").verdict == "pass"


def test_a_partial_with_a_wrong_gradient_is_caught(net: Path) -> None:
    assert gradcheck.check(f"{net}:wrong").verdict == "fail"


def test_what_was_raised_after_the_gradients_is_told(net: Path) -> None:
    report = gradcheck.check(f"{net}:plots")
    assert report.verdict == "pass"
    assert any(note.startswith("the code ended with FileNotFoundError: figure.png (") for note in report.notes)
    assert not any("ended" in note for note in gradcheck.check(f"{net}:step").notes)


def test_gradients_that_are_all_zero_are_told(net: Path) -> None:
    net.write_text(NET.replace("dout = out - y", "dout = 0 * out"))
    with pytest.raises(gradcheck.errors.NothingToCheck) as caught:
        gradcheck.check(f"{net}:step")
    assert "dout, dW hold nothing but zeros" in str(caught.value)
