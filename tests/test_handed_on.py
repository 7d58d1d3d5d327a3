"""Layers as objects, and one name for what goes from each of them to the one before: whose line it is that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcheck

NET = (Path(__file__).parents[1] / "benchmarks/diagnosis/nets/layer_objects.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dout = (out - y) / len(x)", "dout = (y - out) / len(x)"),
        ("dout = layer.backward(dout)", "dout = 2 * layer.backward(dout)"),
        ("dout = layer.backward(dout)", "dout = layer.backward(dout).T"),
        ("dx = dout @ self.W.T", "dx = -dout @ self.W.T"),
        ("dx = dout @ self.W.T", "dx = self.W @ dout.T"),
        ("layer.W -= lr * layer.dW", "layer.W += lr * layer.dW"),
    ],
    ids=[
        "the first",
        "between the layers",
        "so that a layer raises",
        "in a layer",
        "in a layer, so that the next one raises",
        "the update",
    ],
)
def test_the_line_that_is_wrong_is_blamed_and_mended(right: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET.replace(right, wrong))
    report = gradcheck.check(str(path), properties=False)
    errors = [f for f in report.findings if f.severity == "error"]
    assert {f.line for f in errors} == {1 + NET[: NET.index(right)].count("\n")}, str(report)
    fixes = {f.fix.new for f in errors if f.fix is not None}
    assert len(fixes) == 1, str(report)
    assert fixes <= {right, "dx = (self.W @ dout.T).T"}


def test_two_minus_signs_on_the_way_are_a_convention(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET.replace("= layer.backward(dout)", "= -layer.backward(dout)"))
    assert gradcheck.check(str(path), properties=False).exit_code == 0
